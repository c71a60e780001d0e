import type { AdminBudget, Urgency } from "../ports/admin-budget.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/notifier.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { RedisClient } from "./client.ts";
import { keysOf } from "./keys.ts";
import { type BucketSize, createLocalBucket } from "./local-bucket.ts";
import { run, script } from "./script.ts";

/** As the Admin client waits itself: a longer pause is the caller's to keep (milliseconds). */
const LONGEST_PAUSE_MS = 30_000;
/** A Redis that says nothing for so long is not waited for: this process counts for itself meanwhile (milliseconds). */
const ANSWER_WITHIN_MS = 2000;
/** How long a request waits for room (milliseconds). A step comes back by itself; a scan would begin anew. */
const PATIENCE_MS: Record<Urgency, number> = { urgent: 20_000, step: 60_000, scan: 300_000 };
/** What is left of the burst for those who are more urgent. */
const LEAVES: Record<Urgency, number> = { urgent: 0, step: 0.25, scan: 0.5 };
/** A scan that has waited so long goes as a step: rotations must not keep it away for ever (milliseconds). */
const SCAN_AGES_MS = 20_000;

/**
 * KEYS bucket. ARGV per minute, burst, requests, floor, longest pause. By Redis' own clock, so that those of several
 * hosts do not matter; a clock that went back (a failover) gives nothing and takes nothing. Returns 0 for taken, else
 * milliseconds to wait. The hash is forgotten when it would be full again: a lost bucket is a full one.
 */
const TAKE = script(`
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local rate, burst = tonumber(ARGV[1]) / 60000, tonumber(ARGV[2])
local wanted, floor = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'until')
local tokens = math.min(burst, tonumber(kept[1] or burst) + math.max(0, now - tonumber(kept[2] or now)) * rate)
local pause = math.min(tonumber(kept[3] or '0') - now, tonumber(ARGV[5]))
local wait = 0
if pause > 0 then wait = pause
elseif tokens - wanted < floor then wait = math.ceil((wanted + floor - tokens) / rate)
else tokens = tokens - wanted end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate) + tonumber(ARGV[5]))
return wait
`);

/** KEYS bucket. ARGV milliseconds. A pause is only ever made longer. */
const PAUSE = script(`
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local until_ = now + tonumber(ARGV[1])
if tonumber(redis.call('HGET', KEYS[1], 'until') or '0') < until_ then redis.call('HSET', KEYS[1], 'until', until_) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
`);

/** Ten seconds' worth at once, and never so few that the parts left for others round to nothing. */
export const sizeOf = (requestsPerMinute: number): BucketSize => ({
  perMinute: requestsPerMinute,
  burst: Math.max(8, Math.ceil(requestsPerMinute / 6)),
});

export interface AdminBudgetOptions {
  /** A connected client; a rejection means that this process counts for itself. */
  redis: () => Promise<RedisClient>;
  install: string;
  requestsPerMinute: number;
  clock: Clock;
  /** Absent: nobody is told that this process counts alone. */
  log?: Pick<Log, "warn">;
  onWait?: (urgency: Urgency, ms: number) => void;
  /** Milliseconds that only go forward; tests turn them. */
  elapsed?: () => number;
  patienceMs?: Partial<Record<Urgency, number>>;
}

/** One token bucket in Redis for all replicas of an installation; one of this process' own while Redis is away. */
export function createAdminBudget(options: AdminBudgetOptions): AdminBudget {
  const { clock } = options;
  const size = sizeOf(options.requestsPerMinute);
  const key = keysOf(options.install).adminBudget;
  const local = createLocalBucket(size, options.elapsed ?? (() => performance.now()));
  /** Until when Redis is not asked again. 0: it answered. */
  let aloneUntil = 0;

  const shared = async (requests: number, floor: number): Promise<number> => {
    const redis = await options.redis();
    const args = [size.perMinute, size.burst, requests, floor, LONGEST_PAUSE_MS];
    return Number(await run(redis, TAKE, [key], args));
  };
  const ask = async (requests: number, floor: number): Promise<number> => {
    if (performance.now() < aloneUntil) return local.take(requests, floor);
    try {
      const wait = await within(ANSWER_WITHIN_MS, shared(requests, floor));
      if (wait === 0) local.note(requests);
      aloneUntil = 0;
      return wait;
    } catch {
      if (aloneUntil === 0)
        options.log?.warn(
          { event: "admin.budget_alone" },
          "Redis does not answer: this process counts its own Admin API requests",
        );
      aloneUntil = performance.now() + ANSWER_WITHIN_MS;
      return local.take(requests, floor);
    }
  };
  const wait = async (requests: number, urgency: Urgency, queuedMs: number, signal?: AbortSignal): Promise<void> => {
    const patience = options.patienceMs?.[urgency] ?? PATIENCE_MS[urgency];
    for (let waited = queuedMs; ;) {
      signal?.throwIfAborted();
      const as = urgency === "scan" && waited >= SCAN_AGES_MS ? "step" : urgency;
      const ms = await ask(requests, Math.floor(size.burst * LEAVES[as]));
      if (ms === 0) return;
      if (waited >= patience) throw noRoom(options.requestsPerMinute, ms);
      // Not all at the same moment, and not so late that a scan misses its promotion.
      const pause = Math.min(ms, 5000) * (1 + Math.random() / 4);
      await clock.sleep(pause, signal);
      waited += pause;
      options.onWait?.(urgency, pause);
    }
  };
  // One asker per urgency and process: a hundred steps that wait ask Redis no more often than one, and in order.
  const last: Record<Urgency, Promise<unknown>> = { urgent: nothing(), step: nothing(), scan: nothing() };
  return {
    take: (requests, urgency, signal) => {
      const asked = performance.now();
      const turn = last[urgency].then(() => wait(requests, urgency, performance.now() - asked, signal));
      last[urgency] = turn.catch(() => undefined);
      return turn;
    },
    pause: (retryAfterMs) => {
      const ms = Math.ceil(Math.min(retryAfterMs, LONGEST_PAUSE_MS));
      if (!(ms > 0)) return;
      local.pause(ms);
      options
        .redis()
        .then((redis) => run(redis, PAUSE, [key], [ms]))
        .catch(() => undefined);
    },
  };
}

const nothing = (): Promise<unknown> => Promise.resolve();

function noRoom(perMinute: number, retryAfterMs: number): KeyturnError {
  const what = `The budget of ${perMinute} requests a minute (anthropic.requestsPerMinute), which all replicas share, is used up.`;
  return new KeyturnError("ADMIN_UNAVAILABLE", what, { retryAfterMs });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new KeyturnError("REDIS_UNAVAILABLE")), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
