import type { Redis } from "ioredis";
import { type Topology, startCluster, startSentinel } from "../support/redis-topology.ts";
import type { StartServer } from "./harness.ts";

/** Every way to have more than one Redis server, each once bare and once as a careful administrator sets it up. */
export const TOPOLOGIES: readonly { name: string; start: () => Promise<Topology> }[] = [
  { name: "Redis Sentinel", start: () => startSentinel({ install: "kt" }) },
  { name: "Redis Sentinel with TLS and passwords", start: () => startSentinel({ install: "kt", ...SECURED }) },
  { name: "Redis Cluster", start: () => startCluster({ install: "kt" }) },
  { name: "Redis Cluster with TLS and a password", start: () => startCluster({ install: "kt", ...SECURED }) },
];

const SECURED = { password: true, tls: ["DNS:redis.test"] };

/** A topology where a contract suite wants a server. */
export const asServer =
  (start: () => Promise<Topology>): StartServer =>
  async () => {
    const topology = await start();
    return {
      // A Cluster has all the commands we use (RedisClient); only the class is another.
      connect: () => topology.connect() as Redis,
      flush: () => topology.flush(),
      stop: () => topology.stop(),
    };
  };
