import type { ChannelMemory, Outbox } from "../ports/outbox.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { run, script } from "./script.ts";

/** After the end was delivered, what was said is remembered for so long: a late addition must not repeat it (milliseconds). */
const REMEMBER_MS = 30 * 86_400_000;

/** KEYS due, stamps, counter. ARGV id, at. A stamp is never used twice, so that a late `settle` cannot meet its own again. */
const ADD = script(`
local stamp = redis.call('INCR', KEYS[3])
redis.call('HSET', KEYS[2], ARGV[1], stamp)
local there = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not there or tonumber(there) > tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
return 1`);

/** KEYS due, stamps. ARGV until, limit. Returns ids and stamps in turn. */
const DUE = script(`
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGET', KEYS[2], id) or ''
end
return found`);

/** KEYS due, stamps. ARGV id, stamp, next or ''. */
const SETTLE = script(`
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then return redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1`);

/** KEYS memory, delivered. ARGV channel, memory, id. What was said of a rotation must be followed to its end. */
const REMEMBER = script(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSETNX', KEYS[2], ARGV[3], '0')
return 1`);

/** KEYS memory, delivered. ARGV id, revision, 1 for the end, milliseconds to remember. Never goes back to an earlier revision. */
const DELIVERED = script(`
if ARGV[3] == '1' then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1
end
local before = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if before <= tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
return 1`);

/** The outbox in Redis. Every call throws REDIS_UNAVAILABLE when Redis did not answer; each may then be repeated. */
export function createRedisOutbox(given: { redis: RedisClient; install: string }): Outbox {
  const { redis } = given;
  const keys = keysOf(given.install);
  const [due, stamps] = [keys.outbox, keys.outboxStamps];
  return {
    add: async (id, at) => void (await run(redis, ADD, [due, stamps, keys.outboxCounter], [id, at])),
    due: async (until, limit) => {
      const flat = (await run(redis, DUE, [due, stamps], [until, limit])) as string[];
      return Array.from({ length: flat.length / 2 }, (_, n) => ({
        id: flat[2 * n] ?? "",
        stamp: flat[2 * n + 1] ?? "",
      }));
    },
    settle: async (id, stamp, next) => void (await run(redis, SETTLE, [due, stamps], [id, stamp, next ?? ""])),
    memory: async (id, channel) =>
      JSON.parse((await asking(() => redis.hget(keys.outboxMemory(id), channel))) ?? "null") as ChannelMemory | null,
    remember: async (id, channel, memory) =>
      void (await run(
        redis,
        REMEMBER,
        [keys.outboxMemory(id), keys.outboxDelivered],
        [channel, JSON.stringify(memory), id],
      )),
    unfinished: async () =>
      Object.entries(await asking(() => redis.hgetall(keys.outboxDelivered))).map(([id, revision]) => ({
        id,
        revision: Number(revision),
      })),
    delivered: async (id, revision, final) =>
      void (await run(
        redis,
        DELIVERED,
        [keys.outboxMemory(id), keys.outboxDelivered],
        [id, revision, final ? 1 : 0, REMEMBER_MS],
      )),
  };
}
