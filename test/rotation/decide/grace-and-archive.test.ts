import { describe } from "vitest";
import type { Observation } from "../../../src/rotation/observation.ts";
import { attend, both, decisions, lost, move, perform, wait } from "../../support/decision-rows.ts";
import { holding } from "../../support/observations.ts";
import { DAY, HOUR, NOON } from "../../support/records.ts";

/** Somebody rotated by hand: both destinations hold one third key. */
const third = { destinations: holding("other", "other") };

/** Two different third keys. */
const unlike = {
  destinations: [...holding("other"), { holds: "other", fingerprint: "fp-fourth", version: "9" }],
} satisfies Partial<Observation>;

describe("grace_period", () => {
  const end = NOON + 7 * DAY;
  decisions("grace_period", { outgoing: "inactive", destinations: holding("replacement", "replacement") }, [
    { when: "looks every hour", given: both, so: wait(NOON + HOUR) },
    {
      when: "P4: a millisecond before the end it waits",
      given: both,
      seen: { at: end - 1 },
      so: wait(end),
    },
    { when: "P4: at the end", given: both, seen: { at: end }, so: move("elapsed") },
    {
      when: "P4: without an end the whole period starts now",
      given: { ...both, graceEndsAt: null },
      seen: { at: end },
      so: { do: "wait", until: end, patch: { deactivatedAt: end, graceEndsAt: end + 7 * DAY } },
    },
    {
      when: "R17: without an end and held, nothing starts",
      given: { ...both, graceEndsAt: null, heldAt: NOON },
      seen: { at: end, holds: ["billing"] },
      so: attend("held", "billing"),
    },
    { when: "R7: activated by others", given: both, seen: { outgoing: "active" }, so: move("outgoing_active") },
    {
      when: "R7: activated by others, of a key without target",
      given: { target: null },
      seen: { outgoing: "active", replacement: null, destinations: [] },
      so: attend("outgoing_reactivated"),
    },
    { when: "R7: archived by others", given: both, seen: { outgoing: "archived" }, so: move("outgoing_gone") },
    {
      when: "archived by others while a destination holds it",
      given: both,
      seen: { outgoing: "archived", destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    {
      when: "R7: the replacement died: the last fallback is not destroyed",
      given: both,
      seen: { replacement: "expired", at: end },
      so: attend("replacement_dead"),
    },
    {
      when: "P4: somebody rotated by hand since: a third key may be there",
      given: both,
      seen: { ...third, at: end },
      so: move("elapsed"),
    },
    {
      when: "P4: a dead replacement is no loss when all hold one third key",
      given: both,
      seen: { ...third, replacement: "archived", at: end },
      so: move("elapsed"),
    },
    {
      when: "P4: two different third keys: somebody is in the middle of something",
      given: both,
      seen: { ...unlike, at: end },
      so: attend("destination_changed", "files:a.env (other), files:b.env (other)"),
    },
    {
      when: "R7: the old value was restored",
      given: both,
      seen: { destinations: holding("replacement", "outgoing"), at: end },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    {
      when: "P12: an unknown status is not inactive",
      given: both,
      seen: { outgoing: "unknown:paused", at: end },
      so: attend("internal", "status unknown:paused"),
    },
    {
      when: "P4: P1 was lost in archiving: it must hold again first",
      given: { ...both, ...lost("outgoing_in_use_elsewhere") },
      seen: { at: end },
      so: perform("recheck"),
    },
    {
      when: "R4: a key without target ends in grace: it is never archived by itself",
      given: { target: null },
      seen: { replacement: null, destinations: [], at: end },
      so: wait(end + HOUR),
    },
  ]);
});

describe("archiving", () => {
  const sent = { intent: { effect: "archive", at: NOON, sent: true } };
  decisions("archiving", { outgoing: "inactive", destinations: holding("replacement", "replacement") }, [
    { when: "nothing stands against it", given: both, so: perform("archive") },
    { when: "it is archived", given: both, seen: { outgoing: "archived" }, so: move("outgoing_gone") },
    {
      when: "it is archived, and a destination got the old value back",
      given: both,
      seen: { outgoing: "archived", destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    { when: "R17: a hold", given: both, seen: { holds: ["billing"] }, so: move("held") },
    {
      when: "R9: a hold before the intent is marked sent",
      given: { ...both, intent: { ...sent.intent, sent: false } },
      seen: { holds: ["billing"] },
      so: move("held"),
    },
    { when: "P4: activated by others", given: both, seen: { outgoing: "active" }, so: move("outgoing_active") },
    {
      when: "P4: activated by others under a hold: the served period no longer counts",
      given: both,
      seen: { outgoing: "active", holds: ["billing"] },
      so: move("outgoing_active"),
    },
    {
      when: "R9: a hold after it comes too late for a decision; the last look before the call still sees it",
      given: { ...both, ...sent },
      seen: { holds: ["billing"] },
      so: perform("archive"),
    },
    {
      when: "P4: activated by others even after it was marked sent",
      given: { ...both, ...sent },
      seen: { outgoing: "active" },
      so: move("outgoing_active"),
    },
    {
      when: "P4: the old value was restored",
      given: both,
      seen: { destinations: holding("outgoing", "replacement") },
      so: move("p1_lost"),
    },
    {
      when: "P4: a destination is empty",
      given: both,
      seen: { destinations: holding("missing", "replacement") },
      so: move("p1_lost"),
    },
    { when: "P4: all hold one third key", given: both, seen: third, so: perform("archive") },
    { when: "P4: two different third keys", given: both, seen: unlike, so: move("p1_lost") },
    { when: "R2: no provable approval", given: { approvals: [] }, so: attend("approval_missing") },
    {
      when: "R15: an older configuration",
      seen: { newestConfiguration: false },
      so: attend("older_configuration"),
    },
    {
      when: "a key without target has no destinations",
      given: { target: null },
      seen: { replacement: null, destinations: [] },
      so: perform("archive"),
    },
  ]);
});
