import { describe, expect, it } from "vitest";
import type { Rotation } from "../../src/rotation/record.ts";
import { type Event, STATES, type State, TRANSITIONS } from "../../src/rotation/states.ts";
import { destinationOf, move } from "../../src/rotation/transition.ts";
import { promotedProgress } from "../support/observations.ts";
import { NOON, aKey, aRotation, noProgress } from "../support/records.ts";

type Row = Partial<Record<Event, State>>;

/** The state table of the design, written down again by hand, for a record of which no condition holds. */
const TABLE: Record<State, Row> = {
  awaiting_approval: {
    approved: "awaiting_replacement",
    rejected: "rejected",
    snoozed: "snoozed",
    expired: "expired",
    cancelled: "cancelled",
    plan_changed: "awaiting_approval",
    revoke: "revoking",
  },
  revoking: {
    outgoing_inactive: "awaiting_replacement",
    outgoing_gone: "awaiting_replacement",
    reinstate: "reinstating",
  },
  awaiting_replacement: {
    staged: "verifying",
    expired: "rolling_back",
    cancelled: "rolling_back",
    plan_changed: "awaiting_approval",
    revoke: "revoking",
    reinstate: "reinstating",
  },
  verifying: {
    verified: "promoting",
    key_rejected: "awaiting_replacement",
    cancelled: "rolling_back",
    plan_changed: "awaiting_approval",
    revoke: "revoking",
    reinstate: "reinstating",
  },
  promoting: {
    promoted: "propagating",
    replacement_dead: "rolling_back",
    cancelled: "rolling_back",
    revoke: "revoking",
    reinstate: "reinstating",
  },
  propagating: {
    propagated: "draining",
    replacement_dead: "rolling_back",
    cancelled: "rolling_back",
    revoke: "deactivating",
    reinstate: "reinstating",
  },
  draining: {
    drained: "deactivating",
    proceed: "deactivating",
    outgoing_inactive: "grace_period",
    outgoing_gone: "completed",
    replacement_dead: "rolling_back",
    cancelled: "rolling_back",
    revoke: "deactivating",
  },
  deactivating: { outgoing_inactive: "grace_period", outgoing_gone: "completed", p1_lost: "draining" },
  grace_period: {
    elapsed: "archiving",
    reinstate: "reinstating",
    outgoing_active: "draining",
    outgoing_gone: "completed",
  },
  archiving: {
    outgoing_gone: "completed",
    held: "grace_period",
    outgoing_active: "grace_period",
    p1_lost: "grace_period",
  },
  reinstating: { outgoing_active: "cancelled", outgoing_gone: "awaiting_replacement" },
  reinstated: { retry: "draining", cancelled: "rolling_back", outgoing_gone: "completed" },
  rolling_back: {},
  completed: {},
  rejected: {},
  expired: {},
  cancelled: {},
  rolled_back: {},
  snoozed: {},
};

/** Moves that the table's rows do not name but its rules do: `revoke` and `reinstate` are defined for every state. */
const BY_RULE: Partial<Record<State, Row>> = {
  awaiting_approval: { reinstate: "reinstating" }, // R4: a compromised rotation whose plan changed
  draining: { reinstate: "reinstating" }, // R4: a revoked key that somebody activated again
  deactivating: {
    reinstate: "reinstating", // R4: in every state until archived
    replacement_dead: "rolling_back", // R7: with an active outgoing key
    cancelled: "rolling_back", // R6: cancel always goes through rolling_back
  },
  archiving: { reinstate: "reinstating" }, // R4; answered "too late" once the intent is marked sent (R9)
  reinstating: { revoke: "revoking" },
  reinstated: { revoke: "deactivating" },
  rolling_back: { revoke: "revoking" },
};

const ALL_STATES = Object.keys(STATES) as State[];
const ALL_EVENTS = [...new Set<Event>(TRANSITIONS.map(([, event]) => event))];

describe("the state machine", () => {
  it.each(ALL_STATES)("in `%s` every event leads where the design says, and every other one is illegal", (state) => {
    const record = aRotation({ state });
    const found = Object.fromEntries(ALL_EVENTS.map((event) => [event, destinationOf(record, event)]));
    const wanted = { ...TABLE[state], ...BY_RULE[state] } as Row;
    expect(found).toEqual(Object.fromEntries(ALL_EVENTS.map((event) => [event, wanted[event] ?? null])));
  });

  it.each(ALL_STATES)("a move out of `%s` that the table does not have throws and changes nothing", (state) => {
    const record = Object.freeze(aRotation({ state }));
    for (const event of ALL_EVENTS.filter((e) => destinationOf(record, e) === null)) {
      expect(() => move(record, { event, at: NOON, actor: "a", via: "cli" }), event).toThrow(
        expect.objectContaining({ code: "ILLEGAL_TRANSITION" }),
      );
    }
  });

  it("each event of the design leads somewhere from some state, so none is misspelt", () => {
    const named = Object.values(TABLE).flatMap((row) => Object.keys(row));
    expect([...new Set([...named, "done"])].sort()).toEqual([...ALL_EVENTS].sort());
  });

  it("nothing leads out of a final state, and every other state has a way out and somebody who is next", () => {
    const from = new Set<State>(TRANSITIONS.map(([state]) => state));
    expect(ALL_STATES.filter((s) => STATES[s] === null).sort()).toEqual(
      ["cancelled", "completed", "expired", "rejected", "rolled_back", "snoozed"].sort(),
    );
    expect(ALL_STATES.filter((s) => STATES[s] !== null && !from.has(s))).toEqual([]);
    expect(ALL_STATES.filter((s) => STATES[s] === null && from.has(s))).toEqual([]);
  });

  it("who is next is the second column of the design's table", () => {
    const people = ALL_STATES.filter((s) => ["approver", "operator", "person"].includes(STATES[s] ?? ""));
    expect(people).toEqual(["awaiting_approval", "awaiting_replacement", "reinstated"]);
    expect(ALL_STATES.filter((s) => STATES[s] === "clock")).toEqual(["draining", "grace_period"]);
  });
});

const staged = { replacement: aKey("apikey_new") };
const promoted = { ...staged, progress: [promotedProgress()] };
const backAgain = { ...staged, progress: [{ ...promotedProgress(), rolledBackAt: NOON }] };
const halfPromoted = { ...staged, progress: [noProgress(), promotedProgress()] };
const unmanaged = { target: null };

interface Case {
  state: State;
  event: Event;
  when: string;
  given: Partial<Rotation>;
  to: State | null;
}
const CASES: Case[] = [
  { state: "revoking", event: "outgoing_inactive", when: "a value is staged", given: staged, to: "verifying" },
  { state: "revoking", event: "outgoing_gone", when: "a value is staged", given: staged, to: "verifying" },
  {
    state: "revoking",
    event: "outgoing_inactive",
    when: "it interrupted promoting",
    given: { ...staged, resumeState: "promoting" },
    to: "promoting",
  },
  {
    state: "revoking",
    event: "outgoing_gone",
    when: "it interrupted promoting",
    given: { ...staged, resumeState: "promoting" },
    to: "promoting",
  },
  {
    state: "revoking",
    event: "outgoing_inactive",
    when: "the key has no target",
    given: unmanaged,
    to: "grace_period",
  },
  { state: "revoking", event: "outgoing_gone", when: "the key has no target", given: unmanaged, to: "completed" },
  { state: "reinstating", event: "outgoing_active", when: "it was promoted", given: promoted, to: "reinstated" },
  {
    state: "reinstating",
    event: "outgoing_active",
    when: "one of two was promoted",
    given: halfPromoted,
    to: "reinstated",
  },
  { state: "reinstating", event: "outgoing_active", when: "it was rolled back", given: backAgain, to: "cancelled" },
  { state: "reinstating", event: "outgoing_active", when: "a value is only staged", given: staged, to: "cancelled" },
  { state: "reinstating", event: "outgoing_gone", when: "it was promoted", given: promoted, to: "completed" },
  { state: "reinstating", event: "outgoing_gone", when: "the key has no target", given: unmanaged, to: "completed" },
  {
    state: "reinstating",
    event: "outgoing_gone",
    when: "a value is only staged",
    given: staged,
    to: "awaiting_replacement",
  },
  { state: "reinstating", event: "revoke", when: "it was promoted", given: promoted, to: "deactivating" },
  {
    state: "rolling_back",
    event: "done",
    when: "a person cancelled",
    given: { rollbackCause: "cancelled" },
    to: "cancelled",
  },
  {
    state: "rolling_back",
    event: "done",
    when: "the wait expired",
    given: { rollbackCause: "expired" },
    to: "expired",
  },
  {
    state: "rolling_back",
    event: "done",
    when: "the replacement failed",
    given: { rollbackCause: "failed" },
    to: "rolled_back",
  },
  { state: "rolling_back", event: "proceed", when: "it was promoted", given: promoted, to: "draining" },
  { state: "rolling_back", event: "proceed", when: "nothing was promoted", given: staged, to: null },
  { state: "rolling_back", event: "proceed", when: "everything is back", given: backAgain, to: null },
];

describe("R4, R6: what the record says decides between two ways", () => {
  it.each(CASES)("$state on $event when $when → $to", ({ state, event, given, to }) => {
    expect(destinationOf(aRotation({ state, ...given }), event)).toBe(to);
  });

  it("a condition sees the record as the move's patch leaves it", () => {
    const record = aRotation({ state: "revoking" });
    const moved = move(record, { event: "outgoing_inactive", at: NOON, actor: "a", via: "cli", patch: staged });
    expect(moved.state).toBe("verifying");
  });

  it.each([
    { event: "replacement_dead", cause: "failed" },
    { event: "cancelled", cause: "cancelled" },
  ] as const)("R6: promoting on $event rolls back by cause `$cause`", ({ event, cause }) => {
    const back = move(aRotation({ state: "promoting", ...promoted }), { event, at: NOON, actor: "a", via: "cli" });
    expect(back).toMatchObject({ state: "rolling_back", rollbackCause: cause });
  });

  it("R6: a wait that expired rolls back by cause `expired`", () => {
    const back = move(aRotation({ state: "awaiting_replacement" }), {
      event: "expired",
      at: NOON,
      actor: "a",
      via: "worker",
    });
    expect(back.rollbackCause).toBe("expired");
  });

  it.each<{ by: string; patch: Partial<Rotation> }>([
    { by: "a person", patch: { rollbackCause: "cancelled" } },
    { by: "a removed target", patch: {} },
  ])("R6: cancelled by $by after an older, interrupted rollback ends in cancelled, not rolled_back", ({ patch }) => {
    const step = (r: Rotation, event: Event, more: Partial<Rotation> = {}) =>
      move(r, { event, at: NOON, actor: "ana", via: "cli", patch: more });
    let r = step(aRotation({ state: "promoting", ...promoted }), "replacement_dead");
    for (const event of ["revoke", "reinstate", "outgoing_active"] as const) r = step(r, event);
    expect(r.state).toBe("reinstated");
    expect(step(step(r, "cancelled", patch), "done").state).toBe("cancelled");
  });
});
