import type { ConfigRegistry } from "../ports/rotations.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { ANNOUNCE } from "./lua.ts";
import { serverTime } from "./rotations.ts";
import { run } from "./script.ts";
import { together } from "./together.ts";

/** A configuration not announced for this long belongs to no live process any more. */
const FORGET_AFTER_MS = 15 * 60_000;

interface Announced {
  mtime: number;
  seenAt: number;
  holds: string[];
}

/**
 * Which configuration is the newest, and everybody's holds (R15). Two processes with the same content are equal,
 * whatever the modification times of their copies; equal times are not older.
 */
export function createRedisConfigs(given: {
  redis: RedisClient;
  install: string;
  /** Of the configuration's content. */
  hash: string;
  mtimeMs: number;
  holds: readonly string[];
}): ConfigRegistry {
  const { redis, hash } = given;
  const key = keysOf(given.install).configs;

  // Asked twice in every step of every rotation.
  const announced = together(async (): Promise<Map<string, Announced>> => {
    const rows = await asking(() => redis.hgetall(key));
    return new Map(
      Object.entries(rows).map(([name, json]) => {
        const row = JSON.parse(json) as { mtime: number; seenAt: number; holds: string };
        return [name, { ...row, holds: JSON.parse(row.holds) as string[] }];
      }),
    );
  });
  const time = together(() => serverTime(redis));

  return {
    announce: async () => {
      const now = await serverTime(redis);
      const own = [hash, Math.floor(given.mtimeMs), JSON.stringify(given.holds), now, now - FORGET_AFTER_MS];
      await run(redis, ANNOUNCE, [key], own);
    },
    isNewest: async () => {
      const all = await announced();
      const own = all.get(hash)?.mtime ?? Math.floor(given.mtimeMs);
      return [...all].every(([name, other]) => name === hash || other.mtime <= own);
    },
    holds: async () => {
      const [all, now] = await Promise.all([announced(), time()]);
      const newest = Math.max(...[...all.values()].map((one) => one.mtime));
      const counts = [...all.values()].filter((one) => one.seenAt >= now - FORGET_AFTER_MS || one.mtime === newest);
      return [...new Set([...given.holds, ...counts.flatMap((one) => one.holds)])].toSorted();
    },
  };
}
