import { describe, expect, it } from "vitest";
import { type Decision, decide } from "../../../src/rotation/decide.ts";
import { UNDO_MS } from "../../../src/rotation/transition.ts";
import { attend, both, decisions, move, perform, wait } from "../../support/decision-rows.ts";
import { anObservation, holding, promotedProgress, rotationIn } from "../../support/observations.ts";
import { DAY, HOUR, NOON } from "../../support/records.ts";

describe("reinstating", () => {
  const promoted = { ...both, progress: [promotedProgress(), promotedProgress()] };
  decisions("reinstating", { outgoing: "inactive", destinations: holding("replacement", "replacement") }, [
    { when: "R6: the call first", so: perform("activate") },
    { when: "R6: then the record", seen: { outgoing: "active" }, so: move("outgoing_active") },
    {
      when: "R6: archiving won the race",
      given: promoted,
      seen: { outgoing: "archived" },
      so: move("outgoing_gone"),
    },
    {
      when: "not promoted: a new key is awaited",
      given: both,
      seen: { outgoing: "archived", destinations: holding("outgoing", "outgoing") },
      so: move("outgoing_gone"),
    },
    {
      when: "half promoted and the old key is gone: not completed while a destination holds it",
      given: promoted,
      seen: { outgoing: "archived", destinations: holding("replacement", "outgoing") },
      so: attend("destination_changed", "files:b.env (outgoing)"),
    },
    { when: "P12: an unknown status is not active", seen: { outgoing: "unknown:paused" }, so: perform("activate") },
    {
      when: "R17: a hold does not stop what is not destructive",
      seen: { holds: ["billing"] },
      so: perform("activate"),
    },
  ]);
});

describe("reinstated", () => {
  decisions("reinstated", { destinations: holding("replacement", "replacement") }, [
    { when: "a person is next; looked at every hour", given: both, so: wait(NOON + HOUR) },
    {
      when: "R9: inactive again within 15 minutes: a delayed worker's call is undone",
      given: both,
      seen: { outgoing: "inactive", at: NOON + UNDO_MS - 1 },
      so: perform("activate"),
    },
    {
      when: "R9: later it was somebody else's will",
      given: both,
      seen: { outgoing: "inactive", at: NOON + UNDO_MS },
      so: attend("outgoing_dead"),
    },
    {
      when: "the old key is gone, all hold the other",
      given: both,
      seen: { outgoing: "archived" },
      so: move("outgoing_gone"),
    },
    {
      when: "the old key is gone and a destination holds it: not completed",
      given: both,
      seen: { outgoing: "archived", destinations: holding("outgoing", "replacement") },
      so: attend("destination_changed", "files:a.env (outgoing)"),
    },
    {
      when: "P12: an unknown status proves nothing",
      given: both,
      seen: { outgoing: "unknown:x" },
      so: wait(NOON + HOUR),
    },
  ]);
});

describe("R14: rolling_back", () => {
  const nothing = (status: string): Decision => ({
    do: "attend",
    code: "nothing_to_roll_back_to",
    about: `the outgoing key is ${status}`,
  });
  const promoted = { ...both, progress: [promotedProgress(), promotedProgress()] };
  decisions("rolling_back", { destinations: holding("replacement", "replacement") }, [
    { when: "the old key works: back", given: promoted, so: perform("roll_back") },
    { when: "the old key is inactive", given: promoted, seen: { outgoing: "inactive" }, so: nothing("inactive") },
    { when: "the old key is gone", given: promoted, seen: { outgoing: "archived" }, so: nothing("archived") },
    {
      when: "P12: unknown is not active",
      given: promoted,
      seen: { outgoing: "unknown:x" },
      so: nothing("unknown:x"),
    },
    {
      when: "P7: the record does not know of a promotion that the world shows",
      given: both,
      seen: { outgoing: "inactive", destinations: holding("outgoing", "replacement") },
      so: nothing("inactive"),
    },
    {
      when: "the record knows of a promotion that the world does not show: still nothing to go back to",
      given: promoted,
      seen: { outgoing: "inactive", destinations: holding("other", "outgoing") },
      so: nothing("inactive"),
    },
    {
      when: "nothing was promoted: only what is pending goes, whatever the old key's status",
      given: both,
      seen: { outgoing: "inactive", destinations: holding("outgoing", "outgoing") },
      so: perform("roll_back"),
    },
  ]);
});

describe("after the end", () => {
  const done = { cleanedUp: true };
  it.each(["completed", "rejected", "expired", "cancelled", "rolled_back", "snoozed"] as const)(
    "R19: `%s` is cleaned up first, then rests",
    (state) => {
      expect(decide(rotationIn(state), anObservation({ destinations: null }))).toEqual(perform("clean_up"));
      expect(decide(rotationIn(state, done), anObservation({ at: NOON + 2 * DAY }))).toEqual({
        do: "wait",
        until: null,
      });
    },
  );
  decisions("rolled_back", { destinations: null }, [
    { when: "R9: is watched for a day", given: done, so: wait(NOON + HOUR) },
    {
      when: "R9: a delayed worker's call is undone",
      given: done,
      seen: { outgoing: "inactive", at: NOON + UNDO_MS - 1 },
      so: perform("activate"),
    },
    {
      when: "R9: later a person is told",
      given: done,
      seen: { outgoing: "inactive", at: NOON + DAY - 1 },
      so: attend("outgoing_dead"),
    },
    {
      when: "R9: and no longer",
      given: done,
      seen: { outgoing: "inactive", at: NOON + DAY },
      so: wait(null),
    },
  ]);
  const late = { outgoing: "active", destinations: holding("outgoing", "replacement") } as const;
  decisions("rolled_back", { destinations: null }, [
    { when: "a late write is taken back", given: { ...both, ...done }, seen: late, so: perform("take_back") },
    { when: "before its copy is cleaned up", given: both, seen: late, so: perform("take_back") },
    {
      when: "but not to a key that is not active",
      given: { ...both, ...done },
      seen: { ...late, outgoing: "archived" },
      so: wait(NOON + HOUR),
    },
  ]);
});
