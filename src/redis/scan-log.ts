import type { KeptReport, ScanLog } from "../ports/rotations.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";

/** What the last scan saw. Losing it costs a comparison, not safety. */
export function createRedisScanLog(given: { redis: RedisClient; install: string }): ScanLog {
  const { redis } = given;
  const keys = keysOf(given.install);
  return {
    lastSuccess: async () => {
      const text = await asking(() => redis.get(keys.lastScan));
      return text === null ? null : Number(text);
    },
    record: async (at) => {
      await asking(() => redis.set(keys.lastScan, String(at)));
    },
    statuses: async () => JSON.parse((await asking(() => redis.get(keys.statuses))) ?? "{}") as Record<string, string>,
    rememberStatuses: async (statuses) => {
      await asking(() => redis.set(keys.statuses, JSON.stringify(statuses)));
    },
    report: async () => {
      const text = await asking(() => redis.get(keys.scanReport));
      return text === null ? null : (JSON.parse(text) as KeptReport);
    },
    rememberReport: async (report) => {
      await asking(() => redis.set(keys.scanReport, JSON.stringify(report)));
    },
    seenFingerprints: () => asking(() => redis.hgetall(keys.fingerprints)),
    rememberFingerprint: async (fingerprint, target) => {
      await asking(() => redis.hset(keys.fingerprints, fingerprint, target));
    },
  };
}
