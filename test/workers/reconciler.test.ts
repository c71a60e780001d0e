import { describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { createReconciler, startReconciler } from "../../workers/reconciler.ts";
import { runUntilIdle } from "../../workers/run-until-idle.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { turnedClock } from "../support/turned-clock.ts";

const T0 = Date.parse("2026-11-20T12:00:00Z");

function aWorld(due: Record<string, number>) {
  const clock = turnedClock(T0);
  const log = listeningLog();
  const woken: string[] = [];
  const world = { due, away: false, working: new Set<string>() };
  const options = {
    clock,
    log,
    isWorkingOn: (id: string) => world.working.has(id),
    rotations: {
      due: async (until: number, limit: number) => {
        if (world.away) throw new KeyturnError("REDIS_UNAVAILABLE");
        const rows = Object.entries(world.due).filter(([, wakeAt]) => wakeAt <= until);
        return rows.slice(0, limit).map(([id, wakeAt]) => ({ id, wakeAt, revision: 3 }));
      },
    },
    wakeups: {
      wakeFresh: async (id: string, revision: number) =>
        void woken.push(`${(clock.now() - T0) / 1000} ${id} r${revision}`),
    },
  };
  return { clock, log, woken, world, options };
}

describe("R23: the reconciler", () => {
  it("wakes what is overdue within 7 seconds, and not what is on time", async () => {
    const { clock, woken, options } = aWorld({ lost: T0 + 1000, later: T0 + 60_000 });
    const reconciler = startReconciler(options);
    await clock.turn(8000);
    expect(woken).toEqual(["5 lost r3"]);
    await reconciler.stop();
  });

  it("wakes what does not move less and less often, at least every 30 seconds", async () => {
    const { clock, woken, options } = aWorld({ stuck: T0 - 60_000 });
    const reconciler = startReconciler(options);
    await clock.turn(100_000);
    expect(woken.map((line) => Number(line.split(" ")[0]))).toEqual([0, 5, 15, 35, 65, 95]);
    await reconciler.stop();
  });

  it("starts over when the rotation moved", async () => {
    const { clock, woken, world, options } = aWorld({ r1: T0 - 60_000 });
    const reconciler = startReconciler(options);
    await clock.turn(36_000);
    world.due = { r1: clock.now() };
    await clock.turn(5000);
    expect(woken.at(-1)).toBe("40 r1 r3");
    await reconciler.stop();
  });

  it("leaves alone what this process works on", async () => {
    const { woken, world, options } = aWorld({ r1: T0 - 60_000 });
    world.working.add("r1");
    expect(await createReconciler(options).look()).toBe(0);
    expect(woken).toEqual([]);
  });

  it("says once that Redis is away and goes on when it is back", async () => {
    const { clock, woken, world, log, options } = aWorld({ r1: T0 });
    world.away = true;
    const reconciler = startReconciler(options);
    await clock.turn(20_000);
    expect(log.events()).toEqual(["reconciler.failed"]);
    world.away = false;
    await clock.turn(5000);
    expect(woken).toEqual(["25 r1 r3"]);
    await reconciler.stop();
  });

  it("a clock that is put back does not silence it", async () => {
    const { clock, woken, options } = aWorld({ r1: T0 - 86_400_000 });
    const reconciler = createReconciler(options);
    await reconciler.look();
    clock.set(T0 - 7_200_000);
    await reconciler.look();
    expect(woken).toHaveLength(2);
  });
});

describe("R23: run-once works until nothing is due", () => {
  const idle = { inFlight: () => 0, isWorkingOn: () => false };
  const quiet = async () => ({ waiting: 0, active: 0 });

  it("wakes what is due, waits while it is worked on, and returns when it is done", async () => {
    const { clock, woken, world, options } = aWorld({ r1: T0, later: T0 + 3_600_000 });
    const worker = { inFlight: () => world.working.size, isWorkingOn: options.isWorkingOn };
    const done = runUntilIdle({ ...options, worker, wakeups: { ...options.wakeups, backlog: quiet }, limitMs: 60_000 });
    await clock.turn(100);
    world.working.add("r1");
    delete world.due["r1"];
    await clock.turn(10_000);
    world.working.clear();
    await clock.turn(100);
    expect(await done).toBe(true);
    expect(woken).toEqual(["0 r1 r3"]);
  });

  it("waits for what becomes due within a moment, not for what is due later", async () => {
    const { clock, woken, world, options } = aWorld({ r1: T0 + 1000 });
    const done = runUntilIdle({
      ...options,
      worker: idle,
      wakeups: { ...options.wakeups, backlog: quiet },
      limitMs: 60_000,
    });
    await clock.turn(1100);
    expect(woken).toEqual(["1 r1 r3"]);
    world.due = { r1: T0 + 3_600_000 };
    await clock.turn(100);
    expect(await done).toBe(true);
  });

  it.each([
    { when: "a rotation stays due", due: { r1: T0 }, waiting: 0 },
    { when: "a job stays in the queue", due: {}, waiting: 1 },
  ])("gives up at its limit when $when", async ({ due, waiting }) => {
    const { clock, options } = aWorld(due);
    const backlog = async () => ({ waiting, active: 0 });
    const done = runUntilIdle({ ...options, worker: idle, wakeups: { ...options.wakeups, backlog }, limitMs: 20_000 });
    await clock.turn(21_000);
    expect(await done).toBe(false);
  });
});
