import { randomBytes } from "node:crypto";
import type { Leases } from "../ports/rotations.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { RELEASE, RENEW } from "./lua.ts";
import { run } from "./script.ts";

/** Named leases: a key with a random token and a time limit, renewed and released only by the token's owner. */
export function createRedisLeases(given: { redis: RedisClient; install: string }): Leases {
  const { redis } = given;
  const keys = keysOf(given.install);
  return {
    acquire: async (name, ttlMs) => {
      const key = keys.lease(name);
      const token = randomBytes(16).toString("hex");
      const held = () => new KeyturnError("LOCK_HELD", `(lease ${name})`);
      if ((await asking(() => redis.set(key, token, "PX", ttlMs, "NX"))) !== "OK") {
        // A reply lost on a broken connection makes ioredis send twice: then the token there is our own.
        if ((await asking(() => redis.get(key))) !== token) throw held();
      }
      return {
        renew: async () => {
          if ((await run(redis, RENEW, [key], [token, ttlMs])) !== 1) throw held();
        },
        release: async () => {
          await run(redis, RELEASE, [key], [token]);
        },
      };
    },
  };
}
