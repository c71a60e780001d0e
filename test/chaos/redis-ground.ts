import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Topology, startCluster, startSentinel } from "../support/redis-topology.ts";
import { startRedisServer } from "../support/redis-server.ts";
import type { Random } from "./random.ts";

export type GroundKind = "single" | "sentinel" | "cluster";

/** Redis under the installation, and what can happen to it. */
export interface RedisGround {
  kind: GroundKind;
  /** The `redis:` section. */
  config: Record<string, unknown>;
  /** By name; each resolves when Redis is whole again. */
  faults: Readonly<Record<string, (random: Random) => Promise<Record<string, unknown>>>>;
  /** What the servers wrote to their disks. */
  files(): string[];
  /** Everything that every server keeps, as bytes: names and values. */
  dump(): Promise<{ where: string; bytes: Buffer }[]>;
  stop(): Promise<void>;
}

export const startGround = (kind: GroundKind, install: string): Promise<RedisGround> =>
  kind === "single" ? single() : ofTopology(kind, install);

type Ask = (command: string, ...args: string[]) => Promise<unknown>;

/** Every connection is broken as soon as it stands, for so long: an unplugged cable. */
async function cut(ask: Ask, random: Random): Promise<Record<string, unknown>> {
  const forMs = random.int(200, 6000);
  for (const end = Date.now() + forMs; Date.now() < end; await sleep(100))
    await ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => undefined);
  return { forMs };
}

async function pauseClients(ask: Ask, random: Random): Promise<Record<string, unknown>> {
  const forMs = random.int(500, 8000);
  await ask("CLIENT", "PAUSE", String(forMs), "ALL").catch(() => undefined);
  await sleep(forMs);
  return { forMs };
}

async function single(): Promise<RedisGround> {
  const redis = await startRedisServer();
  const ask: Ask = (command, ...args) => redis.client.call(command, ...args);
  return {
    kind: "single",
    config: { url: redis.url },
    faults: {
      "redis.cut": (random) => cut(ask, random),
      "redis.paused": (random) => pauseClients(ask, random),
    },
    files: () => filesBelow(redis.folder),
    dump: () => dumpOf(ask, "redis"),
    stop: () => redis.stop(),
  };
}

async function ofTopology(kind: "sentinel" | "cluster", install: string): Promise<RedisGround> {
  const topology: Topology =
    kind === "sentinel"
      ? await startSentinel({ downAfterMs: 2500 })
      : await startCluster({ install, downAfterMs: 2500 });
  const onMaster: Ask = async (command, ...args) => (await topology.master()).ask(command, ...args);
  return {
    kind,
    config: topology.config,
    faults: {
      "redis.cut": (random) => cut(onMaster, random),
      "redis.paused": (random) => pauseClients(onMaster, random),
      "redis.failover": async () => {
        await topology.failover();
        await topology.untilWhole();
        return {};
      },
      "redis.master_killed": async (random) => {
        const killed = await topology.killMaster();
        const awayMs = random.int(0, 5000);
        await sleep(awayMs);
        await killed.start();
        await topology.untilWhole();
        return { port: killed.port, awayMs };
      },
      "redis.master_frozen": async (random) => {
        const frozen = await topology.freezeMaster();
        const awayMs = random.int(0, 8000);
        await sleep(awayMs);
        frozen.thaw();
        await topology.untilWhole();
        return { port: frozen.port, awayMs };
      },
      // Too short for anybody to take over.
      "redis.master_stuck": async (random) => {
        const master = await topology.master();
        const forMs = random.int(200, 1500);
        master.freeze();
        await sleep(forMs);
        master.thaw();
        return { port: master.port, forMs };
      },
    },
    // A server works in the folder that it writes to.
    files: () => topology.nodes.flatMap((node) => filesBelow(readlinkSync(`/proc/${node.pid()}/cwd`))),
    dump: async () => {
      const all = topology.nodes.map((node) => dumpOf((...args) => node.ask(...args), `redis ${node.port}`));
      return (await Promise.all(all)).flat();
    },
    stop: () => topology.stop(),
  };
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What a server serializes each of its keys to, and the names. */
async function dumpOf(ask: Ask, where: string): Promise<{ where: string; bytes: Buffer }[]> {
  const names = (await ask("KEYS", "*")) as string[];
  const found: { where: string; bytes: Buffer }[] = [];
  for (const name of names) {
    // A replica in a Cluster answers with where its master is; what it holds is in its files.
    const type = await ask("TYPE", name).then(String, () => "moved");
    const read: Record<string, readonly string[]> = {
      string: ["GET", name],
      hash: ["HGETALL", name],
      list: ["LRANGE", name, "0", "-1"],
      set: ["SMEMBERS", name],
      zset: ["ZRANGE", name, "0", "-1", "WITHSCORES"],
      stream: ["XRANGE", name, "-", "+"],
    };
    const command = read[type];
    if (command === undefined) continue;
    const value = await ask(...(command as [string, ...string[]])).catch(() => null);
    found.push({ where: `${where} ${type} ${name}`, bytes: Buffer.from(`${name} ${JSON.stringify(value)}`) });
  }
  return found;
}
