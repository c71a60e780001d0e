import type { Destination, Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";
import { inTime } from "./in-time.ts";
import { marksOf } from "./marking.ts";
import { restoreHold } from "./scan/restore.ts";

/**
 * Every hold on this rotation's outgoing key or targets: configuration (this process's and the newest announced), Redis,
 * and, with `marked`, the marks beside the secrets. Any source is enough to hold; none can lift another's (R2, R15, R17).
 * @param passOver whether marks that cannot be read within a few seconds are passed over, instead of thrown
 */
export async function holdsOn(
  deps: Deps,
  subjects: readonly string[],
  marked: Rotation | null = null,
  passOver = false,
): Promise<string[]> {
  const found = new Set<string>();
  const [announced, set] = await Promise.all([deps.registry.holds(), deps.holds.list()]);
  for (const subject of subjects) {
    if (deps.settings.holds.includes(subject)) found.add(`${subject} (holds: in ${deps.settings.configFile})`);
    else if (announced.includes(subject)) found.add(`${subject} (holds: in another process's configuration)`);
    const by = set[subject];
    if (by !== undefined) found.add(`${subject} (keyturn hold by ${by.actor})`);
  }
  const looks = (marked?.plan.destinations ?? []).map((dest) =>
    passOver ? inTime(holdAt(deps, dest)) : holdAt(deps, dest),
  );
  for (const hold of await Promise.all(looks)) if (hold !== null) found.add(hold);
  return [...found];
}

/** The hold that the marks there name, and where; null: none. @throws STORE_* */
async function holdAt(deps: Deps, dest: Destination): Promise<string | null> {
  const { hold } = await marksOf(deps, dest);
  return hold === null ? null : `${hold} (mark at ${dest.store}:${dest.secret})`;
}

/** The epoch of the audit chain in which this process last compared the sink's holds with Redis, and whether it could. */
const compared = new WeakMap<object, { epoch: number; whole: boolean }>();

/**
 * Puts holds back that the audit sink knows and Redis lost, before anything destructive: a new epoch, or none, means that
 * Redis was emptied or set back, and no scan may have run since (R17). Read once per epoch; safe to repeat.
 * @returns whether Redis now has every hold that was ever confirmed: the sink could be read
 */
export async function restoreHolds(deps: Deps): Promise<boolean> {
  const epoch = (await deps.audit.head())?.epoch ?? null;
  const before = compared.get(deps.audit);
  if (epoch !== null && before?.epoch === epoch) return before.whole;
  const known = await deps.audit.lastKnown().catch(() => null);
  const held = await deps.holds.list();
  for (const [subject, { actor }] of known?.holds ?? []) {
    if (held[subject] === undefined) await restoreHold(deps, subject, actor, "sink");
  }
  const whole = known !== null;
  if (epoch !== null) compared.set(deps.audit, { epoch, whole });
  return whole;
}

/**
 * The holds that only marks name: after a loss of Redis nothing else may be left of one. For an answer to a person; what
 * cannot be read now is looked at again before the call, where it counts (R9), and must not stop an emergency.
 */
export async function markedHolds(deps: Deps, destinations: readonly Destination[]): Promise<string[]> {
  const looks = destinations.map((dest) => holdAt(deps, dest).catch(() => null));
  return (await Promise.all(looks)).filter((hold) => hold !== null);
}

/** What a hold on this rotation could be set on. */
export const subjectsOf = (r: Rotation): string[] => [r.outgoing.id, ...r.plan.targets];
