import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "./quiet-log.ts";

export interface RealRedis {
  socket: string;
  pid(): number;
  /** Runs one command on a connection of its own. */
  ask(command: string, ...args: string[]): Promise<unknown>;
  /** SIGKILL, as an out-of-memory killer does. */
  kill(): Promise<void>;
  /** Again on the same folder and socket. */
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** A real redis-server on a socket of its own; durable unless `options` say otherwise. */
export async function realRedis(options: readonly string[] = ["--appendonly", "yes"]): Promise<RealRedis> {
  const folder = await mkdtemp(join(tmpdir(), "kt-real-"));
  const socket = join(folder, "s");
  const flags = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--hz", "100", ...options];
  let server: ChildProcess | null = null;
  const ask = async (command: string, ...args: string[]): Promise<unknown> => {
    const client = new Redis({ path: socket, retryStrategy: () => null, lazyConnect: true });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  };
  const start = async () => {
    const child = spawn("redis-server", flags, { stdio: "ignore" });
    await once(child, "spawn");
    server = child;
    await eventually(
      () =>
        ask("PING").then(
          () => true,
          () => false,
        ),
      20_000,
    );
  };
  const kill = async () => {
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    socket,
    pid: () => server?.pid ?? 0,
    ask,
    kill,
    start,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
