import { expect, it } from "vitest";
import { createRedisCardSlots } from "../../src/redis/card-slots.ts";
import { MemoryCardSlots } from "../support/doubles/memory-card-slots.ts";
import { type CardSlotsServer, cardSlotsContract } from "./card-slots.contract.ts";
import { type StartServer, T0, jsCluster, jsServer } from "./harness.ts";

const onRedis = (start: StartServer) => async (): Promise<CardSlotsServer> => {
  const server = await start();
  return {
    open: () => createRedisCardSlots({ redis: server.connect(), install: "kt" }),
    flush: () => server.flush(),
    stop: () => server.stop(),
  };
};

cardSlotsContract("js-redis-server", onRedis(jsServer));
cardSlotsContract("js-redis-server as a cluster", onRedis(jsCluster));
cardSlotsContract("the double of the tests", async () => {
  let shared = new MemoryCardSlots();
  return { open: () => shared, flush: async () => void (shared = new MemoryCardSlots()), stop: async () => undefined };
});

it("a Redis that is away is REDIS_UNAVAILABLE, never a free place", async () => {
  const gone = await jsServer();
  const slots = createRedisCardSlots({ redis: gone.connect(), install: "kt" });
  const card = { rotation: "rot_a", label: "a", why: "b", since: T0, until: T0 + 1 };
  await slots.take("C1", card, 1, T0);
  await gone.stop();
  await expect(slots.take("C1", card, 1, T0)).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  await expect(slots.digest("C1")).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
});
