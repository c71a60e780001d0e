import { Cluster } from "ioredis";
import type { Topology, TopologyOptions } from "../redis-topology.ts";
import { endAll, infoOf, tlsOf, until } from "./common.ts";
import { type Common, KEEPING, type Node, freePorts, listening, startNode } from "./node.ts";

const MASTERS = 3;
const SLOTS = 16_384;

export interface ClusterServers {
  topology: Omit<Topology, "kind" | "settings" | "config" | "certificates" | "stop">;
  place(password: string | undefined): { cluster: { nodes: string[] } };
  stop(): Promise<void>;
}

export async function startClusterServers(common: Common, options: TopologyOptions): Promise<ClusterServers> {
  const size = MASTERS * (1 + (options.replicas ?? 1));
  const ports = await freePorts(size * 2);
  const nodes: Node[] = [];
  const clients: Cluster[] = [];
  const stop = async () => {
    for (const client of clients) client.disconnect();
    await endAll(nodes);
  };
  const lines = (port: number, bus: number) => [
    ...listening(port, common),
    ...KEEPING,
    ...(common.password === undefined ? [] : [`masterauth ${common.password}`]),
    ...(common.certificates === undefined ? [] : ["tls-cluster yes"]),
    ...(options.minReplicas === undefined ? [] : [`min-replicas-to-write ${options.minReplicas}`]),
    "cluster-enabled yes",
    `cluster-port ${bus}`,
    `cluster-node-timeout ${options.downAfterMs ?? 1500}`,
    "cluster-replica-validity-factor 0",
  ];
  try {
    for (let n = 0; n < size; n += 1) {
      const port = ports[n] ?? 0;
      nodes.push(await startNode(common, port, lines(port, ports[size + n] ?? 0)));
    }
    await join(nodes, ports.slice(size));
  } catch (error) {
    await stop();
    throw error;
  }
  const alive = () => nodes.filter((node) => node.running());
  /** By the port of the node that most of those who answer name as the owner of our slot. */
  const owner = async (): Promise<Node | null> => {
    const answers = await Promise.all(
      alive().map(async (node) => ownerAsSeenBy(node, options.install ?? "keyturn").catch(() => null)),
    );
    const counts = new Map<number, number>();
    for (const port of answers) if (port !== null) counts.set(port, (counts.get(port) ?? 0) + 1);
    const [best] = [...counts].toSorted((a, b) => b[1] - a[1]);
    if (best === undefined || best[1] <= nodes.length / 2) return null;
    return nodes.find((node) => node.port === best[0]) ?? null;
  };
  const master = async (): Promise<Node> => {
    let found: Node | null = null;
    await until("the nodes agree on the master of the slot", async () => (found = await owner()) !== null);
    return found as unknown as Node;
  };
  const tookOver = (before: Node) =>
    until("another node owns the slot", async () => {
      const now = await owner();
      return now !== null && now !== before && (await infoOf(now))["role"] === "master";
    });
  const untilWhole = () =>
    until("the cluster is whole", async () => {
      if (alive().length < nodes.length) return false;
      const states = await Promise.all(nodes.map((node) => node.ask("CLUSTER", "INFO")));
      const infos = await Promise.all(nodes.map(infoOf));
      const known = states.every(
        (text) => /cluster_state:ok/.test(String(text)) && String(text).includes(`cluster_known_nodes:${nodes.length}`),
      );
      const replicas = infos.filter((info) => info["role"] === "slave");
      return (
        known && replicas.length === size - MASTERS && replicas.every((info) => info["master_link_status"] === "up")
      );
    });
  await untilWhole().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const connect = (): Cluster => {
    const tls = tlsOf(common);
    const client = new Cluster(
      nodes.map((node) => ({ host: "127.0.0.1", port: node.port })),
      {
        redisOptions: {
          ...(common.password === undefined ? {} : { password: common.password }),
          ...(tls === null ? {} : { tls }),
        },
      },
    );
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  return {
    stop,
    place: () => ({ cluster: { nodes: nodes.map((node) => `127.0.0.1:${node.port}`) } }),
    topology: {
      nodes,
      connect,
      master,
      untilWhole,
      flush: async () => {
        for (const node of alive()) if ((await infoOf(node))["role"] === "master") await node.ask("FLUSHALL");
      },
      failover: async () => {
        const before = await master();
        const replica = await replicaOf(before, nodes);
        await until("the failover began", async () => (await replica.ask("CLUSTER", "FAILOVER")) === "OK");
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

/** What `redis-cli --cluster create` does, with a bus port that is not the port plus 10000. */
async function join(nodes: readonly Node[], busPorts: readonly number[]): Promise<void> {
  const ids = await Promise.all(nodes.map(async (node) => String(await node.ask("CLUSTER", "MYID"))));
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [n, node] of nodes.slice(0, MASTERS).entries())
    await node.ask("CLUSTER", "ADDSLOTSRANGE", n * share, Math.min(SLOTS, (n + 1) * share) - 1);
  for (const [n, node] of nodes.entries()) {
    await node.ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1);
    if (n > 0) await nodes[0]?.ask("CLUSTER", "MEET", "127.0.0.1", node.port, busPorts[n] ?? 0);
  }
  for (const [n, node] of nodes.slice(MASTERS).entries()) {
    const master = ids[n % MASTERS] ?? "";
    await until("the replica knows its master", async () => (await node.ask("CLUSTER", "REPLICATE", master)) === "OK");
  }
}

async function ownerAsSeenBy(node: Node, install: string): Promise<number | null> {
  const slot = Number(await node.ask("CLUSTER", "KEYSLOT", `{${install}}`));
  const ranges = (await node.ask("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
  return ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1] ?? null;
}

async function replicaOf(master: Node, nodes: readonly Node[]): Promise<Node> {
  for (const node of nodes) {
    const info = node.running() ? await infoOf(node) : {};
    if (info["role"] === "slave" && Number(info["master_port"]) === master.port) return node;
  }
  throw new Error(`${master.port} has no replica`);
}
