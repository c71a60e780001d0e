import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RedisConnection, connectRedis } from "../../src/redis/connect.ts";
import { checkRedisSafety } from "../../src/redis/safety.ts";
import { type RotationQueue, createWakeups } from "../../src/redis/wakeups.ts";
import { createReconciler } from "../../workers/reconciler.ts";
import { aProcess, aRotation, save } from "../redis/harness.ts";
import { Redis } from "ioredis";
import { eventually, listeningLog } from "../support/quiet-log.ts";
import { type RealRedis, realRedis } from "../support/real-redis.ts";

const WORKER = fileURLToPath(new URL("worker-process.ts", import.meta.url));

describe("workers that crash", () => {
  let folder: string;
  let server: RealRedis;
  let producer: RedisConnection;
  let queue: RotationQueue;
  const children: ChildProcess[] = [];

  const begin = async (options?: readonly string[]) => {
    server = await realRedis(options);
    producer = await connectRedis({ socket: server.socket }, { role: "producer" });
    queue = createWakeups({ connection: producer, install: "kt", now: () => Date.now() });
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kt-work-"));
  });
  afterEach(async () => {
    for (const child of children.splice(0))
      if (child.exitCode === null && child.signalCode === null) await end(child, "SIGKILL");
    await queue.close();
    producer.disconnect();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const notes = () => join(folder, "notes");
  const lines = (word: string): string[] =>
    existsSync(notes())
      ? readFileSync(notes(), "utf8")
          .split("\n")
          .filter((line) => line.startsWith(word))
      : [];
  const aWorker = async (takesMs: number): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [WORKER, server.socket, notes(), String(takesMs)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(createInterface(child.stdout), "line");
    return child;
  };
  const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
    const exit = once(child, "exit") as Promise<[number | null]>;
    child.kill(signal);
    return (await exit)[0];
  };

  it("P7: what a killed worker had begun is taken up by another", async () => {
    await begin();
    const victim = await aWorker(60_000);
    await queue.wake("rot_1", 1, 0);
    await eventually(() => lines("begin").length === 1);
    await end(victim, "SIGKILL");
    await aWorker(0);
    await eventually(() => lines("end").length === 1, 30_000);
    expect(lines("begin")).toHaveLength(2);
  });

  it("R23: after FLUSHALL of the jobs a due rotation is woken again within one look", async () => {
    await begin();
    await aWorker(0);
    const redis = new Redis({ path: server.socket });
    const { rotations } = aProcess(redis, null);
    const process = aProcess(redis, null);
    await queue.wake("rot_1", 1, 60_000);
    await server.ask("FLUSHALL");
    await save(process, aRotation({ wakeAt: Date.now() - 10_000 }));
    const clock = { now: () => Date.now(), sleep: async () => undefined };
    const reconciler = createReconciler({ rotations, wakeups: queue, clock, log: listeningLog() });
    expect(await reconciler.look()).toBe(1);
    await eventually(() => lines("end").length === 1);
    redis.disconnect();
  });

  it("SIGTERM lets the running job end and exits 0", async () => {
    await begin();
    const worker = await aWorker(800);
    await queue.wake("rot_1", 1, 0);
    await eventually(() => lines("begin").length === 1);
    expect(await end(worker, "SIGTERM")).toBe(0);
    expect(lines("end")).toHaveLength(1);
    expect(await queue.backlog()).toEqual({ waiting: 0, active: 0 });
  });

  it("SIGTERM with Redis away exits 0 within the deadline", async () => {
    await begin();
    const worker = await aWorker(60_000);
    await queue.wake("rot_1", 1, 0);
    await eventually(() => lines("begin").length === 1);
    await server.kill();
    const started = Date.now();
    expect(await end(worker, "SIGTERM")).toBe(0);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it("Redis killed and started again: the delayed wake-up and the worker come back by themselves", async () => {
    await begin();
    await aWorker(0);
    await queue.wake("rot_1", 1, 2500);
    // Written to disk once a second.
    await eventually(async () => /aof_pending_bio_fsync:0/.test(String(await server.ask("INFO", "persistence"))));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await server.kill();
    await server.start();
    await eventually(() => lines("end").length === 1, 30_000);
  });

  it("failures 10: eviction and missing persistence are refused by a real server's own words", async () => {
    await begin(["--maxmemory-policy", "allkeys-lru", "--appendonly", "no"]);
    const report = await checkRedisSafety(producer.client, { persistence: "required" });
    expect(report.problems.map((one) => `${one.severity} ${one.setting} ${one.value}`)).toEqual([
      "refuse maxmemory-policy allkeys-lru",
      "refuse appendonly no",
    ]);
    await server.ask("ACL", "SETUSER", "default", "-config");
    expect((await checkRedisSafety(producer.client, { persistence: "required" })).severity).toBe("refuse");
  });

  it("failures 10: a full Redis refuses wake-ups as unsafe, and takes them again when there is room", async () => {
    await begin(["--maxmemory-policy", "noeviction"]);
    await server.ask("CONFIG", "SET", "maxmemory", "1mb");
    await expect(queue.wake("rot_1", 1, 0)).rejects.toMatchObject({
      code: "REDIS_UNSAFE",
      message: expect.stringContaining("OOM") as string,
    });
    await server.ask("CONFIG", "SET", "maxmemory", "0");
    await queue.wake("rot_1", 1, 0);
    expect((await queue.backlog()).waiting).toBe(1);
  });
});
