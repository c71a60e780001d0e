import { expect, it } from "vitest";
import { createRedisPresence } from "../../src/redis/presence.ts";
import { jsServer } from "./harness.ts";

it("R21: a `serve` is there from its word on, for 90 s, and only for its own installation", async () => {
  const server = await jsServer();
  try {
    const redis = server.connect();
    const [one, other] = ["kt", "other"].map((install) => createRedisPresence({ redis, install }));
    expect(await one?.isThere()).toBe(false);
    await one?.beat();
    expect([await one?.isThere(), await other?.isThere()]).toEqual([true, false]);
    const left = await redis.pttl("{kt}:serving");
    expect([left > 80_000, left <= 90_000]).toEqual([true, true]);
    const beside = createRedisPresence({ redis, install: "kt" });
    await beside.beat();
    await one?.leave();
    expect(await beside.isThere()).toBe(true);
    await beside.leave();
    expect(await beside.isThere()).toBe(false);
    await redis.zadd("{kt}:serving", Date.now() - 1, "dead");
    expect(await beside.isThere()).toBe(false);
  } finally {
    await server.stop();
  }
});

it("a Redis that is away is REDIS_UNAVAILABLE, neither there nor gone", async () => {
  const gone = await jsServer();
  const presence = createRedisPresence({ redis: gone.connect(), install: "kt" });
  await presence.isThere();
  await gone.stop();
  await expect(presence.isThere()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  await expect(presence.beat()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
});
