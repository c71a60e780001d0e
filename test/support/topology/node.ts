import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import type { Certificates } from "./certificates.ts";

/** How every server of one topology listens. */
export interface Common {
  folder: string;
  password?: string | undefined;
  certificates?: Certificates | undefined;
}

/** One `redis-server` process, a Sentinel included. */
export interface Node {
  readonly port: number;
  pid(): number;
  running(): boolean;
  /** One command on a connection of its own; the reply as it came. */
  ask(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** SIGSTOP: the connections stay open and nothing answers, as when a machine hangs. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Again, with its configuration file as it left it. */
  start(): Promise<void>;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}

/** Lines of a configuration file that every server of a topology has. */
export function listening(port: number, { certificates, password }: Common): string[] {
  const secured =
    certificates === undefined
      ? [`port ${port}`]
      : [
          "port 0",
          `tls-port ${port}`,
          `tls-cert-file ${certificates.cert}`,
          `tls-key-file ${certificates.key}`,
          `tls-ca-cert-file ${certificates.ca}`,
          "tls-auth-clients no",
          "tls-replication yes",
        ];
  const guarded = password === undefined ? [] : [`requirepass ${password}`];
  return ["bind 127.0.0.1", ...secured, ...guarded, "loglevel notice", "logfile server.log"];
}

/** As Keyturn demands it of a server that keeps data. */
export const KEEPING = [
  "appendonly yes",
  'save ""',
  "maxmemory-policy noeviction",
  "hz 100",
  "repl-diskless-sync-delay 0",
];

/**
 * Starts a server with this configuration in a folder of its own. Missing: the test fails, it is not skipped.
 * @param flags such as `--sentinel`
 */
export async function startNode(
  common: Common,
  port: number,
  lines: readonly string[],
  flags: readonly string[] = [],
): Promise<Node> {
  const folder = join(common.folder, String(port));
  await mkdir(folder);
  const file = join(folder, "redis.conf");
  await writeFile(file, [`dir ${folder}`, ...lines, ""].join("\n"));
  let child: ChildProcess | null = null;
  const ask: Node["ask"] = async (command, ...args) => {
    const client = clientTo(port, common);
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  };
  const start = async () => {
    const started = spawn("redis-server", [file, ...flags], { stdio: "ignore" });
    child = started;
    await once(started, "spawn");
    for (const end = Date.now() + 60_000; ; await pause(20)) {
      if (started.exitCode !== null)
        throw new Error(`redis-server ended: ${await readFile(join(folder, "server.log"), "utf8")}`);
      // LOADING is an answer, but no server yet.
      if ((await ask("PING").catch(() => null)) === "PONG") return;
      if (Date.now() > end) throw new Error(`redis-server on ${port} does not answer`);
    }
  };
  const running = () => child !== null && child.exitCode === null && child.signalCode === null;
  await start();
  return {
    port,
    pid: () => child?.pid ?? 0,
    running,
    ask,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    kill: async () => {
      if (child === null || !running()) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    start,
  };
}

/** A client that does not try again: what it asks is asked once. */
function clientTo(port: number, { password, certificates }: Common): Redis {
  const client = new Redis({
    host: "127.0.0.1",
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    commandTimeout: 5000,
    ...(password === undefined ? {} : { password }),
    ...(certificates === undefined
      ? {}
      : { tls: { ca: readFileSync(certificates.ca), checkServerIdentity: () => undefined } }),
  });
  client.on("error", () => undefined);
  return client;
}
