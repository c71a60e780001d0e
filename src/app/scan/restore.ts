import { isBehind, onRecord } from "../../rotation/behind.ts";
import { aboutOf } from "../../rotation/about.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { locksOf } from "../../rotation/locks.ts";
import type { Rotation } from "../../rotation/record.ts";
import { aftermathOf, checkpointOf } from "../commit.ts";
import type { Deps } from "../deps.ts";

/** Sets a hold again that Redis has lost. Safe to repeat. */
export async function restoreHold(deps: Deps, subject: string, actor: string, from: "sink" | "marks"): Promise<void> {
  const evidence = { subject, rebuiltFrom: from };
  await deps.holds.set(subject, actor, {
    at: deps.clock.now(),
    rotation: null,
    target: null,
    action: "hold.set",
    actor,
    via: "scan",
    evidence,
  });
  deps.log.warn({ event: "hold.restored", subject, from }, "a hold that Redis had lost was set again");
}

/**
 * Saves a rebuilt record, wakes a worker and tells people. Somebody else's rebuild in the same moment is as good as ours; a look
 * at the stale record, which only raises its revision, is stepped over.
 * @param expectedRevision what Redis has: 0 when the record is lost, else the stale one
 * @returns false when another rotation occupies what this one needs, or the record moved meanwhile
 */
export async function saveRebuilt(
  deps: Deps,
  rebuilt: Rotation,
  expectedRevision: number,
  evidence: Record<string, unknown>,
  tries = 5,
): Promise<boolean> {
  const record = onRecord(null, rebuilt);
  const entry = {
    at: deps.clock.now(),
    rotation: record.id,
    target: record.target,
    action: "rotation.rebuilt",
    actor: "keyturn",
    via: "scan",
  };
  const aftermath = await aftermathOf(deps, record);
  try {
    await deps.rotations.commit({
      record,
      expectedRevision,
      locks: locksOf(record),
      audit: [{ ...entry, evidence, checkpoint: checkpointOf(record) }],
      ...(aftermath === undefined ? {} : { aftermath }),
    });
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code !== "CONFLICT" && error.code !== "LOCK_HELD") throw error;
    const stale = error.code === "CONFLICT" && tries > 1 ? await deps.rotations.load(record.id) : null;
    if (stale !== null && isBehind(stale) && stale.revision < record.revision)
      return saveRebuilt(deps, record, stale.revision, evidence, tries - 1);
    deps.log.warn(
      { event: "rotation.rebuild_refused", ...aboutOf(record), code: error.code },
      "a rotation could not be rebuilt",
    );
    return false;
  }
  deps.log.warn(
    { event: "rotation.rebuilt", ...aboutOf(record), state: record.state, ...evidence },
    "a rotation was rebuilt",
  );
  await deps.notifier.changed(record, "rebuilt").catch(() => undefined);
  if (record.wakeAt !== null) await deps.wakeups.wake(record.id, record.revision, 0).catch(() => undefined);
  return true;
}
