import { aboutOf } from "../../rotation/about.ts";
import { describeDestination, destinationId, physicalIdOf } from "../../rotation/locks.ts";
import type { Destination, Rotation } from "../../rotation/record.ts";
import { commitIntent } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { destinationSeen } from "../destinations-seen.ts";
import { marksOf } from "../marking.ts";
import { attend, settle } from "../settle.ts";
import { writeLease } from "../write-lease.ts";

const NEXT_LOOK_MS = 60_000;

/**
 * Of a rotation that turned back and is over: a write that a manager carried out after we had stopped waiting for it, or that
 * a worker made in its last moment, made the replacement current. The old value goes back (P6, P7), but nowhere where another
 * rotation is at work or has been since. Repeating it is harmless.
 */
export async function takeBack(deps: Deps, record: Rotation): Promise<Rotation> {
  const places = await whereItIsOurs(deps, record);
  if (places.length === 0) return settle(deps, record, deps.clock.now() + NEXT_LOOK_MS);
  // Without a copy there is nothing more to do than to say so, once.
  const told = record.attention?.code === "destination_changed" ? record.attention.message : "";
  const named = places.filter((dest) => told.includes(describeDestination(dest)));
  const untried = places.filter((dest) => !named.includes(dest));
  if (untried.length === 0) return attend(deps, record, "destination_changed", noCopy(named));
  const evidence = { promoted: true, cause: "late_write", destinations: untried.map(describeDestination) };
  // What the write left beside the value goes as it went at the end, also when we die right after putting the value back.
  const intended = await commitIntent(deps, record, "roll_back", evidence, { cleanedUp: false });
  for (const dest of untried) {
    const lease = await writeLease(deps, dest);
    try {
      if ((await takeBackAt(deps, record, dest)) === "nothing_to_restore") named.push(dest);
    } finally {
      await lease?.release().catch(() => undefined);
    }
  }
  return named.length === 0
    ? settle(deps, intended, deps.clock.now(), { intent: null })
    : attend(deps, intended, "destination_changed", noCopy(named), { intent: null });
}

const noCopy = (where: readonly Destination[]): string =>
  `A write that came late made the replacement current, and no copy of the old value is left: ${where.map(describeDestination).join(", ")}.`;

/** Destinations that hold the replacement, and whose value nobody else has a say in. */
async function whereItIsOurs(deps: Deps, r: Rotation): Promise<Destination[]> {
  if (r.replacement === null) return [];
  // Somebody revokes the old key, or rotates on from the new one.
  for (const key of [r.outgoing.id, r.replacement.id])
    if ((await deps.rotations.holderOf(`key:${key}`)) !== null) return [];
  const ours: Destination[] = [];
  for (const dest of r.plan.destinations) {
    const { holds } = await destinationSeen(deps, r, dest);
    if (holds === "replacement" && !(await isTaken(deps, r, dest))) ours.push(dest);
  }
  return ours;
}

async function isTaken(deps: Deps, r: Rotation, dest: Destination): Promise<boolean> {
  // One rotation at a time on a physical secret (R3).
  if ((await deps.rotations.holderOf(`secret:${physicalIdOf(dest)}`)) !== null) return true;
  const { rotation, replacementKeyId } = await marksOf(deps, dest);
  if (rotation === r.id) return false;
  // After our own clean-up the outgoing key is the one that marks name as current.
  if (rotation === null) return replacementKeyId === r.replacement?.id;
  const other = await deps.rotations.load(rotation);
  // Marks are of a secret; another field's rotation has no say in this one.
  return other === null || other.plan.destinations.some((each) => destinationId(each) === destinationId(dest));
}

/** Whoever rolls back may have looked here before the write took effect, and does not look again. */
export async function takeBackAt(deps: Deps, r: Rotation, dest: Destination): Promise<string | null> {
  const [replacement, outgoing] = [r.replacement?.fingerprint ?? null, r.outgoing.fingerprint];
  if (replacement === null || outgoing === null) return null;
  const outcome = await (await storeOf(deps, dest)).rollBack(dest, r.id, replacement, outgoing);
  const now = outcome === "nothing_to_restore" ? "no copy of the old value is left" : "the old value was put back";
  if (outcome === "rolled_back" || outcome === "nothing_to_restore")
    deps.log.error(
      { event: "promotion.undone", ...aboutOf(r), destination: describeDestination(dest), outcome },
      `a delayed write made the replacement current after the rotation had turned back; ${now}`,
    );
  return outcome;
}
