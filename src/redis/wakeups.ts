import { Queue, type Telemetry } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import { QUEUE_NAME, type Rewakeups, type WakeupJob, queuePrefix } from "../ports/queue.ts";
import type { Wakeups } from "../ports/rotations.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { asRedisError } from "./errors.ts";

const STATES = ["waiting", "active", "delayed", "failed"] as const;
type QueueState = (typeof STATES)[number];

export interface RotationQueue extends Wakeups, Rewakeups {
  /** Wake-ups that a worker could take now, and those being worked on, by any process. */
  backlog(): Promise<{ waiting: number; active: number }>;
  /** Wake-ups by state, for whoever watches: also those for later, and those that failed and are kept for a look. */
  counts(): Promise<Record<QueueState, number>>;
  /** Bounded in time; safe to repeat. Does not end the connection it was given. */
  close(): Promise<void>;
}

/** Adding is a matter of a millisecond; BullMQ's own limit would be none at all (stack.md 3.10). */
const DEADLINE_MS = 2000;
/** One fresh wake-up per rotation in this time, however many replicas look (milliseconds). */
const BUCKET_MS = 4000;

/**
 * The queue's adding end. Every call rejects with REDIS_UNAVAILABLE when Redis does not answer in time; the job may
 * exist even so. Losing one is harmless: the reconciler looks at the due index, not at jobs.
 */
export function createWakeups(given: {
  connection: { client: Redis | Cluster };
  install: string;
  now: () => number;
  deadlineMs?: number;
  telemetry?: Telemetry | undefined;
}): RotationQueue {
  const deadlineMs = given.deadlineMs ?? DEADLINE_MS;
  const queue = new Queue<WakeupJob>(QUEUE_NAME, {
    connection: given.connection.client,
    prefix: queuePrefix(given.install),
    // Nobody reads the event stream; at its default length of 10 000 it only costs memory.
    streams: { events: { maxLen: 50 } },
    ...(given.telemetry === undefined ? {} : { telemetry: given.telemetry }),
  });
  // The connection's owner reports trouble; without a listener BullMQ prints raw errors.
  queue.on("error", () => undefined);
  const add = async (id: string, revision: number, jobId: string, delay: number) => {
    const data: WakeupJob = { id, revision, schema: 1 };
    await within(deadlineMs, queue.add("wake", data, { jobId, ...(delay > 0 ? { delay } : {}) }));
  };
  let closing: Promise<void> | null = null;
  return {
    wake: (id, revision, delayMs) => add(id, revision, `${id}-r${revision}`, Math.max(0, Math.ceil(delayMs))),
    // A job left behind under an old id would swallow the wake-up (stack.md 3.6), hence an id of its own. With the
    // revision in it, a process that starts right after another died is not answered with the dead one's job.
    wakeFresh: (id, revision) => add(id, revision, `${id}-r${revision}-x${Math.floor(given.now() / BUCKET_MS)}`, 0),
    backlog: async () => {
      const counts = await within(deadlineMs, queue.getJobCounts("waiting", "prioritized", "active"));
      return { waiting: (counts["waiting"] ?? 0) + (counts["prioritized"] ?? 0), active: counts["active"] ?? 0 };
    },
    counts: async () => {
      const counts = await within(deadlineMs, queue.getJobCounts("prioritized", ...STATES));
      const { waiting = 0, active = 0, delayed = 0, failed = 0, prioritized = 0 } = counts;
      return { waiting: waiting + prioritized, active, delayed, failed };
    },
    close: () => (closing ??= within(deadlineMs, queue.close()).catch(() => undefined)),
  };
}

/** @throws REDIS_UNAVAILABLE when `work` fails or takes longer than `ms` */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new KeyturnError("REDIS_UNAVAILABLE", `(no answer within ${ms} ms)`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw asRedisError(error);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
