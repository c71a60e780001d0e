import { openRotations } from "./app/find.ts";
import { unlessInterrupted } from "./app/interrupt.ts";
import { scan, type ScanResult } from "./app/scan/scan.ts";
import { type App, startWorker } from "./compose.ts";
import { type Listening, type Waited, shortened, startListening } from "./listen-once.ts";
import { KeyturnError } from "./rotation/errors.ts";
import { STATES } from "./rotation/states.ts";
import type { RotationWorker } from "../workers/rotation-worker.ts";
import { runUntilIdle } from "../workers/run-until-idle.ts";

export { requireSocketMode, withoutPages } from "./listen-once.ts";

export interface RunOnceResult extends ScanResult {
  /** Rotations that are in another state than before. */
  advanced: { id: string; from: string; to: string }[];
  /** Open rotations and whom they wait for. */
  waiting: { id: string; state: string; for: string }[];
  /** How long it listened for people, and why no longer; null: not at all. */
  waited: Waited | null;
}

export interface RunOnceOptions {
  onProgress?: (keys: number) => void;
  /** Asks to end soon: what is under way ends, nothing new begins. */
  signal?: AbortSignal;
  /** Listens for people so long afterwards, over Socket Mode (R21), in milliseconds; absent: not at all. */
  waitMs?: number;
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
/** How long running steps may take to end: in all, and after a signal (milliseconds). */
const CLOSE_MS = { usual: 30_000, hurried: 5000 };
/** Telling people after a signal: Kubernetes waits 30 s in all (milliseconds). */
const HURRIED_TELL_MS = 3000;

/**
 * A scan, then the same workers as `serve` runs until nothing is due: for a cron job without a server. May run beside
 * `serve` and beside itself (R23). What other processes advanced meanwhile is reported as well.
 * @throws LOCK_HELD (75) while another scan runs · INTERRUPTED (75) by a signal before the work was done; a signal while it
 * waits for people only ends the wait · CONFIG_INVALID (78) when it should wait and cannot hear anybody
 */
export async function runOnce(app: App, options: RunOnceOptions = {}): Promise<RunOnceResult> {
  const { onProgress, signal, waitMs } = options;
  app.announcer.check();
  await app.attendance.start("run-once");
  const before = await statesOf(app);
  const listening = waitMs === undefined ? null : await startListening(app);
  let waited: Waited | null = null;
  try {
    const result = await scan(app.deps, {
      dryRun: false,
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    for (const id of result.opened) before.set(id, "awaiting_approval");
    await wakeAll(app);
    waited = await work(app, listening, options);
    await shortened(app.announcer.once(app.deps, TELL_MS), 2 * TELL_MS, HURRIED_TELL_MS, signal);
    const advanced: RunOnceResult["advanced"] = [];
    for (const [id, from] of before) {
      const to = (await app.deps.rotations.load(id))?.state ?? from;
      if (to !== from) advanced.push({ id, from, to });
    }
    return { ...result, advanced, waiting: await waiting(app), waited };
  } finally {
    await listening?.end(signal);
  }
}

/** Everything open is looked at now, also what would be looked at later. Some at a time: thousands may be open. */
export async function wakeAll(app: App): Promise<void> {
  const left = await openRotations(app.deps);
  while (left.length > 0) {
    const some = left.splice(0, WAKE_AT_ONCE);
    await Promise.all(some.map((r) => app.queue.wakeFresh(r.id, r.revision).catch(() => undefined)));
  }
}

async function work(
  app: App,
  listening: Listening | null,
  { signal, waitMs = 0 }: RunOnceOptions,
): Promise<Waited | null> {
  const worker = await startWorker(app);
  try {
    // Cards come while the work goes on: whoever watches the channel does not wait for its end.
    listening?.tell();
    await unlessInterrupted(() => untilNothingIsDue(app, worker, signal), signal);
    if (listening === null) return null;
    const waited = await listening.wait(waitMs, worker, signal);
    await listening.end(signal);
    // What somebody decided in the last moment is carried out, as far as it can be.
    if (signal?.aborted !== true) await untilNothingIsDue(app, worker, signal);
    return waited;
  } finally {
    await worker.close(signal?.aborted === true ? CLOSE_MS.hurried : CLOSE_MS.usual);
  }
}

async function untilNothingIsDue(app: App, worker: RotationWorker, signal: AbortSignal | undefined): Promise<void> {
  const { clock, rotations } = app.deps;
  const until = clock.now() + RETRIES_MS;
  for (;;) {
    await runUntilIdle({ rotations, wakeups: app.queue, worker, clock, limitMs: LIMIT_MS, horizonMs: HORIZON_MS });
    const again = await nextRetry(app);
    if (again === null || again > until) return;
    await clock.sleep(Math.max(0, again - clock.now()), signal).catch(() => undefined);
    if (signal?.aborted === true) throw new KeyturnError("INTERRUPTED");
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
