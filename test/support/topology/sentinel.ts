import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Topology, TopologyOptions } from "../redis-topology.ts";
import { endAll, infoOf, tlsOf, until } from "./common.ts";
import { type Common, KEEPING, type Node, freePorts, listening, startNode } from "./node.ts";

export const MASTER_NAME = "main";
const SENTINELS = 3;

export interface SentinelServers {
  topology: Omit<Topology, "kind" | "settings" | "config" | "certificates" | "stop">;
  /** Where Redis is; `password` is the Sentinels' (or a reference to it). */
  place(password: string | undefined): { sentinels: { master: string; nodes: string[]; password?: string } };
  stop(): Promise<void>;
}

export async function startSentinelServers(common: Common, options: TopologyOptions): Promise<SentinelServers> {
  const replicas = options.replicas ?? 2;
  const [masterPort = 0, ...ports] = await freePorts(1 + replicas + SENTINELS);
  const sentinelPorts = ports.slice(replicas);
  const nodes: Node[] = [];
  const sentinels: Node[] = [];
  const clients: Redis[] = [];
  const stop = async () => {
    for (const client of clients) client.disconnect();
    // The Sentinels first: nobody starts a failover while the servers go.
    await endAll(sentinels);
    await endAll(nodes);
  };
  const keeping = [
    ...KEEPING,
    ...(common.password === undefined ? [] : [`masterauth ${common.password}`]),
    ...(options.minReplicas === undefined
      ? []
      : [`min-replicas-to-write ${options.minReplicas}`, "min-replicas-max-lag 2", "repl-ping-replica-period 1"]),
  ];
  const server = (port: number, more: string[]) =>
    startNode(common, port, [...listening(port, common), ...keeping, ...more]);
  const watching = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${options.downAfterMs ?? 1500}`,
    `sentinel failover-timeout ${MASTER_NAME} 10000`,
    `sentinel parallel-syncs ${MASTER_NAME} 2`,
    ...(common.password === undefined
      ? []
      : [`sentinel auth-pass ${MASTER_NAME} ${common.password}`, `sentinel sentinel-pass ${common.password}`]),
  ];
  try {
    nodes.push(await server(masterPort, []));
    for (const port of ports.slice(0, replicas)) nodes.push(await server(port, [`replicaof 127.0.0.1 ${masterPort}`]));
    for (const port of sentinelPorts)
      sentinels.push(await startNode(common, port, [...listening(port, common), ...watching], ["--sentinel"]));
  } catch (error) {
    await stop();
    throw error;
  }
  /** As each Sentinel names it; null while they differ. */
  const agreed = async (): Promise<number | null> => {
    const named = await Promise.all(
      sentinels.map((each) => each.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME).catch(() => null)),
    );
    const seen = new Set(named.map((reply) => (Array.isArray(reply) ? Number(reply[1]) : null)));
    const [only] = seen;
    return seen.size === 1 ? (only ?? null) : null;
  };
  const master = async (): Promise<Node> => {
    let found: Node | undefined;
    await until("the Sentinels agree on a master", async () => {
      const port = await agreed();
      found = nodes.find((node) => node.port === port);
      return found !== undefined;
    });
    return found as Node;
  };
  /** Another one is master, by name and by its own word. */
  const tookOver = (before: Node) =>
    until("another server is master", async () => {
      const port = await agreed();
      const next = nodes.find((node) => node.port === port);
      return next !== undefined && next !== before && (await infoOf(next))["role"] === "master";
    });
  const untilWhole = () =>
    until("every replica follows", async () => {
      const port = await agreed();
      const leader = nodes.find((node) => node.port === port);
      if (leader === undefined || nodes.some((node) => !node.running())) return false;
      const known = (await sentinels[0]?.ask("SENTINEL", "MASTER", MASTER_NAME)) as string[];
      const of = (name: string) => Number(known[known.indexOf(name) + 1]);
      const infos = await Promise.all(nodes.filter((node) => node !== leader).map(infoOf));
      return (
        of("num-slaves") >= replicas &&
        of("num-other-sentinels") === SENTINELS - 1 &&
        infos.every((info) => info["master_link_status"] === "up" && Number(info["master_port"]) === leader.port)
      );
    });
  await untilWhole().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const sentinelNodes = sentinelPorts.map((port) => `127.0.0.1:${port}`);
  const connect = (): Redis => {
    const tls = tlsOf(common);
    const client = new Redis({
      name: MASTER_NAME,
      sentinels: sentinelPorts.map((port) => ({ host: "127.0.0.1", port })),
      ...(common.password === undefined ? {} : { password: common.password, sentinelPassword: common.password }),
      ...(tls === null ? {} : { tls, enableTLSForSentinelMode: true, sentinelTLS: tls }),
      maxRetriesPerRequest: null,
      // A server that was demoted while we were connected refuses to be written to.
      reconnectOnError: (error) => (/^(READONLY|UNBLOCKED)/.test(error.message) ? 2 : false),
    });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  return {
    stop,
    place: (password) => ({
      sentinels: { master: MASTER_NAME, nodes: sentinelNodes, ...(password === undefined ? {} : { password }) },
    }),
    topology: {
      nodes,
      connect,
      master,
      untilWhole,
      flush: async () => void (await (await master()).ask("FLUSHALL")),
      failover: async () => {
        const before = await master();
        await until("the failover began", async () => {
          const begun = await sentinels[0]?.ask("SENTINEL", "FAILOVER", MASTER_NAME).catch(() => null);
          // Shortly after another failover there is no good replica yet.
          if (begun !== "OK") await pause(200);
          return begun === "OK";
        });
        await tookOver(before);
      },
      freezeMaster: async () => {
        const before = await master();
        before.freeze();
        await tookOver(before);
        return before;
      },
      killMaster: async () => {
        const before = await master();
        await before.kill();
        await tookOver(before);
        return before;
      },
    },
  };
}
