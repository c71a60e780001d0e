import type { LoadedConfig } from "../../config/load.ts";
import type { RedisPatient } from "../app/doctor/surroundings.ts";
import type { PinoLog } from "../cli/log.ts";
import type { Journal } from "../ports/chain.ts";
import { QUEUE_NAME } from "../ports/queue.ts";
import { connectRedis, type RedisConnection } from "../redis/connect.ts";
import { asking } from "../redis/errors.ts";
import { createRedisJournal } from "../redis/journal.ts";
import { readProcesses } from "../redis/processes.ts";
import { createRedisScanLog } from "../redis/scan-log.ts";
import { checkRedisSafety } from "../redis/safety.ts";
import { type RedisHome, openRedis } from "../redis-home.ts";

/** How long the end waits for a start that is still under way, in milliseconds. */
const RELEASE_MS = 3000;

/** One connection, made when first asked for; every caller gets the same answer, also when it is no. */
export function redisPatient(loaded: LoadedConfig, log: PinoLog) {
  const { config } = loaded;
  const install = config.redis.prefix ?? config.install;
  let opening: Promise<{ home: RedisHome; connection: RedisConnection }> | null = null;
  const open = () => {
    opening ??= connect();
    return opening;
  };
  const connect = async () => {
    const home = await openRedis(config, log);
    try {
      return { home, connection: await connectRedis(home.settings, { role: "producer" }) };
    } catch (error) {
      await home.release();
      throw error;
    }
  };
  const journal = async (): Promise<Journal> =>
    createRedisJournal({ redis: (await open()).connection.client, install });
  return {
    open: async (): Promise<RedisPatient> => patientOf(await open(), install, topologyOf(config)),
    /** The chain's home. @throws REDIS_UNAVAILABLE where it is away */
    journal,
    /** @throws REDIS_UNAVAILABLE where it is away */
    close: async () => {
      const end = opening?.then(async ({ home, connection }) => {
        connection.disconnect();
        await home.release();
      });
      if (end === undefined) return;
      end.catch(() => undefined);
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, RELEASE_MS).unref())]);
    },
  };
}

const topologyOf = ({ redis }: LoadedConfig["config"]): RedisPatient["topology"] =>
  redis.embedded !== undefined
    ? "embedded"
    : redis.sentinels !== undefined
      ? "sentinel"
      : redis.cluster !== undefined
        ? "cluster"
        : "standalone";

/** How BullMQ names the connections of a queue's workers: prefix, queue in base64, and what kind. */
const queueNamed = (install: string): string => `{${install}}:${Buffer.from(QUEUE_NAME).toString("base64")}`;

function patientOf(
  { home, connection }: { home: RedisHome; connection: RedisConnection },
  install: string,
  topology: RedisPatient["topology"],
): RedisPatient {
  const { client, where } = connection;
  const queue = queueNamed(install);
  return {
    where,
    topology,
    processes: () => readProcesses(client, install),
    lastScan: () => createRedisScanLog({ redis: client, install }).lastSuccess(),
    product: async () => productOf(await asking(() => client.info("server"))),
    safety: async () => {
      const report = await asking(() => checkRedisSafety(client, { persistence: home.durable ? "required" : "warn" }));
      return report.problems;
    },
    time: async () => {
      const [seconds, micros] = await asking(() => client.time());
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    },
    workers: async () => {
      // One node of a cluster knows only its own connections.
      if (client.isCluster) return null;
      const list: unknown = await client.call("CLIENT", "LIST").catch(() => null);
      if (typeof list !== "string" || !list.includes("addr=")) return null;
      return new Set(list.split("\n").flatMap((line) => workerOf(line, queue))).size;
    },
  };
}

/** The connection's address, of a line of CLIENT LIST that is one of the queue's blocking readers. */
function workerOf(line: string, queue: string): string[] {
  const name = / name=(\S*)/.exec(line)?.[1] ?? "";
  return name.startsWith(queue) ? [/ addr=(\S*)/.exec(line)?.[1] ?? line] : [];
}

function productOf(info: string): { name: string; version: string | null } {
  const field = (name: string) => new RegExp(`^${name}:([\\w.-]{1,40})`, "m").exec(info)?.[1] ?? null;
  const valkey = field("valkey_version");
  return valkey === null ? { name: "redis", version: field("redis_version") } : { name: "valkey", version: valkey };
}
