import { describe, expect, it } from "vitest";
import { DAY, type Drive } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };
const start = (more: Parameters<ReturnType<typeof drives>>[0] = {}) => ({ config, ...more });
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";

describe("R24, P4: the whole grace period, by every clock", () => {
  const open = drives();

  it("not an hour before, whatever woke it", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    await d.turn(7 * DAY - 3_600_000);
    for (let i = 0; i < 3; i++) expect((await d.step(id)).state).toBe("grace_period");
    expect(await d.status(outgoing(d))).toBe("inactive");
    await d.turn(3_600_000);
    await d.until(id, "completed");
    expect(await d.status(outgoing(d))).toBe("archived");
  });

  it.each([
    { whose: "the Admin API's", by: 6, skew: (d: Drive, ms: number) => d.console.settings({ dateHeader: ms }) },
    { whose: "the Admin API's", by: -6, skew: (d: Drive, ms: number) => d.console.settings({ dateHeader: ms }) },
    { whose: "Redis's", by: 6, skew: async (d: Drive, ms: number) => void (d.redisClock.offsetMs = ms) },
    { whose: "Redis's", by: -6, skew: async (d: Drive, ms: number) => void (d.redisClock.offsetMs = ms) },
  ])("$whose clock $by minutes off: no call, attention `clock`; it resumes by itself", async ({ by, skew }) => {
    const d = await open(start());
    const { id } = await d.to("archiving");
    await skew(d, by * 60_000);
    expect(await d.step(id)).toMatchObject({ state: "archiving", attention: { code: "clock" } });
    expect(await d.status(outgoing(d))).toBe("inactive");
    await skew(d, 0);
    await d.until(id, "completed");
  });

  it("the machine's clock eight days ahead archives nothing", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    const clock = { ...d.deps.clock, now: () => Date.now() + 8 * DAY };
    for (let i = 0; i < 3; i++) await d.step(id, { ...d.deps, clock });
    expect(await d.load(id)).toMatchObject({ state: "archiving", attention: { code: "clock" } });
    expect(await d.status(outgoing(d))).toBe("inactive");
  });
});
