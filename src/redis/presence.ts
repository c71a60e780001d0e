import type { Presence } from "../ports/presence.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";

/** A `serve` that has not said anything for so long is gone (milliseconds). */
const THERE_MS = 90_000;

/** One key that Redis forgets by itself: by its clock, not by ours. */
export function createRedisPresence(given: { redis: RedisClient; install: string }): Presence {
  const { redis } = given;
  const { serving } = keysOf(given.install);
  return {
    beat: async () => void (await asking(() => redis.set(serving, "1", "PX", THERE_MS))),
    isThere: async () => (await asking(() => redis.get(serving))) !== null,
  };
}
