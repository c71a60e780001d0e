import { type Actor, identitiesOf } from "../../ports/settings.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Rotation } from "../../rotation/record.ts";
import { commitAmend } from "../commit.ts";
import type { Deps } from "../deps.ts";
import { lacksFourEyes, tooFewEyes } from "../four-eyes.ts";
import { allTheSame } from "../marks-seen.ts";
import { stepAside } from "../step-aside.ts";
import { refuse } from "./refusal.ts";

/** Timers rest this long while a submission is checked and staged (R20). */
const LEASE_MS = 3 * 60_000;
/**
 * Takes the rotation for one submission. Somebody else's save in between is no fault of the submitter: the record is
 * looked at again.
 * @param found as it was loaded
 * @param replace whether a key that is pending already may be discarded
 * @throws WRONG_STATE, LOCK_HELD, NOT_AN_APPROVER, KEY_REFUSED (other_pending), CONFLICT after five tries
 */
export function takeLease(deps: Deps, found: Rotation, actor: Actor, replace: boolean): Promise<Rotation> {
  return stepAside(deps, found, async (there) => {
    assertTakesKey(deps, there, actor, replace);
    const record = await allTheSame(deps, there);
    const until = deps.clock.now() + LEASE_MS;
    return commitAmend(
      deps,
      record,
      { lease: { holder: actor.name, until }, wakeAt: until },
      { action: "intake.started", actor: actor.name, via: actor.via },
    );
  });
}

function assertTakesKey(deps: Deps, r: Rotation, actor: Actor, replace: boolean): void {
  if (r.state !== "awaiting_replacement" && !(r.state === "verifying" && replace)) {
    if (r.state === "verifying") return refuse("other_pending");
    throw new KeyturnError("WRONG_STATE", `Rotation ${r.id} is in ${r.state}; a key is taken in awaiting_replacement.`);
  }
  if (lacksFourEyes(deps.settings, r, [identitiesOf(actor)])) {
    throw tooFewEyes("whoever hands the key over");
  }
  if (r.lease !== null && r.lease.until > deps.clock.now())
    throw new KeyturnError("LOCK_HELD", `${r.lease.holder} is submitting a key to ${r.id} right now.`);
}
