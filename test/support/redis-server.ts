import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";

export interface RedisServer {
  url: string;
  /** Its append-only file and everything else it writes. */
  folder: string;
  client: Redis;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A real redis-server on 127.0.0.1 that keeps its data as Keyturn demands. Missing: the test fails, it is not skipped. */
export async function startRedisServer(options: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "kt-redis-"));
  const port = await freePort();
  const base = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--loglevel", "warning"];
  const keeping = ["--appendonly", "yes", "--maxmemory-policy", "noeviction"];
  const server: ChildProcess = spawn("redis-server", [...base, ...keeping, ...options], { stdio: "ignore" });
  await once(server, "spawn");
  const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: 100, retryStrategy: () => 50 });
  client.on("error", () => undefined);
  while ((await client.ping().catch(() => null)) !== "PONG") await pause(10);
  return {
    url: `redis://127.0.0.1:${port}`,
    folder,
    client,
    stop: async () => {
      client.disconnect();
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
