import { realServer } from "./harness.ts";
import { outboxContract } from "./outbox.contract.ts";
import { createRedisOutbox } from "../../src/redis/outbox.ts";

outboxContract("redis-server", async () => {
  const server = await realServer();
  return {
    open: (install = "kt") => createRedisOutbox({ redis: server.connect(), install }),
    flush: () => server.flush(),
    stop: () => server.stop(),
  };
});
