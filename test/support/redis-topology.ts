import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster, Redis } from "ioredis";
import type { RedisSettings } from "../../src/redis/settings.ts";
import { type Certificates, makeCertificates } from "./topology/certificates.ts";
import { type ClusterServers, startClusterServers } from "./topology/cluster.ts";
import { type Common, type Node } from "./topology/node.ts";
import { type SentinelServers, startSentinelServers } from "./topology/sentinel.ts";

export interface TopologyOptions {
  /** Every server asks for a password. */
  password?: boolean;
  /** Every server speaks TLS only, with a certificate for these names (`IP:127.0.0.1`, `DNS:redis.test`). */
  tls?: readonly string[];
  /** Sentinel: copies of the master (2). Cluster: copies of each master (1). */
  replicas?: number;
  /** `min-replicas-to-write`; absent: a master that is cut off goes on confirming what will be lost. */
  minReplicas?: number;
  /** Cluster: what the failover functions act on is the master of this installation's slot (`keyturn`). */
  install?: string;
  /** Milliseconds until a silent master counts as down (1500). */
  downAfterMs?: number;
}

/** Several real servers that are one Redis to Keyturn. */
export interface Topology {
  kind: "sentinel" | "cluster";
  /** For `connectRedis`. */
  settings: RedisSettings;
  /** The `redis:` section of a configuration file; passwords as references to files. */
  config: Record<string, unknown>;
  certificates: Certificates | null;
  /** A client of its own that finds the master, ended by `stop`. */
  connect(): Redis | Cluster;
  flush(): Promise<void>;
  /** The master of the installation's slot as the topology sees it now. */
  master(): Promise<Node>;
  nodes: readonly Node[];
  /** In order, as before maintenance: nothing that was confirmed is lost. Resolves when another is master. */
  failover(): Promise<void>;
  /** SIGSTOP of the master; resolves when another took over. The frozen one is still there: thaw it. */
  freezeMaster(): Promise<Node>;
  /** SIGKILL of the master; resolves when another took over. `start()` brings it back as a replica. */
  killMaster(): Promise<Node>;
  /** Until every server runs and every replica follows its master again. */
  untilWhole(): Promise<void>;
  /** Ends every server by its pid and removes their files. */
  stop(): Promise<void>;
}

/** A master, its replicas and three Sentinels. Up in about 2 s on a quiet machine. */
export const startSentinel = (options: TopologyOptions = {}): Promise<Topology> =>
  start("sentinel", options, (common) => startSentinelServers(common, options));

/** Three masters with a replica each. Up in about 3 s on a quiet machine. */
export const startCluster = (options: TopologyOptions = {}): Promise<Topology> =>
  start("cluster", options, (common) => startClusterServers(common, options));

async function start(
  kind: Topology["kind"],
  options: TopologyOptions,
  servers: (common: Common) => Promise<SentinelServers | ClusterServers>,
): Promise<Topology> {
  const folder = await mkdtemp(join(tmpdir(), "kt-topology-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const certificates = options.tls === undefined ? null : await makeCertificates(folder, options.tls);
    const password = options.password ? `p-${Math.random().toString(36).slice(2)}` : undefined;
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, password ?? "", { mode: 0o600 });
    const made = await servers({ folder, password, certificates: certificates ?? undefined });
    const tls = certificates === null ? {} : { tls: { ca: certificates.ca, ...serverName(options.tls ?? []) } };
    const secret = (value: string) => (password === undefined ? {} : { password: value });
    return {
      ...made.topology,
      kind,
      certificates,
      settings: { ...made.place(password), ...secret(password ?? ""), ...tls },
      config: {
        ...made.place(password === undefined ? undefined : `file:${passwordFile}`),
        ...secret(`file:${passwordFile}`),
        ...tls,
      },
      stop: async () => {
        await made.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A certificate that does not carry the address needs the name that it does carry. */
function serverName(names: readonly string[]): { serverName?: string } {
  const dns = names.find((name) => name.startsWith("DNS:"));
  return names.includes("IP:127.0.0.1") || dns === undefined ? {} : { serverName: dns.slice(4) };
}
