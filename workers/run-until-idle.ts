import type { Clock } from "../src/ports/clock.ts";
import type { Rewakeups } from "../src/ports/queue.ts";
import type { RotationStore } from "../src/ports/rotations.ts";
import type { RotationWorker } from "./rotation-worker.ts";

export interface RunUntilIdleOptions {
  rotations: Pick<RotationStore, "due">;
  wakeups: Rewakeups & { backlog(): Promise<{ waiting: number; active: number }> };
  /** Already running, with the same queue. */
  worker: Pick<RotationWorker, "inFlight" | "isWorkingOn">;
  clock: Clock;
  /** In all (milliseconds); what is left is for the next run. */
  limitMs: number;
  /** What becomes due within this belongs to this run: the first retry of a failed step comes after 1 s. */
  horizonMs?: number;
  pollMs?: number;
}

const MOST = 200;
/** Before the same rotation is woken again without having moved (milliseconds). */
const PATIENCE_MS = 5000;

/**
 * For `run-once`: returns when nothing is due and this process works on nothing. Jobs that other processes hold are
 * theirs; what they leave undone stays due and is taken up here.
 * @returns false when the time was up first
 * @throws REDIS_UNAVAILABLE
 */
export async function runUntilIdle(options: RunUntilIdleOptions): Promise<boolean> {
  const { clock, worker, wakeups } = options;
  const deadline = clock.now() + options.limitMs;
  const woken = new Map<string, { wakeAt: number; at: number }>();
  let quiet = 0;
  for (;;) {
    const now = clock.now();
    const rows = await options.rotations.due(now + (options.horizonMs ?? 1500), MOST);
    for (const row of rows.filter((each) => each.wakeAt <= now && !worker.isWorkingOn(each.id))) {
      const before = woken.get(row.id);
      if (before !== undefined && before.wakeAt === row.wakeAt && now - before.at < PATIENCE_MS) continue;
      await wakeups.wakeFresh(row.id, row.revision);
      woken.set(row.id, { wakeAt: row.wakeAt, at: now });
    }
    // In this order: a job is taken from the queue before it counts as in flight here.
    const { waiting } = await wakeups.backlog();
    const idle = rows.length === 0 && waiting === 0 && worker.inFlight() === 0;
    quiet = idle ? quiet + 1 : 0;
    // Twice: a step may have ended, and left its rotation due, between the three looks.
    if (quiet === 2) return true;
    if (clock.now() >= deadline) return false;
    await clock.sleep(options.pollMs ?? 50);
  }
}
