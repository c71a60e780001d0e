import { describe, expect, it } from "vitest";
import { decide } from "../../../src/rotation/decide.ts";
import { attend, both, decisions, move, perform, wait } from "../../support/decision-rows.ts";
import { anApproval, anObservation, holding, rotationIn } from "../../support/observations.ts";
import { DAY, HOUR, NOON, aKey } from "../../support/records.ts";

const untouched = { destinations: holding("outgoing"), replacement: null };
const MINUTE = 60_000;

describe("awaiting_approval", () => {
  const deadline = NOON + 3 * DAY;
  decisions("awaiting_approval", untouched, [
    { when: "nobody approved: waits for the deadline", so: wait(deadline) },
    { when: "approved by as many as the plan asks for", given: { approvals: [anApproval()] }, so: move("approved") },
    {
      when: "one of two approvals",
      given: { approvals: [anApproval()], approvalsNeeded: 2 },
      so: wait(deadline),
    },
    { when: "a plan that needs no approval", given: { approvalsNeeded: 0 }, so: move("approved") },
    { when: "a millisecond before the deadline", seen: { at: deadline - 1 }, so: wait(deadline) },
    { when: "at the deadline", seen: { at: deadline }, so: move("expired") },
    {
      when: "an approval at the deadline still counts",
      given: { approvals: [anApproval()] },
      seen: { at: deadline },
      so: move("approved"),
    },
    {
      when: "R4: compromised: never expires",
      given: { deadline: null },
      seen: { at: NOON + 400 * DAY },
      so: wait(null),
    },
  ]);
});

describe("revoking", () => {
  decisions("revoking", untouched, [
    { when: "the key is active: it is deactivated now", so: perform("revoke_outgoing") },
    { when: "the key is inactive", seen: { outgoing: "inactive" }, so: move("outgoing_inactive") },
    { when: "the key is archived", seen: { outgoing: "archived" }, so: move("outgoing_gone") },
    { when: "the key is expired", seen: { outgoing: "expired" }, so: move("outgoing_gone") },
    { when: "the key is unknown to the API", seen: { outgoing: "missing" }, so: move("outgoing_gone") },
    {
      when: "P12: a status we do not know is not inactive",
      seen: { outgoing: "unknown:paused" },
      so: perform("revoke_outgoing"),
    },
    {
      when: "R4: a hold wins over revoke, and is named",
      seen: { holds: ["billing (config)", "apikey_out (cli)"] },
      so: attend("held", "billing (config), apikey_out (cli)"),
    },
    {
      when: "a hold does not undo what is done",
      seen: { holds: ["billing"], outgoing: "inactive" },
      so: move("outgoing_inactive"),
    },
    {
      when: "R15: an older configuration",
      seen: { newestConfiguration: false },
      so: attend("older_configuration"),
    },
  ]);
});

describe("awaiting_replacement", () => {
  const deadline = NOON + 7 * DAY;
  const compromised = { reason: "compromised", deadline: null } as const;
  decisions("awaiting_replacement", untouched, [
    { when: "nothing is there: looks again within a minute", so: wait(NOON + MINUTE) },
    {
      when: "near the deadline it looks at the deadline",
      seen: { at: deadline - 5 },
      so: wait(deadline),
    },
    { when: "at the deadline", seen: { at: deadline }, so: move("expired") },
    { when: "a value was accepted", given: { replacement: aKey("apikey_new") }, so: move("staged") },
    { when: "P8: our own pending value after a loss", seen: { pending: ["ours"] }, so: perform("adopt_pending") },
    { when: "R12: a value that the operator staged", seen: { pending: ["operator"] }, so: perform("adopt_pending") },
    { when: "R12: in one destination of two", seen: { pending: ["none", "operator"] }, so: perform("adopt_pending") },
    {
      when: "R20: a value pending at the deadline is checked before the wait ends",
      seen: { pending: ["operator"], at: deadline },
      so: perform("adopt_pending"),
    },
    {
      when: "the pending places were not looked at",
      seen: { pending: null },
      so: wait(NOON + MINUTE),
    },
    {
      when: "the outgoing key died: urgent",
      seen: { outgoing: "inactive" },
      so: attend("outgoing_dead"),
    },
    { when: "the outgoing key expired", seen: { outgoing: "expired" }, so: attend("outgoing_dead") },
    {
      when: "others changed the value: said before anybody makes a key",
      seen: { destinations: holding("other") },
      so: attend("destination_changed", "files:billing.env (other)"),
    },
    {
      when: "a value that nobody can compare proves nothing",
      given: { outgoing: { ...aKey("apikey_out"), fingerprint: null } },
      seen: { destinations: holding("other") },
      so: wait(NOON + MINUTE),
    },
    {
      when: "P12: an unknown status is no death",
      seen: { outgoing: "unknown:paused" },
      so: wait(NOON + MINUTE),
    },
    {
      when: "R4: of a compromised rotation it is inactive on purpose",
      given: compromised,
      seen: { outgoing: "inactive" },
      so: wait(NOON + MINUTE),
    },
    {
      when: "R4: a compromised rotation does not expire",
      given: compromised,
      seen: { outgoing: "inactive", at: NOON + 400 * DAY },
      so: wait(NOON + 400 * DAY + MINUTE),
    },
  ]);

  it.each([
    { within: 7 * DAY, pause: MINUTE },
    { within: 10 * MINUTE, pause: 6000 },
    { within: 10_000, pause: 1000 },
  ])("a wait of $within ms is looked at every $pause ms, so that compressed time stays usable", ({ within, pause }) => {
    const base = rotationIn("awaiting_replacement", { deadline: null });
    const r = { ...base, timing: { ...base.timing, replacementWithinMs: within } };
    expect(decide(r, anObservation(untouched))).toEqual(wait(NOON + pause));
  });
});

describe("verifying", () => {
  decisions("verifying", { destinations: holding("outgoing") }, [
    { when: "calls the API with it", so: perform("verify") },
    { when: "R7: disabled meanwhile", seen: { replacement: "inactive" }, so: move("key_rejected") },
    { when: "R7: archived meanwhile", seen: { replacement: "archived" }, so: move("key_rejected") },
    { when: "R7: expired meanwhile", seen: { replacement: "expired" }, so: move("key_rejected") },
    {
      when: "R16: disabled, and promoted before Redis was set back: the record is old, and nobody is asked for another key",
      seen: { replacement: "inactive", destinations: holding("replacement", "outgoing") },
      so: attend("state_behind"),
    },
    { when: "P12: an unknown status is not a bad key", seen: { replacement: "unknown:new" }, so: perform("verify") },
    { when: "the record of the replacement could not be asked", seen: { replacement: null }, so: perform("verify") },
    {
      when: "R17: a hold does not stop what is not destructive",
      seen: { holds: ["billing"] },
      so: perform("verify"),
    },
  ]);
});

describe("promoting", () => {
  decisions("promoting", { destinations: holding("outgoing", "outgoing") }, [
    { when: "P6: nothing is moved yet", given: both, so: perform("promote") },
    {
      when: "R14: half promoted is not a failure, it goes on",
      given: both,
      seen: { destinations: holding("replacement", "outgoing") },
      so: perform("promote"),
    },
    {
      when: "everything holds the replacement, whoever put it there",
      given: both,
      seen: { destinations: holding("replacement", "replacement") },
      so: move("promoted"),
    },
    {
      when: "P9: somebody pasted another value: not overwritten",
      given: both,
      seen: { destinations: holding("replacement", "other") },
      so: attend("destination_changed", "files:b.env (other)"),
    },
    {
      when: "a destination disappeared",
      given: both,
      seen: { destinations: holding("missing", "outgoing") },
      so: attend("destination_changed", "files:a.env (missing), files:b.env (outgoing)"),
    },
    {
      when: "R7: the replacement died, the old key works",
      seen: { replacement: "inactive" },
      so: move("replacement_dead"),
    },
    {
      when: "R7: the replacement died and so did the old key: only a person can help",
      seen: { replacement: "archived", outgoing: "inactive" },
      so: attend("replacement_dead"),
    },
    {
      when: "P12: of an old key with an unknown status nobody knows whether it works",
      seen: { replacement: "archived", outgoing: "unknown:paused" },
      so: attend("replacement_dead"),
    },
    {
      when: "P12: an unknown status of the replacement is no death",
      seen: { replacement: "unknown:x" },
      so: perform("promote"),
    },
    { when: "R17: a hold does not stop promoting", seen: { holds: ["billing"] }, so: perform("promote") },
    { when: "R4: revoked, within the minute: finishes first", given: { revokeAt: NOON + 1 }, so: perform("promote") },
    {
      when: "R4: revoked, the minute is over: revokes at once and comes back",
      given: { revokeAt: NOON },
      so: { do: "move", event: "revoke", patch: { resumeState: "promoting", revokeAt: null } },
    },
    {
      when: "R4: revoked and a destination was changed: the revocation does not wait for it",
      given: { revokeAt: NOON },
      seen: { destinations: holding("other") },
      so: { do: "move", event: "revoke", patch: { resumeState: "promoting", revokeAt: null } },
    },
  ]);
});

describe("propagating", () => {
  decisions("propagating", {}, [
    { when: "all destinations read back the replacement", so: perform("confirm_propagation") },
    {
      when: "not yet: looks again in a second",
      seen: { destinations: holding("outgoing") },
      so: wait(NOON + 1000),
    },
    {
      when: "not yet, a millisecond before the limit",
      seen: { destinations: holding("outgoing"), at: NOON + HOUR - 1 },
      so: wait(NOON + HOUR + 999),
    },
    {
      when: "not yet, at the limit",
      seen: { destinations: holding("outgoing"), at: NOON + HOUR },
      so: attend("propagation_limit", "files:billing.env (outgoing)"),
    },
    {
      when: "P9: somebody pasted another value",
      seen: { destinations: holding("other") },
      so: attend("destination_changed", "files:billing.env (other)"),
    },
    {
      when: "it was not looked at: doubt is no success",
      seen: { destinations: null },
      so: wait(NOON + 1000),
    },
    {
      when: "there is no destination: nothing is proven",
      seen: { destinations: [] },
      so: wait(NOON + 1000),
    },
    { when: "R7: the replacement died", seen: { replacement: "expired" }, so: move("replacement_dead") },
    {
      when: "R4: revoked, and live everywhere: now",
      given: { revokeAt: NOON + MINUTE },
      so: { do: "move", event: "revoke", patch: { revokeAt: null } },
    },
    {
      when: "R4: revoked, not live everywhere, within the minute: waits",
      given: { revokeAt: NOON + 1 },
      seen: { destinations: holding("outgoing") },
      so: wait(NOON + 1000),
    },
    {
      when: "R4: revoked, not live everywhere, the minute is over: now",
      given: { revokeAt: NOON },
      seen: { destinations: holding("outgoing") },
      so: { do: "move", event: "revoke", patch: { revokeAt: null } },
    },
    {
      when: "R4: revoked, a destination was changed, the minute is over: now",
      given: { revokeAt: NOON },
      seen: { destinations: holding("other") },
      so: { do: "move", event: "revoke", patch: { revokeAt: null } },
    },
  ]);
});
