import type { Clock } from "../../src/ports/clock.ts";

export interface TurnedClock extends Clock {
  /** Moves time on, and wakes whoever slept until then, in order. */
  turn(ms: number): Promise<void>;
  /** Sets the clock without waking anybody, as an operator or NTP does. */
  set(at: number): void;
}

/** A clock that stands still until a test turns it. */
export function turnedClock(start: number): TurnedClock {
  let now = start;
  let sleepers: { until: number; wake: () => void }[] = [];
  return {
    now: () => now,
    set: (at) => {
      now = at;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((each) => each !== sleeper);
          reject(signal.reason as Error);
        });
      }),
    turn: async (ms) => {
      const end = now + ms;
      await settled();
      for (;;) {
        const due = sleepers.filter((each) => each.until <= end).toSorted((a, b) => a.until - b.until)[0];
        if (due === undefined) break;
        sleepers = sleepers.filter((each) => each !== due);
        now = Math.max(now, due.until);
        due.wake();
        await settled();
      }
      now = end;
    },
  };
}

/** Lets everything run that needs no time. */
const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
