import { randomBytes } from "node:crypto";
import type { Presence } from "../ports/presence.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { run, script } from "./script.ts";

/** A `serve` that has not said anything for so long is gone (milliseconds). */
const THERE_MS = 90_000;

/** ARGV: now, milliseconds until it counts as gone, process, milliseconds that the key is kept. */
const BEAT = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`);
const LEAVE = script(`return redis.call('ZREM', KEYS[1], ARGV[1])`);
const THERE = script(`return redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf')`);

/** Who is there, by Redis' clock: those of several hosts may differ. */
export function createRedisPresence(given: { redis: RedisClient; install: string }): Presence {
  const { redis } = given;
  const keys = [keysOf(given.install).serving];
  const me = randomBytes(8).toString("hex");
  const now = async () => {
    const [seconds, micros] = await asking(() => redis.time());
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  return {
    beat: async (forMs = THERE_MS) => void (await run(redis, BEAT, keys, [await now(), forMs, me, THERE_MS])),
    leave: async () => void (await run(redis, LEAVE, keys, [me])),
    isThere: async () => Number(await run(redis, THERE, keys, [await now()])) > 0,
  };
}
