import { containsKey } from "../rotation/contains-key.ts";
import { ERRORS, KeyturnError } from "../rotation/errors.ts";

/**
 * Everything that a span may say, and what it means (docs/tracing.md has the same list; a test compares them). A span
 * takes nothing else: neither other attributes nor events, so an exception's message and stack never leave (P3).
 */
export const ALLOWED = {
  "keyturn.rotation": "id of the rotation",
  "keyturn.target": "name of its target",
  "keyturn.step": "state in which the step was taken",
  "keyturn.to": "state after it",
  "keyturn.outcome": "what came of the step, as in the log line `rotation.step`",
  "keyturn.attempt": "1, and one more for each failed try",
  "keyturn.code":
    "code of the error or of the attention; of a request its answer, as in `keyturn_provider_requests_total`",
  "keyturn.provider": "`anthropic`, `slack`, `webhook`, or the type of a store",
  "keyturn.operation": "what was asked of it",
  "bullmq.queue.name": "name of the queue",
  "bullmq.queue.operation": "`add` or `process`",
  "bullmq.job.name": "name of the job",
  "bullmq.job.id": "rotation id and revision that woke",
  "bullmq.job.attempts.made": "how often the job was taken up",
  "error.type": "code of the error that ended it",
} as const;

/** What the process says of itself with each batch. */
export const RESOURCE = {
  "service.name": "`tracing.serviceName`",
  "service.version": "Keyturn's version",
  "service.namespace": "`install`",
} as const;

export type Value = string | number | boolean;

/** Longer texts come from a mistake. */
const LONGEST = 200;

/** The value when the name is on the list and the value is plain, else null: then it is dropped. */
export function allowed(name: string, value: unknown): Value | null {
  if (!Object.hasOwn(ALLOWED, name)) return null;
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "string") return null;
  // Names of targets come from people and from secrets managers; none of them may carry a key out.
  return containsKey(value) ? "[key]" : value.slice(0, LONGEST);
}

/** An error as a span may say it: one of our codes. BullMQ hands on an error whose message is nothing but such a code. */
export function codeOf(error: unknown): string {
  if (error instanceof KeyturnError) return error.code;
  return error instanceof Error && Object.hasOwn(ERRORS, error.message) ? error.message : "INTERNAL";
}
