import { beforeEach, describe, expect, it } from "vitest";
import { dues, nextDue } from "../../src/app/dues.ts";
import { type Candidate, judge } from "../../src/rotation/policy.ts";
import { DAY, NOON } from "../support/records.ts";
import { aPolicy } from "../support/settings.ts";
import { type World, makeWorld } from "../support/world.ts";

const candidate = (more: Partial<Candidate>): Candidate => ({
  now: NOON,
  createdAt: NOON - 10 * DAY,
  expiresAt: null,
  active: true,
  maxAgeMs: 90 * DAY,
  openRotationId: null,
  notBefore: null,
  rolledBack: false,
  failures: 0,
  waiting: 0,
  maxOpenRotations: 10,
  ...more,
});

describe("when a key becomes due", () => {
  it.each<{ when: string; given: Partial<Candidate>; so: [number, string] | null }>([
    { when: "at its maximum age", given: {}, so: [80, "age"] },
    { when: "now, when it is due already", given: { createdAt: NOON - 100 * DAY }, so: [0, "age"] },
    { when: "now, when it was deactivated elsewhere", given: { active: false }, so: [0, "deactivated_elsewhere"] },
    { when: "14 days before it expires", given: { expiresAt: NOON + 40 * DAY }, so: [26, "expires_soon"] },
    {
      when: "half-way through a short life",
      given: { createdAt: NOON, expiresAt: NOON + 2 * DAY },
      so: [1, "expires_soon"],
    },
    { when: "not before notBefore", given: { createdAt: NOON - 100 * DAY, notBefore: NOON + 7 * DAY }, so: [7, "age"] },
    {
      when: "now again, when only the limit of open rotations holds it back",
      given: { createdAt: NOON - 100 * DAY, waiting: 10 },
      so: [0, "age"],
    },
    { when: "never by itself while a rotation is open", given: { openRotationId: "rot_1" }, so: null },
    { when: "never by itself after a rollback", given: { createdAt: NOON - 100 * DAY, rolledBack: true }, so: null },
    { when: "never by itself after three failures", given: { createdAt: NOON - 100 * DAY, failures: 3 }, so: null },
  ])("$when", ({ given, so }) => {
    const c = candidate(given);
    expect(nextDue({ candidate: c, verdict: judge(c) })).toEqual(
      so === null ? null : { at: NOON + so[0] * DAY, reason: so[1] },
    );
  });
});

describe("the plan of coming rotations", () => {
  let world: World;
  beforeEach(() => {
    world = makeWorld();
    world.setTarget("later", world.org.addKey({ name: "a", ageDays: 10 }));
    world.setTarget("soon", world.org.addKey({ name: "b", ageDays: 80 }));
    world.setTarget("strict", world.org.addKey({ name: "c", ageDays: 80 }), {
      policy: aPolicy({ maxAgeMs: 30 * DAY }),
    });
    world.setTarget("broken", null);
  });
  it("lists what becomes due within the days, the soonest first, and the problems; it changes nothing", async () => {
    const { due, problems } = await dues(world.deps, 30);
    expect(due.map((d) => [d.target, d.reason, (d.dueAt - NOON) / DAY, d.ageDays])).toEqual([
      ["strict", "age", 0, 80],
      ["soon", "age", 10, 80],
    ]);
    expect(problems.map((p) => p.code)).toEqual(["destination_missing"]);
    expect(world.writes).toEqual([]);
  });
  it("the last day counts", async () => {
    expect((await dues(world.deps, 80)).due.map((d) => d.target)).toEqual(["strict", "soon", "later"]);
    expect((await dues(world.deps, 79)).due.map((d) => d.target)).toEqual(["strict", "soon"]);
  });
});
