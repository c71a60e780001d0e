/**
 * What the queue's two ends agree on: `src/redis/wakeups.ts` adds jobs, `workers/` runs them. A job is only a
 * wake-up; the record is the truth.
 */
export const QUEUE_NAME = "rotations";

/** BullMQ's key prefix. The braces are a Redis Cluster hash tag; the records use the same one. */
export const queuePrefix = (install: string): string => `{${install}}`;

/** All that is ever in a job: it is stored in clear text. `schema` is raised when a field changes its meaning. */
export interface WakeupJob {
  id: string;
  revision: number;
  schema: 1;
}

/** The second net under every wake-up. */
export interface Rewakeups {
  /** Wakes now under an id that no job left behind can have; once per bucket, however many replicas ask. */
  wakeFresh(id: string, revision: number): Promise<void>;
}
