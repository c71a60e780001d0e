import { describe } from "vitest";
import type { Observation } from "../../../src/rotation/observation.ts";
import { attend, both, decisions, lost, move, perform } from "../../support/decision-rows.ts";
import { anApproval, holding } from "../../support/observations.ts";

/** Somebody rotated by hand: both destinations hold one third key. */
const third = { destinations: holding("other", "other") };

/** Two different third keys. */
const unlike = {
  destinations: [...holding("other"), { holds: "other", fingerprint: "fp-fourth", version: "9" }],
} satisfies Partial<Observation>;

describe("draining", () => {
  decisions("draining", { destinations: holding("replacement", "replacement") }, [
    { when: "R13: asks for the use of both keys", given: both, so: perform("check_drain") },
    {
      when: "P1 was lost to another destination: it must hold again first",
      given: { ...both, ...lost("outgoing_in_use_elsewhere") },
      so: perform("recheck"),
    },
    {
      when: "P1 was lost to a value that did not answer",
      given: { ...both, ...lost("replacement_unproven") },
      so: perform("recheck"),
    },
    {
      when: "another attention is not P1's",
      given: { ...both, ...lost("outgoing_still_used") },
      so: perform("check_drain"),
    },
    {
      when: "R7: others deactivated the outgoing key",
      given: both,
      seen: { outgoing: "inactive" },
      so: move("outgoing_inactive"),
    },
    {
      when: "R7: others did, while a destination still holds it",
      given: both,
      seen: { outgoing: "inactive", destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    { when: "R7: others archived it", given: both, seen: { outgoing: "archived" }, so: move("outgoing_gone") },
    { when: "R7: it expired", given: both, seen: { outgoing: "expired" }, so: move("outgoing_gone") },
    {
      when: "R7: it is gone while a destination still holds it: not completed",
      given: both,
      seen: { outgoing: "archived", destinations: holding("outgoing", "replacement") },
      so: attend("destination_changed", "files:a.env (outgoing)"),
    },
    {
      when: "it is gone and the destinations hold two other keys: not completed",
      given: both,
      seen: { outgoing: "archived", ...unlike },
      so: attend("destination_changed", "files:a.env (other), files:b.env (other)"),
    },
    {
      when: "R7: the replacement died",
      given: both,
      seen: { replacement: "inactive" },
      so: move("replacement_dead"),
    },
    {
      when: "R7: somebody put the old value back",
      given: both,
      seen: { destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    {
      when: "R7: somebody pasted a third key everywhere: still not what was approved",
      given: both,
      seen: third,
      so: attend("destination_changed", "files:a.env (other), files:b.env (other)"),
    },
    {
      when: "R7: re-activated by others: only a person goes on",
      given: { ...both, needsProceed: true },
      so: attend("outgoing_reactivated"),
    },
    {
      when: "P12: unknown statuses are neither inactive nor dead",
      given: both,
      seen: { outgoing: "unknown:x", replacement: "unknown:y" },
      so: perform("check_drain"),
    },
  ]);
});

describe("deactivating", () => {
  decisions("deactivating", { destinations: holding("replacement", "replacement") }, [
    { when: "P1 holds as far as can be seen here", given: both, so: perform("deactivate") },
    { when: "it is inactive already", given: both, seen: { outgoing: "inactive" }, so: move("outgoing_inactive") },
    { when: "it is gone", given: both, seen: { outgoing: "missing" }, so: move("outgoing_gone") },
    {
      when: "it is gone while a destination still holds it",
      given: both,
      seen: { outgoing: "missing", destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    {
      when: "P1: a destination holds it again",
      given: both,
      seen: { destinations: holding("outgoing", "replacement") },
      so: move("p1_lost"),
    },
    {
      when: "P1: a destination holds a third key",
      given: both,
      seen: { destinations: holding("replacement", "other") },
      so: move("p1_lost"),
    },
    { when: "P1: all hold one third key: not the replacement", given: both, seen: third, so: move("p1_lost") },
    {
      when: "P1: a destination is empty",
      given: both,
      seen: { destinations: holding("replacement", "missing") },
      so: move("p1_lost"),
    },
    {
      when: "R7: the replacement died",
      given: both,
      seen: { replacement: "archived" },
      so: move("replacement_dead"),
    },
    {
      when: "R17: held, by name",
      given: both,
      seen: { holds: ["billing (cli)", "apikey_out (config)"] },
      so: attend("held", "billing (cli), apikey_out (config)"),
    },
    { when: "R2: no provable approval", given: { approvals: [] }, so: attend("approval_missing") },
    {
      when: "R2: one approval of two",
      given: { approvals: [anApproval()], approvalsNeeded: 2 },
      so: attend("approval_missing"),
    },
    { when: "a policy that needs none", given: { approvals: [], approvalsNeeded: 0 }, so: perform("deactivate") },
    {
      when: "R15: an older configuration",
      seen: { newestConfiguration: false },
      so: attend("older_configuration"),
    },
    {
      when: "R4: compromised: at once, whatever the destinations hold",
      given: { reason: "compromised" },
      seen: { destinations: holding("outgoing", "other"), replacement: "inactive" },
      so: perform("deactivate"),
    },
    {
      when: "R4: compromised: but a hold wins",
      given: { reason: "compromised" },
      seen: { holds: ["billing"] },
      so: attend("held", "billing"),
    },
  ]);
});
