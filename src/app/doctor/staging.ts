import type { SecretStore } from "../../ports/secret-store.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { describeDestination } from "../../rotation/locks.ts";
import type { MarkFacts } from "../../rotation/marks.ts";
import { PROBE_ROTATION } from "../../rotation/probe.ts";
import type { Destination } from "../../rotation/record.ts";
import { SecretText } from "../../rotation/secret.ts";

/** Always the same: a manager that knows a version by its content makes no second one (AWS). */
const PROBE = "keyturn-doctor-probe";

/**
 * Stages a value that is no key, reads it back and discards it: what a hand-over needs, down to the right to encrypt. What
 * applications read stays as it is. Where something is pending or a rotation is open, nothing is staged: its value might be
 * the only copy of a key, and a worker might take ours for one.
 * @returns null when it was tried; else why not
 * @throws STORE_*
 */
export async function tryStaging(store: SecretStore, dest: Destination, facts: MarkFacts): Promise<string | null> {
  if (facts.rotation !== null) return "a rotation is open here";
  const pending = await store.readPending(dest, PROBE_ROTATION);
  const isOthers = pending !== null && pending.rotationId !== PROBE_ROTATION;
  pending?.value.wipe();
  if (isOthers || (await store.listPending(dest)).some((id) => id !== PROBE_ROTATION)) return "a pending value is here";
  const value = SecretText.from(PROBE);
  try {
    await store.stage(dest, value, PROBE_ROTATION);
    const back = await store.readPending(dest, PROBE_ROTATION);
    const isSame = back?.rotationId === PROBE_ROTATION && back.value.equals(value);
    back?.value.wipe();
    if (!isSame)
      throw new KeyturnError("STORE_UNAVAILABLE", `(${describeDestination(dest)} does not return what was staged)`);
    return null;
  } catch (error) {
    if (error instanceof KeyturnError && error.code === "FOREIGN_PENDING") return "a pending value is here";
    throw error;
  } finally {
    value.wipe();
    await store.discardPending(dest, PROBE_ROTATION);
  }
}
