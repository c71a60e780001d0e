import { afterAll, beforeAll, describe, it } from "vitest";
import { type RedisConnection, connectRedis } from "../../src/redis/connect.ts";
import { createRotationWorker } from "../../workers/rotation-worker.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";
import { type RealRedis, realRedis } from "../support/real-redis.ts";

describe("a worker that has nothing to do", () => {
  let server: RealRedis;
  let connection: RedisConnection;
  beforeAll(async () => {
    server = await realRedis();
    connection = await connectRedis({ socket: server.socket }, { role: "worker" });
  });
  afterAll(() => server.stop());

  it("is seen every few seconds all the same, and not any more while Redis is away", async () => {
    const worker = createRotationWorker({
      connection,
      install: "kt",
      advance: async () => undefined,
      log: listeningLog(),
    });
    await worker.ready();
    for (let n = 0; n < 2; n += 1) {
      await eventually(() => worker.silentForMs() > 2000, 20_000);
      await eventually(() => worker.silentForMs() < 1000, 20_000);
    }
    await server.kill();
    await eventually(() => worker.silentForMs() > 15_000, 30_000);
    await server.start();
    await eventually(() => worker.silentForMs() < 1000, 60_000);
    await worker.close(1000);
  });
});
