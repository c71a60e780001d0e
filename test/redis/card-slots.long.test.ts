import { createRedisCardSlots } from "../../src/redis/card-slots.ts";
import { cardSlotsContract } from "./card-slots.contract.ts";
import { realServer } from "./harness.ts";

cardSlotsContract("redis-server", async () => {
  const server = await realServer();
  return {
    open: () => createRedisCardSlots({ redis: server.connect(), install: "kt" }),
    flush: () => server.flush(),
    stop: () => server.stop(),
  };
});
