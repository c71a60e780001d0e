import { createRedisMock } from "js-redis-server";
import { cuttableProxy } from "../support/cuttable-proxy.ts";
import { queueContract } from "./queue.contract.ts";

queueContract("in memory", async () => {
  const server = await createRedisMock();
  const proxy = await cuttableProxy(server.port);
  return {
    settings: { url: `redis://127.0.0.1:${proxy.port}` },
    flush: () => server.flush(),
    cut: () => proxy.cut(),
    mend: () => proxy.mend(),
    stop: async () => {
      await proxy.cut();
      await server.close();
    },
  };
});
