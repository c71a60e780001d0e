import type { ChainWriter } from "../ports/chain.ts";
import type { Aftermath, Commit, RotationStore } from "../ports/rotations.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import { refuseNewer } from "../rotation/newer.ts";
import { isFinal } from "../rotation/states.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { attemptOf, chainArgs } from "./journal.ts";
import type { Keys } from "./keys.ts";
import { keysOf } from "./keys.ts";
import { COMMIT } from "./lua.ts";
import { pagesNewestFirst } from "./pages.ts";
import { run } from "./script.ts";

/**
 * The records in Redis. Entries of a commit reach the chain through `chain`, in the same script as the record.
 * Every call throws REDIS_UNAVAILABLE when Redis did not answer (a commit's outcome is then unknown: load again) and
 * REDIS_UNSAFE when it refuses to keep data.
 */
export function createRedisRotations(given: {
  redis: RedisClient;
  install: string;
  chain: ChainWriter;
}): RotationStore {
  const { redis, chain } = given;
  const keys = keysOf(given.install);
  return {
    load: async (id) => parseRecord(await asking(() => redis.hget(keys.record(id), "record"))),
    commit: (commit) => commitWith(redis, keys, chain, commit),
    openIds: () => asking(() => redis.zrange(keys.open, "0", "-1")),
    all: async function* () {
      for await (const ids of pagesNewestFirst(redis, keys.all)) {
        for (const json of await hashFields(redis, ids.map(keys.record), "record")) {
          const record = parseRecord(json);
          if (record !== null) yield record;
        }
      }
    },
    idsStartingWith: (prefix) =>
      asking(() => redis.zrangebylex(keys.ids, `[${prefix}`, `[${prefix}\u{10ffff}`, "LIMIT", 0, 2)),
    holderOf: (lock) => asking(() => redis.hget(keys.locks, lock)),
    aftermathOf: async (target) =>
      JSON.parse((await asking(() => redis.hget(keys.aftermath, target))) ?? "null") as Aftermath | null,
    due: (until, limit) => dueUntil(redis, keys, until, limit),
    serverTime: () => serverTime(redis),
  };
}

/** Redis `TIME` in milliseconds: one clock for all processes (R24). */
export async function serverTime(redis: RedisClient): Promise<number> {
  const [seconds, micros] = await asking(() => redis.time());
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

async function commitWith(redis: RedisClient, keys: Keys, chain: ChainWriter, commit: Commit): Promise<void> {
  const { record, expectedRevision, aftermath } = commit;
  // A rebuilt record may jump over revisions that a stale worker still holds, but never stand still or go back.
  if (record.revision <= expectedRevision) throw new KeyturnError("INTERNAL", "(a commit must raise the revision)");
  // The last net: whatever a newer version wrote is never saved without what we do not know of it.
  refuseNewer(record);
  const id = record.id;
  const at = [
    keys.record(id),
    keys.locks,
    keys.open,
    keys.all,
    keys.ids,
    keys.due,
    keys.aftermath,
    keys.audit,
    keys.auditHead,
  ];
  const fixed = [
    id,
    expectedRevision,
    record.revision,
    JSON.stringify(record),
    record.createdAt,
    isFinal(record.state) ? 0 : 1,
    record.wakeAt ?? "",
    JSON.stringify(commit.locks),
    JSON.stringify(aftermath?.targets ?? []),
    aftermath?.value ? JSON.stringify(aftermath.value) : "",
  ];
  await chain.write(commit.audit, async (link) =>
    attemptOf(await run(redis, COMMIT, at, [...fixed, ...chainArgs(link)]), ([why, first, second]) => {
      if (why === "CONFLICT")
        return new KeyturnError("CONFLICT", `(${id} is at revision ${first}, not ${expectedRevision})`);
      if (why === "LOCKED") return new KeyturnError("LOCK_HELD", `(${first} is held by ${second})`);
      return null;
    }),
  );
}

async function dueUntil(redis: RedisClient, keys: Keys, until: number, limit: number) {
  const rows = await asking(() => redis.zrangebyscore(keys.due, "-inf", until, "WITHSCORES", "LIMIT", 0, limit));
  const found = Array.from({ length: rows.length / 2 }, (_, n) => ({
    id: rows[2 * n] ?? "",
    wakeAt: Number(rows[2 * n + 1]),
  }));
  const revisions = await hashFields(
    redis,
    found.map((row) => keys.record(row.id)),
    "revision",
  );
  return found.flatMap((row, n) => {
    const revision = revisions[n] ?? null;
    return revision === null ? [] : [{ ...row, revision: Number(revision) }];
  });
}

/** One field of many hashes in one round trip. */
async function hashFields(redis: RedisClient, hashes: readonly string[], field: string): Promise<(string | null)[]> {
  if (hashes.length === 0) return [];
  return asking(async () => {
    const batch = redis.pipeline();
    for (const hash of hashes) batch.hget(hash, field);
    const replies = await batch.exec();
    return (replies ?? []).map(([error, value]) => {
      if (error) throw error;
      return value as string | null;
    });
  });
}

const parseRecord = (json: string | null): Rotation | null => (json === null ? null : (JSON.parse(json) as Rotation));
