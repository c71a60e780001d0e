import type { Cut, KeptReport, KeptTarget } from "../../ports/rotations.ts";
import type { Deps } from "../deps.ts";
import { nextDue } from "../dues.ts";
import type { Group, Judgement } from "./judge-targets.ts";
import type { Problem, ScanResult, TargetReport } from "./report.ts";

/** A page of this size is still readable, and the whole still fits into one Redis value. */
export const KEPT = { targets: 2000, unmanaged: 200, problems: 200, message: 500 } as const;

/**
 * Keeps what a scan found for those who look between two scans. A scan that worked is not spoiled by a report that cannot
 * be kept. Safe to repeat.
 */
export async function keepReport(
  deps: Deps,
  { reports, groups }: Judgement,
  unmanaged: ScanResult["unmanaged"],
  problems: readonly Problem[],
  effort: Pick<KeptReport, "keys" | "durationMs">,
): Promise<void> {
  const groupOf = new Map(groups.flatMap((g) => g.reports.map((r) => [r, g] as const)));
  const targets = reports.map((r) => kept(r, groupOf.get(r))).toSorted(soonestFirst);
  const report: KeptReport = {
    schema: 1,
    scannedAt: deps.clock.now(),
    ...effort,
    targets: cut(targets, KEPT.targets),
    unmanaged: cut(
      unmanaged.toSorted((a, b) => b.ageDays - a.ageDays),
      KEPT.unmanaged,
    ),
    problems: cut(
      problems.map((p) => ({ ...p, message: short(p.message) })),
      KEPT.problems,
    ),
  };
  await deps.scanLog
    .rememberReport(report)
    .catch(() =>
      deps.log.warn({ event: "scan.report_not_kept" }, "what the scan found could not be kept for the pages"),
    );
}

function kept(r: TargetReport, group: Group | undefined): KeptTarget {
  const key = group?.key ?? null;
  return {
    name: r.name,
    keyId: r.keyId,
    keyName: key?.name ?? null,
    hint: r.keyHint,
    createdAt: key?.createdAt ?? null,
    expiresAt: key?.expiresAt ?? null,
    maxAgeMs: group?.candidate.maxAgeMs ?? null,
    dueAt: group === undefined ? null : (nextDue(group)?.at ?? null),
    due: r.due,
    reason: r.reason,
    message: short(r.message),
  };
}

/** What nobody can tell a time for comes before what has time: it may be a problem. */
const soonestFirst = (a: KeptTarget, b: KeptTarget): number =>
  Number(b.due) - Number(a.due) || (a.dueAt ?? 0) - (b.dueAt ?? 0) || a.name.localeCompare(b.name);

const cut = <T>(all: readonly T[], most: number): Cut<T> => ({ shown: all.slice(0, most), total: all.length });
const short = (text: string): string => (text.length <= KEPT.message ? text : `${text.slice(0, KEPT.message - 1)}…`);
