import { aboutOf } from "../../rotation/about.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { Destination, Rotation } from "../../rotation/record.ts";
import { commitIntent } from "../commit.ts";
import { type Deps, storeOf } from "../deps.ts";
import { marksOf } from "../marking.ts";
import { settle } from "../settle.ts";

/**
 * Of a rotation that turned back and is over: a write that a manager carried out after we had stopped waiting for it, or that
 * a worker made in its last moment, made the replacement current. The old value goes back (P6, P7). Where a newer rotation is
 * at work, or made the same key current, the value is its. Repeating it is harmless.
 */
export async function takeBack(deps: Deps, record: Rotation): Promise<Rotation> {
  const intended = await commitIntent(deps, record, "roll_back", { promoted: true, cause: "late_write" });
  for (const dest of record.plan.destinations) {
    const { rotation, replacementKeyId } = await marksOf(deps, dest);
    // Our own clean-up left the outgoing key as the one that is current here.
    if (rotation !== null || replacementKeyId === record.replacement?.id) continue;
    await takeBackAt(deps, record, dest);
  }
  return settle(deps, intended, deps.clock.now() + NEXT_LOOK_MS, { intent: null });
}

const NEXT_LOOK_MS = 60_000;

/** Whoever rolls back may have looked here before the write took effect, and does not look again. */
export async function takeBackAt(deps: Deps, r: Rotation, dest: Destination): Promise<void> {
  const [replacement, outgoing] = [r.replacement?.fingerprint ?? null, r.outgoing.fingerprint];
  if (replacement === null || outgoing === null) return;
  const outcome = await (await storeOf(deps, dest)).rollBack(dest, r.id, replacement, outgoing);
  const now = outcome === "nothing_to_restore" ? "no copy of the old value is left" : "the old value was put back";
  if (outcome === "rolled_back" || outcome === "nothing_to_restore")
    deps.log.error(
      { event: "promotion.undone", ...aboutOf(r), destination: describeDestination(dest), outcome },
      `a delayed write made the replacement current after the rotation had turned back; ${now}`,
    );
}
