import type { Clock } from "../ports/clock.ts";
import { codeOf, SPEND_LIMIT_CODES } from "./envelope.ts";
import type { Reply, Silence } from "./http.ts";

export interface RetryLimits {
  tries: number;
  /** Everything together, waits included, in milliseconds. */
  deadlineMs: number;
  /** First wait; doubled each time up to `backoffCapMs`, less up to a quarter at random. */
  backoffMs: number;
  backoffCapMs: number;
  /** A `retry-after` above this is not waited for here. */
  retryAfterCapMs: number;
}

/** A nonsense header must not park a rotation for days: asking again each hour harms nobody. */
const RETRY_AFTER_REPORTED_MS = 60 * 60 * 1000;

/** `retry-after-ms`, else `retry-after` in seconds or as a date; milliseconds from now, null when neither is readable. */
export function retryAfterOf(reply: Reply, now: number): number | null {
  const ms = reply.headers.get("retry-after-ms");
  if (ms !== null && /^\d{1,15}(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms));
  const header = reply.headers.get("retry-after");
  if (header === null) return null;
  if (/^\d{1,12}(\.\d+)?$/.test(header)) return Math.ceil(Number(header) * 1000);
  const date = Date.parse(header);
  // Both dates are the server's, so a clock that is wrong on either side does not matter.
  return Number.isNaN(date) ? null : Math.max(0, date - (reply.serverTime ?? now));
}

/** What to tell the caller about when to come back; never more than an hour. */
export function reportedRetryAfter(reply: Reply, now: number): number | null {
  const ms = retryAfterOf(reply, now);
  return ms === null ? null : Math.min(ms, RETRY_AFTER_REPORTED_MS);
}

/** Answers that may be different a moment later. A spent budget will not be (facts: anthropic-api.md 5). */
export function isTransient(answer: Reply | Silence): boolean {
  if (answer.kind === "silence") return true;
  if (answer.status === 429) return !SPEND_LIMIT_CODES.has(codeOf(answer));
  return answer.status === 408 || answer.status === 409 || answer.status >= 500;
}

/**
 * Repeats `send` while its answer is transient and a repeat fits the limits; returns the last answer. `send` gets the
 * time left. Time is counted as the waits asked for and the measured length of each attempt, so a wall clock that
 * jumps changes nothing; what `before` takes is not counted. @throws only what `send` and `before` throw, or the reason of
 * `signal`
 */
export async function withRetries(
  send: (timeLeftMs: number) => Promise<Reply | Silence>,
  limits: RetryLimits,
  use: {
    clock: Clock;
    random: () => number;
    mayRepeat?: (answer: Reply | Silence) => boolean;
    /** Waits until attempt number so and so may begin. */
    before?: (attempt: number) => Promise<void>;
    signal?: AbortSignal | undefined;
  },
): Promise<{ answer: Reply | Silence; tries: number }> {
  const mayRepeat = use.mayRepeat ?? isTransient;
  let spentMs = 0;
  for (let tries = 1; ; tries += 1) {
    await use.before?.(tries);
    const startedAt = performance.now();
    const answer = await send(limits.deadlineMs - spentMs);
    spentMs += performance.now() - startedAt;
    if (tries >= limits.tries || !mayRepeat(answer)) return { answer, tries };
    const waitMs = waitAfter(answer, tries, limits, use);
    if (waitMs === null || spentMs + waitMs >= limits.deadlineMs) return { answer, tries };
    await use.clock.sleep(waitMs, use.signal);
    spentMs += waitMs;
  }
}

function waitAfter(
  answer: Reply | Silence,
  tries: number,
  limits: RetryLimits,
  use: { clock: Clock; random: () => number },
): number | null {
  const backoff = Math.min(limits.backoffCapMs, limits.backoffMs * 2 ** (tries - 1)) * (1 - use.random() / 4);
  const asked = answer.kind === "reply" ? retryAfterOf(answer, use.clock.now()) : null;
  if (asked === null) return backoff;
  return asked > limits.retryAfterCapMs ? null : Math.max(asked, backoff);
}
