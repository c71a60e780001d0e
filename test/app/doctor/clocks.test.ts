import { expect, it } from "vitest";
import { checkClocks, leadOf } from "../../../src/app/doctor/clocks.ts";
import { NOON } from "../../support/records.ts";
import { turnedClock } from "../../support/turned-clock.ts";

const lead = (ms: number | null) => (ms === null ? Promise.reject(new Error("away")) : Promise.resolve(ms));

it.each([
  { redis: 0, admin: 0, level: "pass", says: "this machine, Redis, the Admin API agree within 1 s" },
  { redis: 30_000, admin: 0, level: "pass", says: "agree within 30 s" },
  { redis: 30_001, admin: 0, level: "warn", says: "Redis is 30 s ahead of this machine" },
  { redis: 0, admin: 300_000, level: "warn", says: "the Admin API is 300 s ahead of" },
  { redis: 0, admin: 300_001, level: "fail", says: "no key is deactivated or archived (R24)" },
  // Each with each: both are within 5 minutes of us, and not of each other.
  { redis: -200_000, admin: 200_000, level: "fail", says: "the Admin API is 400 s ahead of Redis" },
  { redis: -31_000, admin: -1000, level: "warn", says: "this machine is 31 s ahead of Redis" },
  {
    redis: null,
    admin: 0,
    level: "pass",
    says: "this machine, the Admin API agree within 1 s (Redis could not be asked)",
  },
  {
    redis: null,
    admin: null,
    level: "warn",
    says: "nothing to compare with (Redis and the Admin API could not be asked)",
  },
])("R24: Redis $redis ms, Admin API $admin ms: $level", async ({ redis, admin, level, says }) => {
  const [line] = await checkClocks({ redis: lead(redis), admin: lead(admin) });
  expect(line).toMatchObject({ name: "clocks", level });
  expect(line?.message).toContain(says);
});

it("a slow answer is compared with the middle of the question", async () => {
  const clock = turnedClock(NOON);
  const slow = leadOf(clock, async () => {
    await clock.sleep(4000);
    return NOON + 2000;
  });
  await clock.turn(4000);
  expect(await slow).toBe(0);
  expect(await leadOf(clock, () => Promise.resolve(null))).toBe(null);
});
