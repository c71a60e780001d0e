import { type Job, type Telemetry, UnrecoverableError, Worker } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import type { Log } from "../src/ports/notifier.ts";
import { QUEUE_NAME, queuePrefix } from "../src/ports/queue.ts";
import { KeyturnError, asKeyturnError } from "../src/rotation/errors.ts";
import { createOneAtATime } from "./one-at-a-time.ts";
import { parseWakeup } from "./wakeup-job.ts";

export interface RotationWorkerOptions {
  /** A connection of its own, opened for the role `worker`; `close` ends it. */
  connection: { client: Redis | Cluster; disconnect(): void };
  install: string;
  /** Takes one rotation one step and records its own failures. `signal` aborts when this worker lost the job. */
  advance: (id: string, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Rotations worked on at a time. */
  concurrency?: number;
  log: Log;
  telemetry?: Telemetry | undefined;
  /** Milliseconds; tests shorten them. */
  lockMs?: number;
  stalledMs?: number;
  readyMs?: number;
}

export interface RotationWorker {
  /** Resolves when it takes jobs. @throws REDIS_UNAVAILABLE after a minute: then `close` it, and start anew */
  ready(): Promise<void>;
  /** Whether this process works on the rotation right now. */
  isWorkingOn(id: string): boolean;
  inFlight(): number;
  /**
   * For liveness: milliseconds since the worker began or ended a job, or was answered when it asked for one. An idle worker
   * asks every 10 s at most.
   */
  silentForMs(): number;
  /**
   * Takes no more jobs, lets the running ones end, and ends the connection. Always resolves: after `deadlineMs` the
   * running ones are abandoned, which is safe (P7). Safe to repeat.
   */
  close(deadlineMs: number): Promise<void>;
}

/** Between two log lines about the same trouble with Redis (milliseconds). */
const QUIET_MS = 30_000;

/**
 * What BullMQ runs: parse the job, call one use case, map the error. A rotation is advanced once at a time in this
 * process; between processes the record's compare-and-set decides.
 */
export function createRotationWorker(options: RotationWorkerOptions): RotationWorker {
  const { log } = options;
  const turns = createOneAtATime();
  // Not the wall clock: it may jump (R24).
  let seenAt = performance.now();
  const seen = () => void (seenAt = performance.now());
  const process = async (
    job: Job<unknown>,
    _token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    seen();
    const { id } = parseWakeup(job.data);
    try {
      await turns.run(id, async () => void (await options.advance(id, signal)));
    } catch (error) {
      throw storable(error, id, log);
    } finally {
      seen();
    }
  };
  const worker = new AskingWorker(QUEUE_NAME, process, {
    connection: options.connection.client,
    prefix: queuePrefix(options.install),
    concurrency: options.concurrency ?? 20,
    lockDuration: options.lockMs ?? 30_000,
    stalledInterval: options.stalledMs ?? 10_000,
    // A job is only a wake-up: how often it may be picked up again is not its own to decide.
    maxStalledCount: 100,
    // An id that is gone can be used again; a failed job is kept for a look, and wakeFresh goes round it.
    removeOnComplete: { count: 0 },
    removeOnFail: { age: 86_400, count: 100 },
    ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
  });
  worker.onAnswer = seen;
  listen(worker, log);
  let closing: Promise<void> | null = null;
  return {
    ready: () => readyWithin(options.readyMs ?? READY_MS, worker),
    isWorkingOn: (id) => turns.isRunning(id),
    inFlight: () => turns.count(),
    silentForMs: () => performance.now() - seenAt,
    close: (deadlineMs) => (closing ??= closeWithin(deadlineMs, worker, options)),
  };
}

/** Tells of each answer to "is there a job?", which an idle worker asks again and again. */
class AskingWorker extends Worker<unknown, void> {
  onAnswer: () => void = () => undefined;

  protected override async moveToActive(token: string, name?: string): Promise<Job<unknown, void>> {
    const job = await super.moveToActive(token, name);
    this.onAnswer();
    return job;
  }
}

/** Half of what the chart's startup probe waits (milliseconds). */
const READY_MS = 60_000;

/** A connection that is cut while a Cluster's nodes are looked for may never become ready, and BullMQ waits for ever. */
async function readyWithin(ms: number, worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new KeyturnError("REDIS_UNAVAILABLE", `(the queue did not become ready within ${ms / 1000} s)`);
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    await Promise.race([worker.waitUntilReady(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A worker waits for Redis without limit when it closes (bullmq#4656); ending the connection sets it free. */
async function closeWithin(
  deadlineMs: number,
  worker: Worker,
  { connection, log }: RotationWorkerOptions,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), deadlineMs);
  });
  const closed = worker.close().catch(() => undefined);
  const outcome = await Promise.race([closed, late]);
  clearTimeout(timer);
  if (outcome === "late")
    log.warn({ event: "worker.abandoned" }, "Jobs still run at the deadline; another worker takes them up");
  connection.disconnect();
}

/** The error as BullMQ may keep it: message and stack go to Redis in clear text. */
function storable(error: unknown, id: string, log: Log): Error {
  if (error instanceof UnrecoverableError) return error;
  const known = asKeyturnError(error);
  log.error({ event: "worker.failed", rotation: id, code: known.code, err: known }, "A rotation could not be advanced");
  const kept = new UnrecoverableError(known.code);
  kept.stack = known.code;
  return kept;
}

function listen(worker: Worker, log: Log): void {
  let saidAt = 0;
  // BullMQ goes on by itself; without a listener it prints raw errors.
  worker.on("error", () => {
    if (Date.now() - saidAt < QUIET_MS) return;
    saidAt = Date.now();
    log.warn({ event: "worker.trouble" }, "The worker cannot reach Redis; it goes on when Redis is back");
  });
  worker.on("failed", (job) => log.warn({ event: "worker.job_failed", job: job?.id ?? null }, "A wake-up failed"));
  worker.on("stalled", (job) =>
    log.info({ event: "worker.job_stalled", job }, "A wake-up is taken over from a worker that is gone"),
  );
  worker.on("lockRenewalFailed", (jobs: string[]) => {
    for (const job of jobs) worker.cancelJob(job, "lost the lock");
  });
}
