import { randomBytes } from "node:crypto";
import type { Replays } from "../ports/replays.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";

/** One key for each thing seen, which Redis forgets by itself: `SET NX PX` lets exactly one caller be the first. */
export function createRedisReplays(given: { redis: RedisClient; install: string }): Replays {
  const keys = keysOf(given.install);
  return {
    firstSight: async (what, forMs) => {
      const key = keys.seen(what);
      const mine = randomBytes(16).toString("hex");
      if ((await asking(() => given.redis.set(key, mine, "PX", forMs, "NX"))) === "OK") return true;
      // A reply lost on a broken connection makes ioredis send twice: then the value there is our own.
      return (await asking(() => given.redis.get(key))) === mine;
    },
  };
}
