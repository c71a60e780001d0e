import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { ProcessKind, ProcessSeen, Processes } from "../ports/processes.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { serverTime } from "./rotations.ts";
import { run, script } from "./script.ts";

/** A process that has not said anything for so long is gone: a host that died locks the next one out for so long (milliseconds). */
export const THERE_MS = 30_000;
/** How often it says so (milliseconds). */
export const BEAT_MS = 10_000;

/**
 * Members are `kind files id host`; the score is when the process counts as gone.
 * ARGV: now, milliseconds, kind, files (0 or 1), id, host. Answers {host, until} of another host that has the files, or {}.
 */
const BEAT = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local elsewhere = {}
if ARGV[4] == '1' then
  local rows = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for i = 1, #rows, 2 do
    local files, host = string.match(rows[i], '^%S+ (%d) %S+ (%S+)$')
    if files == '1' and host ~= ARGV[6] then elsewhere = {host, rows[i + 1]} end
  end
end
local files = ARGV[4]
if #elsewhere > 0 then files = '0' end
local rest = ' ' .. ARGV[5] .. ' ' .. ARGV[6]
redis.call('ZREM', KEYS[1], ARGV[3] .. ' 0' .. rest, ARGV[3] .. ' 1' .. rest)
redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[3] .. ' ' .. files .. rest)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return elsewhere`);

const LEAVE = script(`return redis.call('ZREM', KEYS[1], ARGV[1], ARGV[2])`);

const ROW = /^(serve|run-once|scan|command) ([01]) \S+ (\S+)$/;

/** By Redis' clock: those of several hosts may differ. */
export function createRedisProcesses(given: { redis: RedisClient; install: string; host?: string }): Processes {
  const { redis } = given;
  const host = (given.host ?? hostname()).replaceAll(/\s/g, "-") || "unknown";
  const id = randomBytes(8).toString("hex");
  const key = keysOf(given.install).processes;
  let kindNow: ProcessKind | null = null;
  return {
    host,
    beat: async (kind, files) => {
      kindNow = kind;
      const now = await serverTime(redis);
      const [other, until] = (await run(
        redis,
        BEAT,
        [key],
        [now, THERE_MS, kind, files ? 1 : 0, id, host],
      )) as string[];
      return other === undefined ? null : { host: other, until: Number(until) };
    },
    leave: async () => {
      if (kindNow === null) return;
      await run(redis, LEAVE, [key], [`${kindNow} 0 ${id} ${host}`, `${kindNow} 1 ${id} ${host}`]);
    },
    all: () => readProcesses(redis, given.install),
  };
}

/** Changes nothing. @throws REDIS_UNAVAILABLE */
export async function readProcesses(redis: RedisClient, install: string): Promise<ProcessSeen[]> {
  const now = await serverTime(redis);
  const rows = await asking(() => redis.zrangebyscore(keysOf(install).processes, `(${now}`, "+inf"));
  return rows.flatMap((row) => {
    const match = ROW.exec(row);
    if (match === null) return [];
    return [{ kind: match[1] as ProcessKind, files: match[2] === "1", host: match[3] as string }];
  });
}
