import { describe, expect, it } from "vitest";
import { createLiveness } from "../src/liveness.ts";

const MINUTE = 60_000;

/** A process whose worker was seen at minute 0 and never again, unless `seen` says so. */
function aProcess(more: { worker?: "silent" | "seen" | "none"; ended?: boolean } = {}) {
  const at = { minute: 0, redis: true };
  const liveness = createLiveness({
    silentForMs: () => (more.worker === "none" ? null : more.worker === "seen" ? 0 : at.minute * MINUTE),
    ping: () => (at.redis ? Promise.resolve() : Promise.reject(new Error("away"))),
    ended: () => more.ended ?? false,
    elapsed: () => at.minute * MINUTE,
  });
  /** Goes on a minute at a time, asking Redis each time. */
  const until = async (minute: number, redis: boolean): Promise<boolean> => {
    at.redis = redis;
    for (await liveness.look(); at.minute < minute;) {
      at.minute += 1;
      await liveness.look();
    }
    return liveness.alive();
  };
  return { until };
}

describe("a process is alive", () => {
  it("while its worker is silent for less than 5 minutes, and not after that: its connection hangs for good", async () => {
    const { until } = aProcess();
    expect([await until(4, true), await until(5, true)]).toEqual([true, false]);
  });

  it("however long Redis is away: no restart brings it back", async () => {
    const { until } = aProcess();
    expect(await until(600, false)).toBe(true);
  });

  it("for 5 minutes after Redis came back: so long the worker may take to find it", async () => {
    const { until } = aProcess();
    await until(60, false);
    expect([await until(64, true), await until(66, true)]).toEqual([true, false]);
  });

  it.each([
    { when: "its worker asks for work, though nothing is due for hours", more: { worker: "seen" as const } },
    { when: "it has no worker yet", more: { worker: "none" as const } },
  ])("when $when", async ({ more }) => {
    expect(await aProcess(more).until(600, true)).toBe(true);
  });

  it("not any more when its own connection has ended for good", async () => {
    expect(await aProcess({ worker: "seen", ended: true }).until(0, true)).toBe(false);
  });
});
