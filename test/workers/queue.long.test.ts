import { realRedis } from "../support/real-redis.ts";
import { queueContract } from "./queue.contract.ts";

queueContract("redis-server", async () => {
  const server = await realRedis();
  return {
    settings: { socket: server.socket },
    flush: async () => void (await server.ask("FLUSHALL")),
    cut: () => server.kill(),
    mend: () => server.start(),
    stop: () => server.stop(),
  };
});
