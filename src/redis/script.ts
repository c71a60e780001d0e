import { createHash } from "node:crypto";
import type { RedisClient } from "./client.ts";
import { asking, replyCode } from "./errors.ts";

export interface Script {
  lua: string;
  sha: string;
}

/** A Lua script with its SHA-1, by which the server keeps it. */
export function script(lua: string): Script {
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/**
 * Runs a script by its hash; sends the text when the server does not know it (a restart, a failover, FLUSHALL).
 * @throws REDIS_UNAVAILABLE: then the outcome is unknown, since the reply may have been lost; REDIS_UNSAFE
 */
export function run(
  redis: RedisClient,
  what: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  return asking(async () => {
    try {
      return await redis.evalsha(what.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return await redis.eval(what.lua, keys.length, ...keys, ...args);
    }
  });
}
