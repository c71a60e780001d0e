import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";

export const ROOT = join(import.meta.dirname, "..", "..");

export interface Running {
  pid: number;
  /** Ends the process and waits for its end. Safe to repeat. */
  stop(): Promise<void>;
}

/** The simulated organization, in a process of its own so that it does not count as ours. */
export async function startSandboxProcess(
  folder: string,
): Promise<Running & { url: string; adminKey: string; organizationId: string }> {
  const child = node(["src/sandbox/main.ts", "--quiet", "--state", join(folder, "sandbox")]);
  const ready = JSON.parse(await firstLine(child)) as { url: string; adminKey: string; organization: { id: string } };
  return {
    url: ready.url,
    adminKey: ready.adminKey,
    organizationId: ready.organization.id,
    pid: child.pid ?? 0,
    stop: () => end(child),
  };
}

/** A real Redis with the persistence that production asks for. */
export async function startRedisProcess(folder: string): Promise<Running & { url: string; version: string }> {
  const port = await freePort();
  const flags = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  flags.push("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction");
  const child = spawn("redis-server", flags, { stdio: "ignore" });
  await once(child, "spawn");
  const url = `redis://127.0.0.1:${port}`;
  const version = await withRedis(url, async (redis) => {
    while ((await redis.ping().catch(() => null)) !== "PONG") await pause(10);
    return /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "unknown";
  });
  return { url, version, pid: child.pid ?? 0, stop: () => end(child) };
}

export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 200 });
  redis.on("error", () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Runs a script of this folder in a fresh process, which reads `input` with `readInput`; returns the JSON it prints. */
export async function measure<T>(script: string, input: object): Promise<T> {
  const child = node([join("bench", script)], "pipe");
  const ended = once(child, "exit");
  child.stdin?.end(JSON.stringify(input));
  const line = await firstLine(child);
  await ended;
  return JSON.parse(line) as T;
}

/** Starts a script of this folder that prints one line of JSON when it is ready, and goes on until it is stopped. */
export async function startScript<T>(script: string, input: object): Promise<Running & { ready: T }> {
  const child = node([join("bench", script)], "pipe");
  child.stdin?.end(JSON.stringify(input));
  return { ready: JSON.parse(await firstLine(child)) as T, pid: child.pid ?? 0, stop: () => end(child) };
}

/** The other end of `measure` and `startScript`. */
export function readInput<T>(): T {
  return JSON.parse(readFileSync(0, "utf8")) as T;
}

function node(args: readonly string[], stdin: "ignore" | "pipe" = "ignore"): ChildProcess {
  return spawn(process.execPath, args, { cwd: ROOT, stdio: [stdin, "pipe", "inherit"] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the process has no output");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`a process ended without a result (${child.spawnargs[1] ?? ""})`);
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
