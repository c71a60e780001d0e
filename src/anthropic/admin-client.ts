import type { AdminBudget, Urgency } from "../ports/admin-budget.ts";
import type { Clock } from "../ports/clock.ts";
import { asKeyturnError, KeyturnError } from "../rotation/errors.ts";
import type { SecretText } from "../rotation/secret.ts";
import { describeReply, typeOf } from "./envelope.ts";
import type { HttpRequest, Reply, Silence } from "./http.ts";
import { sendOnce } from "./http.ts";
import type { OnRequest } from "./operation.ts";
import { isSendable } from "./key-text.ts";
import { isTransient, reportedRetryAfter, retryAfterOf, type RetryLimits, withRetries } from "./retry.ts";

/** The newest version whose shapes we know. Always explicit: the default of the API may change. */
export const API_VERSION = "2026-10-21";

/** The part of pino's logger that adapters use. */
export interface Log {
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface ClientLimits extends RetryLimits {
  /** One attempt: connecting, waiting and reading together, in milliseconds. */
  attemptMs: number;
  /** Of one answer, decoded. A page of 1,000 keys has about 600 kB. */
  maxBytes: number;
}

export const ADMIN_LIMITS: ClientLimits = {
  tries: 5,
  deadlineMs: 60_000,
  attemptMs: 20_000,
  backoffMs: 500,
  backoffCapMs: 8_000,
  retryAfterCapMs: 30_000,
  maxBytes: 16 * 1024 * 1024,
};

export interface ClientDeps {
  /** Already checked by `requireBaseUrl`. */
  baseUrl: string;
  adminKey: () => SecretText;
  clock: Clock;
  log: Log | null;
  fetch: typeof fetch;
  random: () => number;
  limits: ClientLimits;
  onRequest?: OnRequest | undefined;
  /** Shared with all replicas; null: nobody else asks. */
  budget: AdminBudget | null;
}

export type Query = readonly (readonly [string, string])[];

/** A request with the Admin key on it. @throws ADMIN_DENIED when the key cannot be put into a header */
export function signed(
  deps: ClientDeps,
  request: Omit<HttpRequest, "headers">,
  headers: Record<string, string>,
): HttpRequest {
  return readAdminKey(deps).use((key) => {
    // Node's fetch quotes a bad header value in its error (facts: security.md 8), so it must not get to see one.
    if (!isSendable(key))
      throw new KeyturnError("ADMIN_DENIED", "It is not one line of printable characters, so it was not sent.");
    return { ...request, headers: { ...headers, "anthropic-version": API_VERSION, "x-api-key": key } };
  });
}

function readAdminKey(deps: ClientDeps): SecretText {
  try {
    return deps.adminKey();
  } catch (error) {
    throw asKeyturnError(error);
  }
}

/**
 * Asks until there is a final answer, within the limits, and returns it whatever its status. Safe to repeat.
 * Waits for room in the shared budget before each attempt, unless the caller has `paid` for the first one.
 * @throws ADMIN_UNAVAILABLE when there is none, ADMIN_DENIED as `signed`, or the reason of `signal`
 */
export async function ask(
  deps: ClientDeps,
  path: string,
  query: Query,
  more: {
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
    urgency?: Urgency;
    paid?: boolean;
  } = {},
): Promise<Reply> {
  const send = async (timeLeftMs: number) => {
    const limits = {
      timeoutMs: Math.max(1, Math.min(deps.limits.attemptMs, timeLeftMs)),
      maxBytes: deps.limits.maxBytes,
    };
    const request = signed(deps, { method: "GET", path, query }, more.headers ?? {});
    const answer = await sendOnce(deps.fetch, deps.baseUrl, request, limits, {
      signal: more.signal,
      onRequest: deps.onRequest,
    });
    tellBudget(deps, answer);
    return answer;
  };
  const before = async (attempt: number) => {
    if (attempt > 1 || !more.paid) await deps.budget?.take(1, more.urgency ?? "step", more.signal);
  };
  const { answer, tries } = await withRetries(send, deps.limits, { ...deps, before, signal: more.signal });
  if (tries > 1)
    deps.log?.warn({ event: "admin.retried", path, tries, last: lastOf(answer) }, "an Admin API call was repeated");
  if (answer.kind === "silence")
    throw new KeyturnError("ADMIN_UNAVAILABLE", `GET ${path}: ${answer.why}${after(tries)}.`);
  if (answer.status === 429 || isTransient(answer)) {
    const retryAfterMs = reportedRetryAfter(answer, deps.clock.now());
    throw new KeyturnError("ADMIN_UNAVAILABLE", `GET ${path} ${describeReply(answer)}${after(tries)}.`, {
      retryAfterMs,
    });
  }
  return answer;
}

/** What one process is told of a limit counts for all of them. */
export function tellBudget(deps: ClientDeps, answer: Reply | Silence): void {
  if (answer.kind !== "reply" || answer.status !== 429 || !isTransient(answer)) return;
  const ms = retryAfterOf(answer, deps.clock.now());
  if (ms !== null) deps.budget?.pause(ms);
}

/** The body of a 200, or the error that any other status of a read means. @throws ADMIN_DENIED, ADMIN_INVALID */
export function bodyOf(path: string, reply: Reply): unknown {
  if (reply.status >= 200 && reply.status < 300) {
    if (reply.unreadable === null) return reply.json;
    throw invalid(path, `answered ${reply.status} with ${reply.unreadable}`);
  }
  if (reply.status === 0 || (reply.status >= 300 && reply.status < 400)) {
    throw invalid(path, `answered ${reply.status}, a redirect, which is never followed`);
  }
  const foreign = typeOf(reply) === null ? ", not in the API's error form: something may stand between" : "";
  if (reply.status === 401 || reply.status === 403) {
    throw new KeyturnError("ADMIN_DENIED", `GET ${path} ${describeReply(reply)}${foreign}.`);
  }
  throw invalid(path, `${describeReply(reply)}${foreign}`);
}

/** An answer that must not be believed. `what` says what came, never what it said. */
export function invalid(path: string, what: string): KeyturnError {
  return new KeyturnError("ADMIN_INVALID", `GET ${path} ${what}.`);
}

const after = (tries: number): string => (tries === 1 ? "" : `, after ${tries} tries`);
const lastOf = (answer: Reply | Silence): number | string => (answer.kind === "reply" ? answer.status : answer.why);
