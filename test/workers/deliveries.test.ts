import { describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { deliverOnce, startDeliveries } from "../../workers/deliveries.ts";
import { MemoryOutbox } from "../support/doubles/memory-outbox.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";
import { NOON } from "../support/records.ts";
import { turnedClock } from "../support/turned-clock.ts";

/** A loop whose deliveries end when the test says so. */
function aLoop(given: { deliver?: (id: string) => Promise<"delivered" | "busy"> } = {}) {
  const clock = turnedClock(NOON);
  const outbox = new MemoryOutbox();
  const log = listeningLog();
  const started: string[] = [];
  const running = new Map<string, (end: "delivered" | "busy") => void>();
  let sweeps = 0;
  const options = {
    outbox,
    clock,
    log,
    sweep: async () => void (sweeps += 1),
    deliver: async (entry: { id: string; stamp: string }) => {
      started.push(entry.id);
      const end = await (given.deliver?.(entry.id) ??
        new Promise<"delivered" | "busy">((resolve) => running.set(entry.id, resolve)));
      running.delete(entry.id);
      if (end === "delivered") await outbox.settle(entry.id, entry.stamp, null);
      return end;
    },
  };
  return { clock, outbox, log, started, running, options, sweeps: () => sweeps };
}
const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

describe("the delivery loop", () => {
  it("delivers what is due: at once when nudged, else within 2 s", async () => {
    const { clock, outbox, started, options } = aLoop({ deliver: async () => "delivered" });
    const loop = startDeliveries(options);
    await settled();
    await outbox.add("rot_nudged", NOON);
    loop.nudge();
    await settled();
    expect(started).toEqual(["rot_nudged"]);
    await outbox.add("rot_elsewhere", NOON);
    await outbox.add("rot_later", NOON + 5000);
    await clock.turn(2000);
    expect(started).toEqual(["rot_nudged", "rot_elsewhere"]);
    await clock.turn(4000);
    expect(started).toEqual(["rot_nudged", "rot_elsewhere", "rot_later"]);
    await loop.stop(1000);
  });

  it("works on at most five rotations at once, and on one rotation once at a time", async () => {
    const { clock, outbox, started, running, options } = aLoop();
    for (let n = 0; n < 8; n++) await outbox.add(`rot_${n}`, NOON + n);
    await clock.turn(10);
    const loop = startDeliveries(options);
    await settled();
    expect(started).toEqual(["rot_0", "rot_1", "rot_2", "rot_3", "rot_4"]);
    await outbox.add("rot_0", NOON);
    for (let n = 0; n < 5; n++) {
      loop.nudge();
      await settled();
    }
    expect(started).toHaveLength(5);
    running.get("rot_2")?.("delivered");
    await settled();
    // A place is free; rot_0 is due again but still under way.
    expect(started.slice(5)).toEqual(["rot_5"]);
    running.get("rot_0")?.("delivered");
    await settled();
    expect(started.slice(6)).toEqual(["rot_0"]);
    for (const end of running.values()) end("delivered");
    await loop.stop(1000);
  });

  it.each([
    { what: "that another process tells about", deliver: async () => "busy" as const },
    { what: "that fails", deliver: () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE")) },
  ])("a rotation $what is looked at again after 2 s, not at once, and said at most once", async ({ deliver }) => {
    const { clock, outbox, log, started, options } = aLoop({ deliver });
    await outbox.add("rot_1", NOON);
    const loop = startDeliveries(options);
    for (let n = 0; n < 5; n++) {
      loop.nudge();
      await settled();
    }
    expect(started).toHaveLength(1);
    await clock.turn(20_000);
    expect(started.length).toBeGreaterThan(5);
    expect(started.length).toBeLessThanOrEqual(11);
    expect(log.lines.length).toBeLessThanOrEqual(1);
    await loop.stop(1000);
  });

  it("sweeps at the start and every 60 s, and goes on when that fails", async () => {
    const { clock, outbox, log, started, options } = aLoop({ deliver: async () => "delivered" });
    let sweeps = 0;
    const loop = startDeliveries({
      ...options,
      sweep: () => {
        sweeps += 1;
        return Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
      },
    });
    await settled();
    expect(sweeps).toBe(1);
    await clock.turn(59_000);
    expect(sweeps).toBe(1);
    await clock.turn(120_000);
    expect(sweeps).toBe(3);
    await outbox.add("rot_1", NOON);
    await clock.turn(2000);
    expect(started).toEqual(["rot_1"]);
    expect(log.events()).toEqual(["deliveries.failed"]);
    await loop.stop(1000);
  });

  it("stop starts nothing more and waits for what is under way, but not for ever", async () => {
    const { outbox, started, running, options } = aLoop();
    await outbox.add("rot_1", NOON);
    const loop = startDeliveries(options);
    await settled();
    let stopped = false;
    const stopping = loop.stop(5000).then(() => (stopped = true));
    await outbox.add("rot_2", NOON);
    loop.nudge();
    await settled();
    expect([stopped, started]).toEqual([false, ["rot_1"]]);
    running.get("rot_1")?.("delivered");
    await stopping;
    await outbox.add("rot_3", NOON);
    const hanging = aLoop();
    await hanging.outbox.add("rot_1", NOON);
    const other = startDeliveries(hanging.options);
    await eventually(() => hanging.started.length === 1);
    await other.stop(20);
    await other.stop(20);
  });
});

describe("one pass, for run-once", () => {
  it("sweeps, delivers what is due and what that brings, and leaves failures to the next run", async () => {
    const { outbox, started, options } = aLoop({
      deliver: async (id) => {
        if (id === "rot_bad") throw new KeyturnError("REDIS_UNAVAILABLE");
        return "delivered";
      },
    });
    await outbox.add("rot_1", NOON);
    await outbox.add("rot_bad", NOON);
    await outbox.add("rot_later", NOON + 60_000);
    await deliverOnce({ ...options, sweep: () => outbox.add("rot_swept", NOON) }, 10_000);
    expect(started.toSorted()).toEqual(["rot_1", "rot_bad", "rot_swept"]);
    expect([...outbox.entries.keys()].toSorted()).toEqual(["rot_bad", "rot_later"]);
  });

  it("leaves everything to a `serve` that is there", async () => {
    const { outbox, started, options, sweeps } = aLoop();
    await outbox.add("rot_1", NOON);
    await deliverOnce({ ...options, alone: async () => false }, 10_000);
    expect([started, sweeps(), outbox.entries.size]).toEqual([[], 0, 1]);
  });
});

it("R21: a `serve` says that it is there before it tells anybody anything, and every 20 s", async () => {
  const { clock, outbox, started, options } = aLoop({ deliver: async () => "delivered" });
  const beats: string[][] = [];
  let left = 0;
  const beat = async () => void beats.push([...started]);
  const leave = async () => void (left += 1);
  await outbox.add("rot_1", NOON);
  const loop = startDeliveries({ ...options, presence: { beat, leave } });
  await clock.turn(61_000);
  expect([beats.length, beats[0], left]).toEqual([4, [], 0]);
  await loop.stop(1000);
  expect([beats.length, left]).toEqual([4, 1]);
});
