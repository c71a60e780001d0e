import type { AdminKey } from "../../ports/key-admin.ts";
import { isUrgent } from "../../rotation/codes.ts";
import { type Candidate, type Due, ageDays, judge, wantedAtAll } from "../../rotation/policy.ts";
import { isWaitingForPerson } from "../../rotation/states.ts";
import type { Deps } from "../deps.ts";
import { strictest } from "../plans.ts";
import type { Bound } from "./bind.ts";
import type { ReadTarget } from "./read-targets.ts";
import type { Problem, TargetReport } from "./report.ts";
import type { Survey } from "./survey.ts";

/** A key in use, with every target that holds it: judged as one, by the most careful answer of each kind (R1). */
export interface Group {
  key: AdminKey;
  targets: ReadTarget[];
  candidate: Candidate;
  verdict: Due;
  reports: TargetReport[];
}
export interface Judgement {
  reports: TargetReport[];
  groups: Group[];
  problems: Problem[];
}

/** While a rotation is open these are its own doing: it is promoting, or both keys carry the name of a rule. */
const OF_A_ROTATION: readonly string[] = ["destinations_disagree", "ambiguous_rule"];

/** Says of each target whether it is due, and why or why not. Reads the records, changes nothing. */
export async function judgeTargets(deps: Deps, { bound }: Pick<Survey, "bound">): Promise<Judgement> {
  const judgement: Judgement = { reports: [], groups: [], problems: [] };
  const held = await heldSubjects(deps);
  const waiting = await countWaiting(deps);
  const groups = await groupsOf(deps, bound, waiting);
  for (const [read, b] of bound) {
    const group = b.key === null ? undefined : groups.get(b.key.id);
    if (b.key === null) judgement.reports.push(await unbound(deps, read, b.problem, judgement.problems));
    else if (group !== undefined) {
      if (group.candidate.openRotationId === null)
        for (const note of b.notes) judgement.problems.push({ ...note, target: read.target.name });
      const report = reportOf(read, group, held);
      group.reports.push(report);
      judgement.reports.push(report);
    }
  }
  judgement.groups = [...groups.values()];
  for (const g of judgement.groups) {
    if (!g.verdict.due && g.verdict.reason === "problem")
      for (const t of g.targets)
        judgement.problems.push({ code: "gives_up", target: t.target.name, message: g.verdict.message });
  }
  judgement.reports.push(...(await inRotation(deps, judgement.reports)));
  return judgement;
}

/** By key id. All records are asked for at once: with a thousand targets, waiting for each would take longest. */
async function groupsOf(
  deps: Deps,
  bound: readonly [ReadTarget, Bound][],
  waiting: number,
): Promise<Map<string, Group>> {
  const sharing = new Map<string, { key: AdminKey; targets: ReadTarget[] }>();
  for (const [read, { key }] of bound) {
    if (key === null) continue;
    const known = sharing.get(key.id);
    if (known === undefined) sharing.set(key.id, { key, targets: [read] });
    else known.targets.push(read);
  }
  const groups = [...sharing.values()].map(({ key, targets }) => groupOf(deps, key, targets, waiting));
  return new Map((await Promise.all(groups)).map((group) => [group.key.id, group]));
}

async function groupOf(deps: Deps, key: AdminKey, targets: ReadTarget[], waiting: number): Promise<Group> {
  const names = targets.map((t) => t.target.name);
  const locks = [...names.map((n) => `target:${n}`), `key:${key.id}`];
  const [holders, aftermaths] = await Promise.all([
    Promise.all(locks.map((lock) => deps.rotations.holderOf(lock))),
    Promise.all(names.map((n) => deps.rotations.aftermathOf(n))),
  ]);
  const candidate: Candidate = {
    now: deps.clock.now(),
    createdAt: key.createdAt,
    expiresAt: key.expiresAt,
    // A status that we do not know proves nothing (P12).
    active: key.status === "active" || key.status.startsWith("unknown:"),
    maxAgeMs: strictest(targets.map((t) => t.target.policy)).maxAgeMs,
    openRotationId: holders.find((h) => h !== null) ?? null,
    notBefore: aftermaths.reduce<number | null>(
      (latest, a) => (a?.notBefore == null ? latest : Math.max(latest ?? 0, a.notBefore)),
      null,
    ),
    rolledBack: aftermaths.some((a) => a?.state === "rolled_back"),
    failures: Math.max(0, ...aftermaths.map((a) => a?.failures ?? 0)),
    waiting,
    maxOpenRotations: deps.settings.maxOpenRotations,
  };
  return { key, targets, candidate, verdict: judge(candidate), reports: [] };
}

/**
 * What the report says: a key over its limit stays due while its rotation is open, or a proposal that nobody answers
 * would hide it. What is opened is decided by the verdict alone.
 */
function shownOf({ candidate, verdict }: Group): Due {
  const due = verdict.reason === "rotation_open" ? wantedAtAll(candidate) : null;
  return due === null ? verdict : { ...due, message: `${due.message}; ${verdict.message}` };
}

function reportOf(read: ReadTarget, group: Group, held: ReadonlySet<string>): TargetReport {
  const { key, candidate, targets } = group;
  const shown = shownOf(group);
  const holds = [read.target.name, key.id].filter((subject) => held.has(subject));
  const others = targets.filter((t) => t !== read).map((t) => t.target.name);
  const notes = [
    ...(others.length > 0 ? [`the key is shared with ${others.join(", ")}`] : []),
    ...(holds.length > 0 ? [`held (${holds.join(", ")}): nothing destructive will happen`] : []),
  ];
  return {
    name: read.target.name,
    keyId: key.id,
    keyHint: key.hint ?? read.destinations[0]?.hint ?? null,
    ageDays: ageDays(candidate),
    due: shown.due,
    reason: shown.reason,
    message: [shown.message, ...notes].join("; "),
  };
}

async function unbound(
  deps: Deps,
  read: ReadTarget,
  problem: { code: Problem["code"]; message: string },
  problems: Problem[],
): Promise<TargetReport> {
  const { name } = read.target;
  const openId = await deps.rotations.holderOf(`target:${name}`);
  if (openId === null || !OF_A_ROTATION.includes(problem.code)) problems.push({ ...problem, target: name });
  return {
    name,
    keyId: null,
    keyHint: read.destinations[0]?.hint ?? null,
    ageDays: null,
    due: false,
    reason: openId === null ? "problem" : "rotation_open",
    message: openId === null ? problem.message : `rotation ${openId} is open; ${problem.message}`,
  };
}

/** Targets of rules whose rotation is open: only the record still names them while both keys carry one name (R22). */
async function inRotation(deps: Deps, reports: readonly TargetReport[]): Promise<TargetReport[]> {
  const known = new Set(reports.map((r) => r.name));
  const found: TargetReport[] = [];
  for (const r of await openRotations(deps)) {
    for (const name of r.plan.targets) {
      if (known.has(name) || !name.startsWith("rule:") || (await deps.rotations.holderOf(`target:${name}`)) !== r.id)
        continue;
      const age = ageDays({ now: deps.clock.now(), createdAt: r.outgoing.createdAt });
      found.push({
        name,
        keyId: r.outgoing.id,
        keyHint: r.outgoing.hint,
        ageDays: age,
        due: false,
        reason: "rotation_open",
        message: `rotation ${r.id} is open`,
      });
    }
  }
  return found;
}

export async function openRotations(deps: Deps) {
  const open = await Promise.all((await deps.rotations.openIds()).map((id) => deps.rotations.load(id)));
  return open.filter((r) => r !== null);
}

/** How many rotations wait for a person; urgent ones are exempt from the limit and do not count (R5). */
export const countWaiting = async (deps: Deps): Promise<number> =>
  (await openRotations(deps)).filter((r) => isWaitingForPerson(r.state) && !isUrgent(r.reason)).length;

/** Holds do not stop a proposal, but the person who approves should know. */
async function heldSubjects(deps: Deps): Promise<Set<string>> {
  const [announced, set] = await Promise.all([deps.registry.holds(), deps.holds.list()]);
  return new Set([...deps.settings.holds, ...announced, ...Object.keys(set)]);
}
