import { describe, expect, it } from "vitest";
import { decide } from "../../../src/rotation/decide.ts";
import { planHashOf } from "../../../src/rotation/plan.ts";
import type { Rotation } from "../../../src/rotation/record.ts";
import { STATES, type State, isFinal } from "../../../src/rotation/states.ts";
import { destinationOf } from "../../../src/rotation/transition.ts";
import { anObservation, holding, rotationIn } from "../../support/observations.ts";
import { NOON, aDestination, aPlan, noProgress } from "../../support/records.ts";

const ALL = Object.keys(STATES) as State[];
const OPEN = ALL.filter((s) => !isFinal(s));
const BEFORE: readonly State[] = ["awaiting_approval", "awaiting_replacement", "verifying"];
const TO_SAFETY: readonly State[] = ["revoking", "reinstating", "reinstated", "rolling_back"];
const AFTER = OPEN.filter((s) => !BEFORE.includes(s) && !TO_SAFETY.includes(s));
const IN_GRACE: readonly State[] = ["grace_period", "archiving"];
/** The outgoing key's status where nobody interfered. */
const usual = (state: State) => (IN_GRACE.includes(state) ? "inactive" : "active");

describe("R16: Redis is older than what the sink or a mark knows", () => {
  it.each(ALL)("in `%s` nothing is done but telling a person", (state) => {
    const behind = anObservation({ marks: { revision: 8, unknownReplacement: null } });
    expect(decide(rotationIn(state, { revision: 7 }), behind)).toEqual({ do: "attend", code: "state_behind" });
  });

  it("the same revision is not behind, nor is an older one", () => {
    const r = rotationIn("verifying", { revision: 7 });
    expect(decide(r, anObservation({ marks: { revision: 7, unknownReplacement: null } }))).toEqual({
      do: "perform",
      effect: "verify",
    });
    expect(decide(r, anObservation({ marks: { revision: 6, unknownReplacement: null } }))).toEqual({
      do: "perform",
      effect: "verify",
    });
  });
});

describe("R20: under a lease no timer fires and nothing is done", () => {
  it.each(OPEN)("`%s` waits for the lease to end", (state) => {
    const lease = { holder: "submit", until: NOON + 1 };
    expect(decide(rotationIn(state, { lease, deadline: NOON - 1 }), anObservation())).toEqual({
      do: "wait",
      until: NOON + 1,
    });
  });

  it("a lease counts until its last millisecond and not at its end", () => {
    const r = rotationIn("awaiting_replacement", { lease: { holder: "submit", until: NOON }, deadline: NOON });
    expect(decide(r, anObservation())).toEqual({ do: "move", event: "expired" });
  });
});

const changedPlan = aPlan({ destinations: [aDestination("new.env"), aDestination("billing.env")], approvals: 2 });
const changed = { kind: "changed", plan: changedPlan, planHash: planHashOf(changedPlan) } as const;

describe("R15: the plan changed under an open rotation", () => {
  it.each(BEFORE)("before promoting (`%s`) it is bound to the new plan and approved again", (state) => {
    const staged = { ...noProgress(), pendingVersion: "2", stagedAt: NOON };
    const r = rotationIn(state, { progress: [staged] });
    expect(decide(r, anObservation({ plan: changed }))).toEqual({
      do: "move",
      event: "plan_changed",
      patch: {
        plan: changedPlan,
        planHash: changed.planHash,
        approvalsNeeded: 2,
        // What is staged in a destination that stays is found again, at its new place in the plan.
        progress: [noProgress(), staged],
      },
    });
  });

  it("R2: a rotation rebuilt from marks needs a person even if the new plan asks for none", () => {
    const plan = aPlan({ approvals: 0 });
    const seen = anObservation({ plan: { kind: "changed", plan, planHash: "h" } });
    const needed = (rebuilt: Rotation["rebuilt"]) =>
      decide(rotationIn("verifying", { rebuilt }), seen) as { patch?: Partial<Rotation> };
    expect(needed("marks").patch?.approvalsNeeded).toBe(1);
    expect(needed("sink").patch?.approvalsNeeded).toBe(0);
    expect(needed(null).patch?.approvalsNeeded).toBe(0);
  });

  it.each(AFTER)("from promoting on (`%s`) a person is told and nothing destructive happens", (state) => {
    const seen = anObservation({ plan: changed, outgoing: usual(state) });
    expect(decide(rotationIn(state), seen)).toEqual({ do: "attend", code: "plan_changed" });
  });

  it.each(IN_GRACE)("P4: in `%s` a key that is seen active is first taken out of its grace period", (state) => {
    const seen = anObservation({ plan: changed, outgoing: "active" });
    expect(decide(rotationIn(state), seen)).toEqual({ do: "move", event: "outgoing_active" });
  });

  it.each(TO_SAFETY)("on the way to safety (`%s`) it does not stop us", (state) => {
    const r = rotationIn(state);
    const seen = { outgoing: "active", destinations: holding("outgoing") } as const;
    expect(decide(r, anObservation({ ...seen, plan: changed }))).toEqual(decide(r, anObservation(seen)));
  });

  it("a key without target has no plan to change", () => {
    const r = rotationIn("grace_period", { target: null });
    const gone = anObservation({ outgoing: "archived", plan: { kind: "target_removed" } });
    expect(decide(r, gone)).toEqual({ do: "move", event: "outgoing_gone" });
  });
});

describe("R15: the target is gone from the configuration", () => {
  const removed = anObservation({ plan: { kind: "target_removed" } });

  it.each(BEFORE)("before promoting (`%s`) the rotation is cancelled", (state) => {
    const r = rotationIn(state);
    expect(decide(r, removed)).toEqual({ do: "move", event: "cancelled" });
    expect(destinationOf(r, "cancelled")).toBe(state === "awaiting_approval" ? "cancelled" : "rolling_back");
  });

  it.each(BEFORE)("R4: but a compromised one is never cancelled, a person decides (`%s`)", (state) => {
    const r = rotationIn(state, { reason: "compromised" });
    expect(decide(r, removed)).toEqual({ do: "attend", code: "target_removed" });
  });

  it.each(AFTER)("from promoting on (`%s`) a person decides", (state) => {
    expect(decide(rotationIn(state), { ...removed, outgoing: usual(state) })).toEqual({
      do: "attend",
      code: "target_removed",
    });
  });
});

describe("R15, R16, R17, R2: nothing destructive is begun while one of these is so", () => {
  const doubts = [
    { why: "a hold is set", seen: { holds: ["billing"] }, given: {} },
    { why: "this process runs an older configuration", seen: { newestConfiguration: false }, given: {} },
    { why: "the rebuilt rotation has no provable approval", seen: {}, given: { approvals: [], approvalsNeeded: 1 } },
    { why: "the sink knows a newer revision", seen: { marks: { revision: 99, unknownReplacement: null } }, given: {} },
    { why: "the plan changed", seen: { plan: changed }, given: {} },
    { why: "a destination was emptied", seen: { destinations: holding("missing") }, given: {} },
    { why: "a destination holds the outgoing key", seen: { destinations: holding("outgoing") }, given: {} },
    { why: "nothing is known of the destinations", seen: { destinations: null }, given: {} },
    { why: "no destination is left", seen: { destinations: [] }, given: {} },
  ] as const;
  const steps = [
    { state: "deactivating", outgoing: "active", effect: "deactivate" },
    { state: "archiving", outgoing: "inactive", effect: "archive" },
  ] as const;

  it.each(steps)("without any of them `$state` acts", ({ state, outgoing, effect }) => {
    expect(decide(rotationIn(state), anObservation({ outgoing }))).toEqual({ do: "perform", effect });
  });

  it.each(steps.flatMap((step) => doubts.map((doubt) => ({ ...step, ...doubt }))))(
    "$state: $why",
    ({ state, outgoing, seen, given }) => {
      const r = rotationIn(state, given as unknown as Partial<Rotation>);
      expect(decide(r, anObservation({ outgoing, ...seen } as Parameters<typeof anObservation>[0])).do).not.toBe(
        "perform",
      );
    },
  );
});

describe("the same question gives the same answer", () => {
  it.each(ALL)("`%s`: deciding changes neither the record nor what was seen", (state) => {
    const r = rotationIn(state);
    const seen = anObservation({ holds: ["billing"] });
    const [copy, seenCopy] = [structuredClone(r), structuredClone(seen)];
    expect(decide(r, seen)).toEqual(decide(copy, seenCopy));
    expect([r, seen]).toEqual([copy, seenCopy]);
  });
});
