import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { createCounters } from "../../src/metrics/counters.ts";
import { createChainWatch } from "../../src/metrics/chain.ts";
import type { Family } from "../../src/metrics/exposition.ts";
import { createProcessMetrics } from "../../src/metrics/process.ts";
import { recordFamilies } from "../../src/metrics/records.ts";

export const RULES_FILE = new URL("../../helm/keyturn/alerts/keyturn.rules.yaml", import.meta.url).pathname;

export interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
export const RULES: readonly Rule[] = (
  parse(readFileSync(RULES_FILE, "utf8")) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);

/** Every name that `/metrics` can show: of the families themselves, and those made in src/metrics-page.ts. */
export function knownMetrics(): Set<string> {
  const families: Family[] = [
    ...recordFamilies({
      lastScan: 1,
      scanScheduled: 1,
      scanned: { keys: 1, durationMs: 1 },
      auditHead: null,
      open: [],
      targets: { shown: [], total: 0 },
      unmanaged: { total: 0 },
      problems: { shown: [], total: 0 },
    }),
    ...createCounters().families(),
    ...createChainWatch({ verify: () => Promise.reject(new Error("not asked")) }, () => 0).families(),
    ...createProcessMetrics({ version: "0", install: "keyturn", startedAt: 0 })(),
  ];
  const others =
    "keyturn_collection_success keyturn_queue_jobs keyturn_overdue_rotations keyturn_redis_safe keyturn_redis_problem keyturn_audit_unshipped_entries";
  return new Set([...families.map((f) => f.name), ...others.split(" ")]);
}

/** Every expression of the dashboard. */
export const dashboardExprs = (): string[] =>
  (
    JSON.parse(readFileSync(new URL("../../helm/keyturn/dashboards/keyturn.json", import.meta.url), "utf8")) as {
      panels: { targets?: { expr: string }[] }[];
    }
  ).panels.flatMap((panel) => panel.targets?.map((target) => target.expr) ?? []);

/** Names of our metrics that an expression reads. */
export const metricsIn = (expr: string): string[] =>
  (expr.match(/\b(?:keyturn|process|nodejs)_[a-z0-9_]+/g) ?? []).map((name) =>
    name.replace(/_(?:bucket|sum|count)$/, ""),
  );
