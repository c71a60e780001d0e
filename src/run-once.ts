import { openRotations } from "./app/find.ts";
import { scan, type ScanResult } from "./app/scan/scan.ts";
import { type App, startWorker } from "./compose.ts";
import { STATES } from "./rotation/states.ts";
import { runUntilIdle } from "../workers/run-until-idle.ts";

export interface RunOnceResult extends ScanResult {
  /** Rotations that are in another state than before. */
  advanced: { id: string; from: string; to: string }[];
  /** Open rotations and whom they wait for. */
  waiting: { id: string; state: string; for: string }[];
}

/** In all, whatever becomes due: the next run takes the rest (milliseconds). */
const LIMIT_MS = 10 * 60_000;
/** Timers this near belong to this run; a grace period that ends later is the next run's (milliseconds). */
const HORIZON_MS = 250;
/** How long a run waits for failed steps to be tried again: the next run may be a day away (milliseconds). */
const RETRIES_MS = 60_000;
/** How long a run takes to tell people; what is left is told by the next one (milliseconds). */
const TELL_MS = 60_000;
/** Few enough that each is added well within the queue's deadline. */
const WAKE_AT_ONCE = 50;

/**
 * A scan, then the same workers as `serve` runs until nothing is due: for a cron job without a server. May run beside
 * `serve` and beside itself (R23). What other processes advanced meanwhile is reported as well.
 */
export async function runOnce(app: App, onProgress?: (keys: number) => void): Promise<RunOnceResult> {
  app.announcer.check();
  const before = await statesOf(app);
  const result = await scan(app.deps, { dryRun: false, ...(onProgress ? { onProgress } : {}) });
  for (const id of result.opened) before.set(id, "awaiting_approval");
  await wakeAll(app);
  await work(app);
  await app.announcer.once(app.deps, TELL_MS);
  const advanced: RunOnceResult["advanced"] = [];
  for (const [id, from] of before) {
    const to = (await app.deps.rotations.load(id))?.state ?? from;
    if (to !== from) advanced.push({ id, from, to });
  }
  return { ...result, advanced, waiting: await waiting(app) };
}

/** Everything open is looked at now, also what would be looked at later. Some at a time: thousands may be open. */
export async function wakeAll(app: App): Promise<void> {
  const left = await openRotations(app.deps);
  while (left.length > 0) {
    const some = left.splice(0, WAKE_AT_ONCE);
    await Promise.all(some.map((r) => app.queue.wakeFresh(r.id, r.revision).catch(() => undefined)));
  }
}

async function work(app: App): Promise<void> {
  const { clock, rotations } = app.deps;
  const worker = await startWorker(app);
  const until = clock.now() + RETRIES_MS;
  try {
    for (;;) {
      await runUntilIdle({ rotations, wakeups: app.queue, worker, clock, limitMs: LIMIT_MS, horizonMs: HORIZON_MS });
      const again = await nextRetry(app);
      if (again === null || again > until) return;
      await clock.sleep(Math.max(0, again - clock.now()));
    }
  } finally {
    await worker.close(30_000);
  }
}

/** When the next failed step is tried again; null when none failed. */
async function nextRetry(app: App): Promise<number | null> {
  let next: number | null = null;
  for (const r of await openRotations(app.deps)) {
    if (r.retry !== null && r.attention === null && r.wakeAt !== null) next = Math.min(next ?? r.wakeAt, r.wakeAt);
  }
  return next;
}

const waiting = async (app: App): Promise<RunOnceResult["waiting"]> =>
  (await openRotations(app.deps)).map((r) => ({
    id: r.id,
    state: r.state,
    for: r.attention === null ? (STATES[r.state] ?? "nobody") : `attention: ${r.attention.code}`,
  }));

const statesOf = async (app: App): Promise<Map<string, string>> =>
  new Map((await openRotations(app.deps)).map((r) => [r.id, r.state]));
