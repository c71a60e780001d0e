import { describe, expect, it } from "vitest";
import type { Instant, Rotation } from "../../src/rotation/record.ts";
import type { Event, State } from "../../src/rotation/states.ts";
import { amend, isPromoted, move, withoutReplacement } from "../../src/rotation/transition.ts";
import { anApproval, promotedProgress, rotationIn } from "../support/observations.ts";
import { DAY, HOUR, NOON, aKey, aPlan, aRotation, noProgress } from "../support/records.ts";

/** When the moves of these tests happen: an odd time, so that no clock fits by accident. */
const AT = NOON + 5 * HOUR + 1;
const after = (record: Rotation, event: Event, patch?: Partial<Rotation>, at: Instant = AT): Rotation =>
  move(record, { event, at, actor: "cli:ana@laptop", via: "cli", ...(patch ? { patch } : {}) });

const attention = { code: "destination_changed", message: "m", next: "n", since: NOON, looks: 3 } as const;

describe("every move", () => {
  it("raises the revision by one, notes who and when, and is due at once", () => {
    const r = after(rotationIn("verifying"), "verified");
    expect(r).toMatchObject({ revision: 8, state: "promoting", enteredAt: AT, wakeAt: AT });
    expect(r.history).toEqual([{ at: AT, event: "verified", actor: "cli:ana@laptop", via: "cli" }]);
  });

  it("leaves the record that it was given as it was", () => {
    const before = rotationIn("verifying");
    const copy = structuredClone(before);
    after(before, "key_rejected");
    expect(before).toEqual(copy);
  });

  it("R20: ends leases, retries and intents of the state it leaves, and its deadline", () => {
    const busy = rotationIn("awaiting_replacement", {
      lease: { holder: "w", until: AT + 1000 },
      retry: { attempts: 3, since: NOON, code: "STORE_UNAVAILABLE" },
      intent: { effect: "deactivate", at: NOON, sent: true },
    });
    expect(after(busy, "staged")).toMatchObject({ lease: null, retry: null, intent: null, deadline: null });
  });

  it.each<{ state: State; event: Event; kept: boolean }>([
    { state: "draining", event: "drained", kept: true },
    { state: "grace_period", event: "elapsed", kept: true },
    { state: "deactivating", event: "p1_lost", kept: true },
    { state: "deactivating", event: "outgoing_inactive", kept: false },
    { state: "draining", event: "proceed", kept: false },
    { state: "propagating", event: "propagated", kept: false },
  ])("$event forgets the attention: not $kept", ({ state, event, kept }) => {
    expect(after(rotationIn(state, { attention }), event).attention).toEqual(kept ? attention : null);
  });

  it("an attention that the move itself raises stays", () => {
    expect(after(rotationIn("awaiting_replacement"), "expired", { attention }).attention).toEqual(attention);
  });

  it("the history keeps the newest 500 entries", () => {
    const history = Array.from({ length: 500 }, (_, i) => ({ at: i, event: `e${i}`, actor: "a", via: "cli" }));
    const r = after(rotationIn("verifying", { history }), "verified");
    expect([r.history.length, r.history[0]?.event, r.history.at(-1)?.event]).toEqual([500, "e1", "verified"]);
  });

  it("an amendment raises the revision and nothing else but what it says", () => {
    const before = rotationIn("draining");
    const onRecord = { revision: 8, upTo: 7 };
    expect(amend(before, { wakeAt: AT })).toEqual({ ...before, revision: 8, onRecord, wakeAt: AT });
  });
});

describe("R20: entering a waiting state sets a new deadline", () => {
  it.each<{ from: State; event: Event; to: State; deadline: Instant }>([
    { from: "awaiting_approval", event: "approved", to: "awaiting_replacement", deadline: AT + 7 * DAY },
    { from: "verifying", event: "key_rejected", to: "awaiting_replacement", deadline: AT + 7 * DAY },
    { from: "revoking", event: "outgoing_inactive", to: "awaiting_replacement", deadline: AT + 7 * DAY },
    { from: "reinstating", event: "outgoing_gone", to: "awaiting_replacement", deadline: AT + 7 * DAY },
    { from: "awaiting_approval", event: "plan_changed", to: "awaiting_approval", deadline: AT + 3 * DAY },
    { from: "awaiting_replacement", event: "plan_changed", to: "awaiting_approval", deadline: AT + 3 * DAY },
    { from: "verifying", event: "plan_changed", to: "awaiting_approval", deadline: AT + 3 * DAY },
  ])("$from on $event", ({ from, event, to, deadline }) => {
    const record = rotationIn(from, from === "verifying" ? {} : { replacement: null });
    expect(after(record, event)).toMatchObject({ state: to, deadline });
    expect(after({ ...record, reason: "compromised" }, event), "R4: compromised never expires").toMatchObject({
      state: to,
      deadline: null,
    });
  });

  it("a deadline in the past does not end the wait that a rejected key starts anew", () => {
    const late = rotationIn("verifying", { deadline: NOON - DAY });
    expect(after(late, "key_rejected").deadline).toBe(AT + 7 * DAY);
  });

  it.each<[State, Event]>([
    ["awaiting_replacement", "staged"],
    ["verifying", "verified"],
    ["promoting", "promoted"],
    ["propagating", "propagated"],
    ["draining", "drained"],
    ["deactivating", "outgoing_inactive"],
    ["grace_period", "elapsed"],
    ["grace_period", "reinstate"],
    ["awaiting_replacement", "cancelled"],
  ])("%s on %s: where no person is awaited there is no deadline", (state, event) => {
    expect(after(rotationIn(state, { deadline: NOON }), event).deadline).toBeNull();
  });
});

describe("R15: a changed plan", () => {
  it("voids approvals and keeps the staged value", () => {
    const plan = aPlan({ gracePeriodMs: DAY });
    const r = after(rotationIn("verifying"), "plan_changed", { plan, planHash: "h2" });
    expect(r).toMatchObject({
      state: "awaiting_approval",
      approvals: [],
      planHash: "h2",
      replacement: { id: "apikey_new" },
    });
  });

  it("approvals that made the move stay: only entering awaiting_approval voids them", () => {
    const r = after(rotationIn("awaiting_approval"), "approved", { approvals: [anApproval()] });
    expect(r.approvals).toHaveLength(1);
  });
});

describe("a rejected key", () => {
  it("takes everything of the replacement off the record but where we stand with each destination", () => {
    const record = rotationIn("verifying", {
      submittedBy: "cli:ana@laptop",
      acceptExpiry: true,
      progress: [{ ...promotedProgress(), baseVersion: "1", pendingVersion: "2", stagedAt: NOON }],
    });
    expect(after(record, "key_rejected")).toMatchObject({
      replacement: null,
      submittedBy: null,
      acceptExpiry: false,
      progress: [{ ...promotedProgress(), baseVersion: null, pendingVersion: null, stagedAt: null }],
    });
  });

  it("only that event does: a revocation on the way keeps the staged value", () => {
    const r = after(rotationIn("verifying"), "revoke");
    expect(r.replacement?.id).toBe("apikey_new");
    expect(withoutReplacement(r).replacement).toBeNull();
  });
});

describe("the clocks of draining", () => {
  it("R13: the window starts when everything is propagated, the limit runs from there", () => {
    const r = after(rotationIn("propagating", { propagatedAt: null }), "propagated");
    expect(r).toMatchObject({ state: "draining", propagatedAt: AT, drainLimitAt: AT + 7 * DAY, needsProceed: false });
  });

  it("P1 lost in deactivating: the limit goes on from where it was, so going to and fro never restarts it", () => {
    const r = after(rotationIn("deactivating", { drainLimitAt: NOON + DAY, propagatedAt: NOON - DAY }), "p1_lost");
    expect(r).toMatchObject({ state: "draining", drainLimitAt: NOON + DAY, propagatedAt: NOON - DAY });
  });

  it("P1 lost without a limit so far sets one", () => {
    expect(after(rotationIn("deactivating", { drainLimitAt: null }), "p1_lost").drainLimitAt).toBe(AT + 7 * DAY);
  });

  it("R7: activated again in grace by somebody: only `proceed` goes on, and the grace clock is gone", () => {
    const r = after(rotationIn("grace_period"), "outgoing_active");
    expect(r).toMatchObject({ state: "draining", needsProceed: true, graceEndsAt: null, deactivatedAt: null });
    expect(r.drainLimitAt).toBe(AT + 7 * DAY);
  });

  it.each<[State, Event]>([
    ["reinstated", "retry"],
    ["rolling_back", "proceed"],
  ])("%s on %s: a new limit and no leftover cause of a rollback", (state, event) => {
    const r = after(
      rotationIn(state, {
        replacement: aKey("apikey_new"),
        progress: [promotedProgress()],
        needsProceed: true,
        rollbackCause: "failed",
      }),
      event,
    );
    expect(r).toMatchObject({
      state: "draining",
      drainLimitAt: AT + 7 * DAY,
      needsProceed: false,
      rollbackCause: null,
    });
  });

  it("entering deactivating asks afresh: an old need to `proceed` is answered", () => {
    expect(after(rotationIn("draining", { needsProceed: true }), "proceed").needsProceed).toBe(false);
  });
});

describe("P4: the grace clock", () => {
  it.each<{ from: State; event: Event; more?: Partial<Rotation> }>([
    { from: "deactivating", event: "outgoing_inactive" },
    { from: "draining", event: "outgoing_inactive" },
    { from: "revoking", event: "outgoing_inactive", more: { target: null } },
  ])("$from on $event starts the whole period now", ({ from, event, more }) => {
    const r = after(rotationIn(from, { ...more, graceEndsAt: null }), event);
    expect(r).toMatchObject({ state: "grace_period", deactivatedAt: AT, graceEndsAt: AT + 7 * DAY });
  });

  it.each<Event>(["held", "p1_lost"])("back from archiving on %s it keeps running: the period was served", (event) => {
    const r = after(rotationIn("archiving"), event);
    expect(r).toMatchObject({ state: "grace_period", deactivatedAt: NOON, graceEndsAt: NOON + 7 * DAY });
  });

  it("P4: back from archiving because somebody has the key active, it does not run", () => {
    const r = after(rotationIn("archiving"), "outgoing_active");
    expect(r).toMatchObject({ state: "grace_period", deactivatedAt: null, graceEndsAt: null });
  });

  it("R6: entering reinstating stops it for good", () => {
    const r = after(rotationIn("grace_period", { heldAt: NOON }), "reinstate");
    expect(r).toMatchObject({ state: "reinstating", graceEndsAt: null, heldAt: null });
    expect(after(r, "outgoing_active")).toMatchObject({ state: "reinstated", graceEndsAt: null });
  });
});

describe("R4: a revocation that interrupts promoting", () => {
  it("remembers where to return to, and forgets it on arrival", () => {
    const revoking = after(rotationIn("promoting"), "revoke", { resumeState: "promoting" });
    expect(revoking).toMatchObject({ state: "revoking", resumeState: "promoting" });
    expect(after(revoking, "outgoing_inactive")).toMatchObject({ state: "promoting", resumeState: null });
  });
});

describe("R20: every end but completed carries notBefore", () => {
  it.each<{ from: State; event: Event; more?: Partial<Rotation>; to: State; notBefore: Instant | null }>([
    { from: "awaiting_approval", event: "rejected", to: "rejected", notBefore: AT + 7 * DAY },
    { from: "awaiting_approval", event: "cancelled", to: "cancelled", notBefore: AT + DAY },
    { from: "awaiting_approval", event: "expired", to: "expired", notBefore: AT + DAY },
    { from: "rolling_back", event: "done", to: "cancelled", notBefore: AT + DAY },
    { from: "rolling_back", event: "done", more: { rollbackCause: "expired" }, to: "expired", notBefore: AT + DAY },
    { from: "reinstating", event: "outgoing_active", to: "cancelled", notBefore: AT + DAY },
    { from: "archiving", event: "outgoing_gone", to: "completed", notBefore: null },
  ])("$from on $event → $to", ({ from, event, more, to, notBefore }) => {
    expect(after(rotationIn(from, more), event)).toMatchObject({ state: to, notBefore, endedAt: AT, cleanedUp: false });
  });

  it("snoozed: as the person chose", () => {
    const r = after(rotationIn("awaiting_approval"), "snoozed", { notBefore: NOON + 20 * DAY });
    expect(r).toMatchObject({ state: "snoozed", notBefore: NOON + 20 * DAY });
  });

  it.each(["compromised", "deactivated_elsewhere"] as const)("an end of a %s rotation carries none", (reason) => {
    expect(after(rotationIn("awaiting_approval", { reason }), "rejected").notBefore).toBeNull();
  });

  it("what was there before is not carried into an end that sets none", () => {
    expect(after(rotationIn("archiving", { notBefore: NOON }), "outgoing_gone").notBefore).toBeNull();
  });
});

describe("promoted", () => {
  const both = (a: Partial<Rotation["progress"][0]>, b: Partial<Rotation["progress"][0]>) =>
    isPromoted(
      aRotation({
        progress: [
          { ...noProgress(), ...a },
          { ...noProgress(), ...b },
        ],
      }),
    );

  it("means at least one destination was moved and not moved back", () => {
    expect(both({}, {})).toBe(false);
    expect(both({ stagedAt: 1, pendingVersion: "2" }, {})).toBe(false);
    expect(both({}, { promotedAt: 1 })).toBe(true);
    expect(both({ promotedAt: 1, rolledBackAt: 2 }, { promotedAt: 1 })).toBe(true);
    expect(both({ promotedAt: 1, rolledBackAt: 2 }, {})).toBe(false);
  });
});
