import { aboutOf } from "../../rotation/about.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { KeySeen } from "../../rotation/observation.ts";
import { CALL_WITHIN_MS, type LastLook, lastLook } from "../../rotation/promises.ts";
import type { State } from "../../rotation/states.ts";
import type { Deps } from "../deps.ts";
import { holdsOn, restoreHolds, subjectsOf } from "../holds.ts";
import { attend } from "../settle.ts";
import { marksSeen } from "../marks-seen.ts";
import { keySeen } from "../observe.ts";

/** States in which an outgoing key is meant to be inactive or archived; a deactivation found there is not undone. */
const MEANT_INACTIVE: readonly State[] = [
  "deactivating",
  "grace_period",
  "archiving",
  "completed",
  "revoking",
  "awaiting_replacement",
  "verifying",
  "promoting",
];

/** The last look, the call, and the look after it. */
const REQUESTS = 3;
const PAID = { paid: true };

/**
 * Waits until the requests of one `callOnce` fit the budget that all replicas share. To be called before the intent is
 * written: between the last look and the call nothing may wait (R9), and a written intent is overdue after 30 s.
 * @throws ADMIN_UNAVAILABLE when there is no room
 */
export const payForCall = (deps: Deps): Promise<void> => deps.budget.take(REQUESTS, "urgent");

/**
 * The one way to a destructive call on a key (P5, R9). Right before the call it reads again: the record (same
 * revision), every hold, the marks, the key's status. The call is sent at most once, within 10 s of these checks.
 * Afterwards the record is read again: a deactivation that a decision has overtaken is undone and a person told.
 * The caller has paid for it (`payForCall`). @returns the key's status afterwards, read from the API
 * @throws CONFLICT when the record moved before the call, HELD when a hold appeared, ADMIN_* when the outcome is unknown
 */
export async function callOnce(
  deps: Deps,
  intended: Rotation,
  call: { keyId: string; from: "active" | "inactive"; to: "inactive" | "archived" },
): Promise<KeySeen> {
  const checkedAt: Instant = deps.clock.now();
  const holdsAreWhole = await restoreHolds(deps);
  // A leaked key goes whatever the marks say, and whether or not they can be read, unless they alone may know of a hold (R4, R17).
  const emergency = intended.reason === "compromised" && call.to === "inactive";
  const look = await lookAgain(deps, intended, call.keyId, { emergency, passOver: emergency && holdsAreWhole });
  const answer = lastLook(intended, look, call.from, call.to);
  if (answer === "conflict") throw new KeyturnError("CONFLICT");
  if (answer === "held") throw new KeyturnError("HELD", `${look.holds.join(", ")}.`);
  if (answer === "older_configuration" || answer === "state_behind")
    throw new KeyturnError("WRONG_STATE", undefined, { reason: answer });
  if (answer === "already" || answer === "other_status") return look.status;
  try {
    await deps.admin.setKeyStatus(call.keyId, call.to, {
      timeoutMs: CALL_WITHIN_MS,
      notAfter: checkedAt + CALL_WITHIN_MS,
    });
  } catch (error) {
    // The reply may be lost and the change made: only the key itself can tell (facts: anthropic-api.md 1.4).
    if ((await keySeen(deps.admin, call.keyId, PAID)) !== call.to) throw error;
  }
  if (call.to === "inactive" && (await overtaken(deps, intended, call.keyId))) throw new KeyturnError("CONFLICT");
  return keySeen(deps.admin, call.keyId, PAID);
}

const NOT_ASKED = { revision: 0, unknownReplacement: null };

async function lookAgain(
  deps: Deps,
  intended: Rotation,
  keyId: string,
  { emergency, passOver }: { emergency: boolean; passOver: boolean },
): Promise<LastLook> {
  const [fresh, holds, newestConfiguration, marks, status] = await Promise.all([
    deps.rotations.load(intended.id),
    holdsOn(deps, [keyId, ...subjectsOf(intended)], intended, passOver),
    deps.registry.isNewest(),
    emergency ? NOT_ASKED : marksSeen(deps, intended, null),
    keySeen(deps.admin, keyId, PAID),
  ]);
  return { revision: fresh?.revision ?? null, holds, newestConfiguration, marks, status };
}

/** True when a decision came in between and wants the key active; it is made active again. */
async function overtaken(deps: Deps, intended: Rotation, keyId: string): Promise<boolean> {
  const fresh = await deps.rotations.load(intended.id);
  if (fresh === null || fresh.revision === intended.revision) return false;
  const replacementMeant = keyId === fresh.replacement?.id && fresh.revokeReplacement;
  const holds = await holdsOn(deps, subjectsOf(fresh));
  if ((MEANT_INACTIVE.includes(fresh.state) || replacementMeant) && holds.length === 0) return false;
  await deps.admin.setKeyStatus(keyId, "active", {
    timeoutMs: CALL_WITHIN_MS,
    notAfter: deps.clock.now() + CALL_WITHIN_MS,
  });
  deps.log.error(
    { event: "deactivation.undone", ...aboutOf(fresh), keyId },
    "a delayed call deactivated the key after the decision changed; it is active again",
  );
  await attend(deps, fresh, "stale_call_undone", `Key ${keyId}; the rotation is in ${fresh.state}.`);
  return true;
}
