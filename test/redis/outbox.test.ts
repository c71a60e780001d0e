import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedisOutbox } from "../../src/redis/outbox.ts";
import { MemoryOutbox } from "../support/doubles/memory-outbox.ts";
import { type Server, type StartServer, T0, jsCluster, jsServer } from "./harness.ts";
import { type OutboxServer, outboxContract } from "./outbox.contract.ts";

const onRedis = (start: StartServer) => async (): Promise<OutboxServer> => {
  const server = await start();
  return {
    open: (install = "kt") => createRedisOutbox({ redis: server.connect(), install }),
    flush: () => server.flush(),
    stop: () => server.stop(),
  };
};

outboxContract("js-redis-server", onRedis(jsServer));
outboxContract("js-redis-server as a cluster", onRedis(jsCluster));
outboxContract("the double of the tests", async () => {
  let shared = new MemoryOutbox();
  return { open: () => shared, flush: async () => void (shared = new MemoryOutbox()), stop: async () => undefined };
});

describe("the outbox in Redis", () => {
  let server: Server;
  beforeAll(async () => {
    server = await jsServer();
  });
  afterAll(() => server.stop());

  it("what was said is forgotten 30 days after the end was delivered, not before", async () => {
    const redis = server.connect();
    const outbox = createRedisOutbox({ redis, install: "kt" });
    await outbox.remember("rot_a", "slack", {});
    expect(await redis.pttl("{kt}:outbox-memory:rot_a")).toBe(-1);
    await outbox.delivered("rot_a", 9, true);
    const days = (await redis.pttl("{kt}:outbox-memory:rot_a")) / 86_400_000;
    expect(days).toBeGreaterThan(29);
    expect(days).toBeLessThanOrEqual(30);
  });

  it("R23: two installations on one server do not see each other's", async () => {
    const [kt, staging] = ["kt", "staging"].map((install) => createRedisOutbox({ redis: server.connect(), install }));
    await staging?.add("rot_s", T0);
    await staging?.remember("rot_s", "slack", {});
    expect(await kt?.due(T0, 10)).toEqual([]);
    expect(await kt?.memory("rot_s", "slack")).toBeNull();
  });

  it("a Redis that is away is REDIS_UNAVAILABLE, never an empty answer", async () => {
    const gone = await jsServer();
    const outbox = createRedisOutbox({ redis: gone.connect(), install: "kt" });
    await outbox.add("rot_a", T0);
    await gone.stop();
    const calls = [
      () => outbox.add("rot_a", T0),
      () => outbox.due(T0, 1),
      () => outbox.memory("rot_a", "slack"),
      () => outbox.unfinished(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  });
});
