import { describe, expect, it } from "vitest";
import { decide } from "../../../src/rotation/decide.ts";
import type { Rotation } from "../../../src/rotation/record.ts";
import { amend } from "../../../src/rotation/transition.ts";
import { anObservation, rotationIn } from "../../support/observations.ts";
import { DAY, HOUR, NOON, aPlan } from "../../support/records.ts";

/** Decides at `at` and applies what the decision says about the record. */
function look(r: Rotation, at: number, holds: string[]): Rotation {
  const outgoing = r.state === "grace_period" ? "inactive" : "active";
  const decision = decide(r, anObservation({ at, holds, outgoing }));
  return decision.do === "wait" && decision.patch !== undefined ? amend(r, decision.patch) : r;
}

describe("R17: a hold stops the clocks", () => {
  const waiting = [
    { state: "grace_period", clock: "graceEndsAt" },
    { state: "draining", clock: "drainLimitAt" },
  ] as const;

  it.each(waiting)("$state: when it is first seen, that moment is noted; afterwards a person is told", ({ state }) => {
    const outgoing = state === "grace_period" ? "inactive" : "active";
    const seen = anObservation({ at: NOON + DAY, holds: ["billing (cli)"], outgoing });
    expect(decide(rotationIn(state), seen)).toEqual({ do: "wait", until: NOON + DAY, patch: { heldAt: NOON + DAY } });
    expect(decide(rotationIn(state, { heldAt: NOON + HOUR }), seen)).toEqual({
      do: "attend",
      code: "held",
      about: "billing (cli)",
    });
  });

  it.each(waiting)("$state: held for 30 days with five days left, five days are left after it", ({ state, clock }) => {
    const held = look(rotationIn(state), NOON + 2 * DAY, ["billing"]);
    const freed = look(held, NOON + 32 * DAY, []);
    expect(freed).toMatchObject({ heldAt: null, [clock]: NOON + 37 * DAY });
  });

  it.each(waiting)("$state: with a minute left, 24 hours are left after it", ({ state, clock }) => {
    const held = look(rotationIn(state), NOON + 7 * DAY - 60_000, ["billing"]);
    expect(look(held, NOON + 9 * DAY, [])[clock]).toBe(NOON + 10 * DAY);
  });

  it.each(waiting)("$state: set after the period was over, 24 hours are left after it", ({ state, clock }) => {
    const held = look(rotationIn(state), NOON + 8 * DAY, ["billing"]);
    expect(look(held, NOON + 9 * DAY, [])[clock]).toBe(NOON + 10 * DAY);
  });

  it("a whole period shorter than 24 hours starts again whole, and no longer", () => {
    const plan = aPlan({ gracePeriodMs: 1000, drain: { quietForMs: 0, limitMs: 500 } });
    const grace = look(rotationIn("grace_period", { plan, graceEndsAt: NOON + 1000 }), NOON + 999, ["billing"]);
    expect(look(grace, NOON + DAY, []).graceEndsAt).toBe(NOON + DAY + 1000);
    const drain = look(rotationIn("draining", { plan, drainLimitAt: NOON + 500 }), NOON + 499, ["billing"]);
    expect(look(drain, NOON + DAY, []).drainLimitAt).toBe(NOON + DAY + 500);
  });

  it("a clock that does not run is not started by lifting a hold", () => {
    const freed = look(rotationIn("draining", { heldAt: NOON, graceEndsAt: null }), NOON + DAY, []);
    expect(freed.graceEndsAt).toBeNull();
  });

  it("P4: held through the end of grace, nothing is archived in the second it is lifted", () => {
    const held = look(rotationIn("grace_period"), NOON + DAY, ["billing"]);
    const seen = anObservation({ at: NOON + 40 * DAY, outgoing: "inactive" });
    const freed = look(held, seen.at, []);
    expect(decide(freed, seen)).toEqual({ do: "wait", until: seen.at + HOUR });
  });

  it("without a hold nothing is noted and nothing moves", () => {
    const r = rotationIn("grace_period");
    expect(look(r, NOON + DAY, [])).toBe(r);
  });
});
