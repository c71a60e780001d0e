import { Queue } from "bullmq";
import type { Cluster } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QUEUE_NAME, queuePrefix } from "../../src/ports/queue.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { type RedisConnection, connectRedis } from "../../src/redis/connect.ts";
import type { RedisSettings } from "../../src/redis/settings.ts";
import { type RotationQueue, createWakeups } from "../../src/redis/wakeups.ts";
import { createRotationWorker } from "../../workers/rotation-worker.ts";
import { keysOfAll } from "../audit/dump.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";

/** A server that can be unplugged and plugged in again. */
export interface QueueServer {
  settings: RedisSettings;
  flush(): Promise<void>;
  cut(): Promise<void>;
  mend(): Promise<void>;
  stop(): Promise<void>;
}

/** Adding and running wake-ups, against the server that `start` gives. */
export function queueContract(name: string, start: () => Promise<QueueServer>): void {
  describe(`the queue (${name})`, () => {
    let server: QueueServer;
    let producer: RedisConnection;
    let queue: RotationQueue;
    const ends: (() => Promise<unknown>)[] = [];
    let now = 1_800_000_000_000;

    beforeEach(async () => {
      server = await start();
      producer = await connectRedis(server.settings, { role: "producer" });
      queue = createWakeups({ connection: producer, install: "kt", now: () => now });
    });
    afterEach(async () => {
      await Promise.all(ends.splice(0).map((end) => end()));
      await queue.close();
      producer.disconnect();
      await server.stop();
    });

    async function aWorker(advance: (id: string, signal: AbortSignal | undefined) => Promise<unknown>) {
      const log = listeningLog();
      const connection = await connectRedis(server.settings, { role: "worker" });
      const worker = createRotationWorker({ connection, install: "kt", advance, log, concurrency: 5 });
      ends.push(() => worker.close(1000));
      await worker.ready();
      return { worker, log, connection };
    }
    const raw = () => new Queue(QUEUE_NAME, { connection: producer.client, prefix: queuePrefix("kt") });

    it("a wake-up reaches the worker as an id, and nothing stays behind", async () => {
      const seen: string[] = [];
      await aWorker(async (id) => seen.push(id));
      await queue.wake("rot_1", 4, 0);
      await eventually(() => seen.length === 1);
      expect(seen).toEqual(["rot_1"]);
      await eventually(async () => (await producer.client.keys("*:rot_1-r4*")).length === 0);
    });

    it("waking twice for one revision is one job; the next revision is another; the same again runs again", async () => {
      const seen: string[] = [];
      await queue.wake("rot_1", 4, 0);
      await queue.wake("rot_1", 4, 0);
      expect(await queue.backlog()).toEqual({ waiting: 1, active: 0 });
      await queue.wake("rot_1", 5, 0);
      expect((await queue.backlog()).waiting).toBe(2);
      await queue.wake("rot_2", 1, 60_000);
      expect(await queue.counts()).toEqual({ waiting: 2, active: 0, delayed: 1, failed: 0 });
      await aWorker(async (id) => seen.push(id));
      await eventually(async () => seen.length === 2 && (await queue.backlog()).active === 0);
      await queue.wake("rot_1", 4, 0);
      await eventually(() => seen.length === 3);
    });

    it("a delayed wake-up comes when it is due", async () => {
      const seen: number[] = [];
      await aWorker(async () => seen.push(Date.now()));
      const asked = Date.now();
      await queue.wake("rot_1", 1, 300);
      await eventually(() => seen.length === 1);
      expect((seen[0] ?? 0) - asked).toBeGreaterThanOrEqual(295);
    });

    it("failures 11: a failed job left under an id swallows a wake-up, but never a fresh one", async () => {
      let broken = true;
      const seen: string[] = [];
      const { worker } = await aWorker(async (id) => {
        if (broken) throw new Error("broken");
        seen.push(id);
      });
      await queue.wake("rot_1", 4, 0);
      const look = raw();
      await eventually(async () => (await look.getJobState("rot_1-r4")) === "failed");
      broken = false;
      await queue.wake("rot_1", 4, 0);
      await queue.wakeFresh("rot_1", 4);
      await eventually(() => seen.length === 1);
      expect(worker.inFlight()).toBe(0);
      await look.close();
    });

    it("fresh wake-ups of several replicas are one job per time bucket", async () => {
      await Promise.all([queue.wakeFresh("rot_1", 4), queue.wakeFresh("rot_1", 4)]);
      expect((await queue.backlog()).waiting).toBe(1);
      now += 10_000;
      await queue.wakeFresh("rot_1", 4);
      expect((await queue.backlog()).waiting).toBe(2);
    });

    it("one process advances one rotation once at a time, and looks again after a wake-up that came meanwhile", async () => {
      const finish: (() => void)[] = [];
      let most = 0;
      let running = 0;
      await aWorker(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => finish.push(resolve));
        running -= 1;
      });
      for (const revision of [1, 2, 3]) await queue.wake("rot_1", revision, 0);
      await eventually(async () => finish.length === 1 && (await queue.backlog()).active === 3);
      finish[0]?.();
      await eventually(() => finish.length === 2);
      await eventually(async () => {
        for (const each of finish) each();
        return (await queue.backlog()).active === 0;
      });
      expect(most).toBe(1);
      expect(finish.length).toBeGreaterThanOrEqual(2);
    });

    it("P3: what an unexpected error says reaches neither Redis nor the log", async () => {
      const { log } = await aWorker(async () => {
        throw new TypeError("canary-canary-canary");
      });
      await queue.wake("rot_1", 4, 0);
      await eventually(() => log.events().includes("worker.failed"));
      const look = raw();
      await eventually(async () => (await look.getJobState("rot_1-r4")) === "failed");
      const dump = await dumpOf(producer);
      expect(dump).toContain("rot_1-r4");
      expect(
        dump +
          JSON.stringify(log.lines) +
          log.lines.map((line) => String((line.fields["err"] as Error | undefined)?.stack)).join(),
      ).not.toContain("canary");
      await look.close();
    });

    it.each([
      { what: "of a later version", data: { id: "rot_1", revision: 1, schema: 2 } },
      { what: "without a revision", data: { id: "rot_1", schema: 1 } },
      { what: "with an id that is no id", data: { id: "../canary", revision: 1, schema: 1 } },
    ])("a job $what advances nothing and is not quoted", async ({ data }) => {
      const seen: string[] = [];
      await aWorker(async (id) => seen.push(id));
      const look = raw();
      await look.add("wake", data, { jobId: "odd" });
      await eventually(async () => (await look.getJobState("odd")) === "failed");
      expect(seen).toEqual([]);
      expect((await look.getJob("odd"))?.failedReason).toBe("the job is not a wake-up that this version knows");
      await look.close();
    });

    it("P8: a flush under a live worker loses jobs, not the worker", async () => {
      const seen: string[] = [];
      await aWorker(async (id) => seen.push(id));
      await queue.wake("rot_1", 1, 60_000);
      await server.flush();
      await queue.wakeFresh("rot_1", 1);
      await eventually(() => seen.length === 1);
    });

    it("closing lets the running job end", async () => {
      const finish: (() => void)[] = [];
      const { worker, log } = await aWorker(() => new Promise<void>((resolve) => finish.push(resolve)));
      await queue.wake("rot_1", 1, 0);
      await eventually(() => finish.length === 1);
      const closing = worker.close(5000);
      finish[0]?.();
      await closing;
      expect(log.events()).not.toContain("worker.abandoned");
    });

    it("closing does not wait beyond its deadline for a job that hangs", async () => {
      const { worker, log, connection } = await aWorker(() => new Promise<void>(() => {}));
      await queue.wake("rot_2", 1, 0);
      await eventually(() => worker.inFlight() === 1);
      const started = Date.now();
      await Promise.all([worker.close(100), worker.close(100)]);
      expect(Date.now() - started).toBeLessThan(1000);
      expect(log.events()).toContain("worker.abandoned");
      await eventually(() => isOver(connection.client));
    });

    it("with Redis away a wake-up is refused in time, and the worker closes at its deadline", async () => {
      const { worker } = await aWorker(async () => undefined);
      await server.cut();
      const started = Date.now();
      await expect(queue.wake("rot_1", 1, 0)).rejects.toBeInstanceOf(KeyturnError);
      await worker.close(300);
      expect(Date.now() - started).toBeLessThan(4000);
    });

    it("after an outage queue and worker go on by themselves", async () => {
      const seen: string[] = [];
      await aWorker(async (id) => seen.push(id));
      await server.cut();
      await expect(queue.wake("rot_1", 1, 0)).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
      await server.mend();
      await eventually(
        () =>
          queue.wake("rot_1", 2, 0).then(
            () => true,
            () => false,
          ),
        10_000,
      );
      await eventually(() => seen.length > 0, 15_000);
    }, 30_000);
  });
}

/** A Cluster client says `close` once more after its `end`, for each node it leaves; then it has none. */
const isOver = (client: RedisConnection["client"]): boolean =>
  client.isCluster ? (client as Cluster).nodes().length === 0 && client.status === "close" : client.status === "end";

/** Everything in Redis, as text. */
async function dumpOf({ client }: RedisConnection): Promise<string> {
  const parts: unknown[] = [];
  for (const key of await keysOfAll(client)) {
    const type = await client.type(key);
    parts.push(key);
    if (type === "hash") parts.push(await client.hgetall(key));
    if (type === "string") parts.push(await client.get(key));
    if (type === "stream") parts.push(await client.xrange(key, "-", "+"));
    if (type === "zset") parts.push(await client.zrange(key, "0", "-1"));
    if (type === "list") parts.push(await client.lrange(key, 0, -1));
  }
  return JSON.stringify(parts);
}
