import type { Clock } from "../src/ports/clock.ts";
import type { Log } from "../src/ports/notifier.ts";
import type { Rewakeups } from "../src/ports/queue.ts";
import type { RotationStore } from "../src/ports/rotations.ts";
import { asKeyturnError } from "../src/rotation/errors.ts";

export interface ReconcilerOptions {
  rotations: Pick<RotationStore, "due">;
  wakeups: Rewakeups;
  clock: Clock;
  log: Log;
  /** Rotations this process works on need no wake-up. */
  isWorkingOn?: (id: string) => boolean;
  intervalMs?: number;
}

export interface Reconciler {
  /** One look. Never throws. @returns how many rotations were woken */
  look(): Promise<number>;
  /** Ends the repeated looks; bounded by one look. Safe to repeat. */
  stop(): Promise<void>;
}

const INTERVAL_MS = 5000;
/** A wake-up that was added on time is taken within this (milliseconds). */
const ON_TIME_MS = 2000;
/** Rotations in one look: the most overdue first; the rest have their turn in the next looks. */
const MOST = 200;
/** A rotation that stays due while somebody works on it is woken less and less often, up to this. */
const LONGEST_PAUSE_MS = 30_000;

/**
 * Repairs lost wake-ups within seconds (R23): whatever is due in the records and has not moved is woken again, under a
 * fresh id. It trusts the due index only, never a job. Runs in every `serve`; doubles are harmless.
 */
export function createReconciler(options: ReconcilerOptions): Omit<Reconciler, "stop"> {
  const woken = new Map<string, { wakeAt: number; at: number; pauseMs: number }>();

  const isDue = (row: { id: string; wakeAt: number }, now: number): boolean => {
    const before = woken.get(row.id);
    if (options.isWorkingOn?.(row.id)) return false;
    if (before === undefined || before.wakeAt !== row.wakeAt) return true;
    return now - before.at >= before.pauseMs || now < before.at;
  };
  const look = async (): Promise<number> => {
    const now = options.clock.now();
    const rows = await options.rotations.due(now - ON_TIME_MS, MOST);
    const names = new Set(rows.map((row) => row.id));
    for (const id of woken.keys()) if (!names.has(id)) woken.delete(id);
    let count = 0;
    for (const row of rows.filter((each) => isDue(each, now))) {
      await options.wakeups.wakeFresh(row.id, row.revision);
      const before = woken.get(row.id);
      const pauseMs = before?.wakeAt === row.wakeAt ? Math.min(LONGEST_PAUSE_MS, before.pauseMs * 2) : INTERVAL_MS;
      woken.set(row.id, { wakeAt: row.wakeAt, at: now, pauseMs });
      count += 1;
    }
    if (count > 0) options.log.info({ event: "reconciler.woken", count }, "Overdue rotations were woken again");
    return count;
  };
  let failing = false;
  return {
    look: async () => {
      try {
        const count = await look();
        failing = false;
        return count;
      } catch (error) {
        // Redis is away: said once, looked again at the next interval.
        if (!failing)
          options.log.warn(
            { event: "reconciler.failed", code: asKeyturnError(error).code },
            "Cannot look for overdue rotations",
          );
        failing = true;
        return 0;
      }
    },
  };
}

/** Looks at once, then every `intervalMs` (5 s) until stopped. */
export function startReconciler(options: ReconcilerOptions): Reconciler {
  const reconciler = createReconciler(options);
  const stopping = new AbortController();
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await reconciler.look();
      await options.clock.sleep(options.intervalMs ?? INTERVAL_MS, stopping.signal).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    look: () => reconciler.look(),
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}
