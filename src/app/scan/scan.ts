import { KeyturnError } from "../../rotation/errors.ts";
import { ageDays } from "../../rotation/policy.ts";
import type { Deps } from "../deps.ts";
import { judgeTargets, openRotations } from "./judge-targets.ts";
import { unlessInterrupted } from "../interrupt.ts";
import { keepReport } from "./keep-report.ts";
import { chooseDue, openDue } from "./open-due.ts";
import { rebuildFromMarks } from "./rebuild-from-marks.ts";
import { rebuildFromSink } from "./rebuild.ts";
import { rememberInUse } from "./remember.ts";
import type { Problem, ScanResult } from "./report.ts";
import { type Survey, survey } from "./survey.ts";
import { upkeep } from "./upkeep.ts";
import { makeUrgent } from "./urgent.ts";

export type { Problem, ScanResult, TargetReport } from "./report.ts";

export interface ScanOptions {
  /** Reads only: no record, no mark, no lease, no audit entry. */
  dryRun: boolean;
  /** Told how many keys were read so far. */
  onProgress?: (keys: number) => void;
  /** Ends the scan early: nothing more is opened, and the lease is given back. */
  signal?: AbortSignal;
}

const LEASE_MS = 60_000;

/**
 * Looks at every target and every key of the organization, says what is due and why, and opens rotations (design section
 * 4). A dry run reads only. Of several at once one works. Repeating is safe.
 * @throws LOCK_HELD (75) while another scan runs · INTERRUPTED (75) · ADMIN_* (69): nothing is concluded from half a list
 */
export async function scan(deps: Deps, options: ScanOptions): Promise<ScanResult> {
  const { signal } = options;
  if (options.dryRun) return unlessInterrupted(() => report(deps, options), signal);
  const lease = await deps.leases.acquire("scan", LEASE_MS);
  let lost = false;
  const renewal = setInterval(() => void lease.renew().catch(() => (lost = true)), LEASE_MS / 3);
  const stillOurs = () => {
    if (lost) throw new KeyturnError("LOCK_HELD", "(the lease of this scan was lost)");
  };
  try {
    const work = async () => {
      await deps.audit.reconcile();
      return act(deps, options, stillOurs);
    };
    const result = await unlessInterrupted(work, signal, () => (lost = true));
    await deps.scanLog.record(deps.clock.now());
    return result;
  } finally {
    clearInterval(renewal);
    await lease.release().catch(() => undefined);
  }
}

/** The dry run: what a scan would find, and whom it would propose. */
async function report(deps: Deps, { onProgress }: ScanOptions): Promise<ScanResult> {
  const found = await survey(deps, onProgress);
  try {
    const { reports, groups, problems } = await judgeTargets(deps, found);
    chooseDue(groups);
    return {
      schema: 1,
      targets: reports,
      opened: [],
      rebuilt: [],
      unmanaged: await unmanaged(deps, found),
      problems: [...found.problems, ...problems],
    };
  } finally {
    found.wipe();
  }
}

async function act(deps: Deps, { onProgress }: ScanOptions, stillOurs: () => void): Promise<ScanResult> {
  const began = deps.clock.now();
  const problems: Problem[] = [];
  const known = await deps.audit.lastKnown().catch(() => null);
  const rebuilt = await rebuildFromSink(deps, known, problems);
  const found = await survey(deps, onProgress);
  try {
    problems.push(...found.problems);
    const marked = await rebuildFromMarks(deps, found, known, problems);
    rebuilt.push(...marked.rebuilt);
    const judged = await judgeTargets(deps, found);
    problems.push(...judged.problems);
    await makeUrgent(deps, judged.groups);
    const opened = await openDue(deps, chooseDue(judged.groups), problems, stillOurs);
    await upkeep(deps, found, { sink: known, spent: marked.spent }, problems);
    await rememberInUse(deps, found);
    const nobodys = await unmanaged(deps, found);
    await keepReport(deps, judged, nobodys, problems, { keys: found.keys, durationMs: deps.clock.now() - began });
    return { schema: 1, targets: judged.reports, opened, rebuilt, unmanaged: nobodys, problems };
  } finally {
    found.wipe();
  }
}

/** Keys that nobody manages: the keys of open rotations are managed, wherever they are. */
async function unmanaged(deps: Deps, { unheld }: Survey): Promise<ScanResult["unmanaged"]> {
  const now = deps.clock.now();
  const rotating = new Set(
    (await openRotations(deps)).flatMap((r) => [r.outgoing.id, ...(r.replacement === null ? [] : [r.replacement.id])]),
  );
  const left = rotating.size === 0 ? unheld : unheld.filter((k) => !rotating.has(k.keyId));
  return left.map((k) => ({ keyId: k.keyId, name: k.name, ageDays: ageDays({ now, createdAt: k.createdAt }) }));
}
