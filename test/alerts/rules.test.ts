import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ATTENTION, PROBLEMS, REASONS } from "../../src/rotation/codes.ts";
import { STATES } from "../../src/rotation/states.ts";
import { RULES, knownMetrics, metricsIn } from "./rules.ts";

const RUNBOOK = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
const CHART = new URL("../../helm/keyturn/", import.meta.url);
const known = knownMetrics();
/** `## KeyturnAbsent` and what follows until the next. */
const sectionOf = (alert: string): string => RUNBOOK.split(/^## /m).find((part) => part.startsWith(`${alert}\n`)) ?? "";
const names = [...new Set(RULES.map((rule) => rule.alert))];
/** Values of a label in an expression, alternatives apart. */
const valuesOf = (label: string): string[] =>
  RULES.flatMap(({ expr }) =>
    [...expr.matchAll(new RegExp(`\\b${label}(?:=|=~|!=)"([^"]*)"`, "g"))].flatMap(([, text = ""]) => text.split("|")),
  );

describe("the alert rules", () => {
  it("cover what an installation is watched for", () => {
    expect(names).toEqual(
      expect.arrayContaining(
        "Absent KeyOverdue RotationHalfDone RotationStuck AwaitingTooLong OutgoingStillUsed VerificationFailing ScanStale ProviderDenied SlackUnreachable WorkOverdue DeactivatedElsewhere RedisUnsafe AuditFailing NeedsAttention"
          .split(" ")
          .map((name) => `Keyturn${name}`),
      ),
    );
  });

  it.each(RULES)("$alert says what happened, the impact, what to do, and where to read on", (rule) => {
    for (const name of ["summary", "description", "impact", "action"])
      expect([name, rule.annotations[name]?.trim()]).toEqual([name, expect.stringMatching(/.{15,}/s)]);
    expect(rule.annotations["runbook_url"]).toBe(`docs/runbook.md#${rule.alert.toLowerCase()}`);
    expect(rule.annotations["dashboard_url"]).toBe("dashboards?query=Keyturn");
    expect(["critical", "warning"]).toContain(rule.labels["severity"]);
  });

  it.each(names)("%s has a section in the runbook: meaning, impact, diagnosis with commands, mitigation", (alert) => {
    const section = sectionOf(alert);
    for (const part of ["Meaning", "Impact", "Diagnosis", "Mitigation"]) expect(section).toContain(`**${part}.**`);
    expect(section).toMatch(/^ {4}\S/m);
  });

  it("the runbook has no section for an alert that does not exist", () => {
    expect(names.toSorted()).toEqual(
      [...RUNBOOK.matchAll(/^## (Keyturn\w+)$/gm)].map(([, name = ""]) => name).toSorted(),
    );
  });

  it.each(RULES)("$alert reads metrics that exist", ({ expr }) => {
    expect(metricsIn(expr).length).toBeGreaterThan(0);
    expect(metricsIn(expr).filter((name) => !known.has(name))).toEqual([]);
  });

  it("name codes, states and reasons that exist", () => {
    const codes = { ...ATTENTION, ...PROBLEMS, "401": "", "403": "", ok: "" };
    expect(valuesOf("code").filter((code) => !Object.hasOwn(codes, code))).toEqual([]);
    expect(valuesOf("state").filter((state) => !Object.hasOwn(STATES, state))).toEqual([]);
    expect(valuesOf("reason").filter((reason) => !Object.hasOwn(REASONS, reason))).toEqual([]);
    const next = new Set<string | null>(Object.values(STATES));
    expect(valuesOf("next").filter((who) => !next.has(who))).toEqual([]);
  });
});

describe("docs/metrics.md", () => {
  it("has every metric, and none that does not exist", () => {
    const table = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8").match(/^\|.*$/gm) ?? [];
    const documented = new Set(table.flatMap((row) => metricsIn(row.split("|")[1] ?? "")));
    expect([...documented].toSorted()).toEqual([...known].toSorted());
  });
});

describe("the dashboard", () => {
  const dashboard = JSON.parse(readFileSync(new URL("dashboards/keyturn.json", CHART), "utf8")) as {
    uid?: string;
    templating: { list: { name: string; type: string }[] };
    panels: { title: string; type: string; datasource?: { uid: string }; targets?: { expr: string }[] }[];
  };

  it("answers: are we safe, what is open, who is next, what fails", () => {
    expect(dashboard.panels.filter((p) => p.type === "row").map((p) => p.title)).toEqual([
      "Are we safe?",
      "What is open, and who is next?",
      "What fails?",
      "Keys",
    ]);
  });

  it("reads metrics that exist, from a data source that is chosen and not named", () => {
    const exprs = dashboard.panels.flatMap((p) => p.targets?.map((t) => t.expr) ?? []);
    expect(exprs.length).toBeGreaterThan(10);
    expect(exprs.flatMap(metricsIn).filter((name) => !known.has(name))).toEqual([]);
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: "datasource", type: "datasource" }),
    );
    for (const panel of dashboard.panels.filter((p) => p.type !== "row"))
      expect([panel.title, panel.datasource?.uid]).toEqual([panel.title, "${datasource}"]);
    expect(dashboard.uid).toBeUndefined();
  });
});
