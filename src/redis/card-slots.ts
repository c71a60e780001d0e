import type { CardSlots, Digest, Waiting } from "../ports/card-slots.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { run, script } from "./script.ts";

/** KEYS: cards, waiting, until, lines, taken. Drops what stopped waiting by itself. */
const SWEEP = `
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1])) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('ZREM', KEYS[5], gone)
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1])) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('ZREM', KEYS[3], gone)
  redis.call('HDEL', KEYS[4], gone)
end`;

/** ARGV: now, id, until, since, line, limit ('' for none), counted: cards that came earlier take no place any more. */
const TAKE = script(`${SWEEP}
local id = ARGV[2]
local free = ARGV[6] == '' or redis.call('ZSCORE', KEYS[1], id)
if not free then
  local ahead = redis.call('ZRANK', KEYS[2], id) or redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. ARGV[4])
  free = redis.call('ZCOUNT', KEYS[5], ARGV[7], '+inf') + ahead < tonumber(ARGV[6])
end
if free then
  redis.call('ZADD', KEYS[1], ARGV[3], id)
  redis.call('ZADD', KEYS[5], 'NX', ARGV[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('HDEL', KEYS[4], id)
  return 1
end
redis.call('ZADD', KEYS[2], ARGV[4], id)
redis.call('ZADD', KEYS[3], ARGV[3], id)
redis.call('HSET', KEYS[4], id, ARGV[5])
return 0`);

/** ARGV: id, limit, counted. */
const RELEASE = script(`
local had = redis.call('ZREM', KEYS[1], ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
local room = tonumber(ARGV[2]) - redis.call('ZCOUNT', KEYS[5], ARGV[3], '+inf')
if room <= 0 then return {had} end
return {had, unpack(redis.call('ZRANGE', KEYS[2], 0, room - 1))}`);

/** ARGV: now. */
const WAITING = script(`${SWEEP}
local all = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local line = redis.call('HGET', KEYS[4], id)
  if line then all[#all + 1] = line end
end
return all`);

/** The places for undecided cards of each channel, in Redis; each step is one script. */
export function createRedisCardSlots(given: { redis: RedisClient; install: string }): CardSlots {
  const { redis } = given;
  const keys = keysOf(given.install);
  const ofChannel = (channel: string) =>
    (["cards", "waiting", "until", "lines", "taken"] as const).map((part) => keys.slackCards(channel, part));
  return {
    take: async (channel, card, limit, now, counted = 0) => {
      const { rotation, until, since } = card;
      const args = [now, rotation, until, since, JSON.stringify(card), limit ?? "", counted];
      return (await run(redis, TAKE, ofChannel(channel), args)) === 1;
    },
    release: async (channel, rotation, limit, counted = 0) => {
      const answer = (await run(redis, RELEASE, ofChannel(channel), [rotation, limit, counted])) as [
        number,
        ...string[],
      ];
      const [had, ...next] = answer;
      return { had: had > 0, next };
    },
    waiting: async (channel, now) => {
      const rows = (await run(redis, WAITING, ofChannel(channel), [now])) as string[];
      return rows.map((json) => JSON.parse(json) as Waiting);
    },
    digest: async (channel) => {
      const json = await asking(() => redis.get(keys.slackCards(channel, "digest")));
      return json === null ? null : (JSON.parse(json) as Digest);
    },
    saveDigest: async (channel, digest) => {
      await asking(() => redis.set(keys.slackCards(channel, "digest"), JSON.stringify(digest)));
    },
  };
}
