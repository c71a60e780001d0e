import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { listeningLog } from "../support/quiet-log.ts";
import { createRotationWorker } from "../../workers/rotation-worker.ts";

it("a worker whose connection never becomes ready says so instead of waiting for ever, and can be closed", async () => {
  // Takes connections and says nothing, like a node that was cut off while the client looked at it.
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  const worker = createRotationWorker({
    connection: { client, disconnect: () => client.disconnect() },
    install: "keyturn",
    advance: () => Promise.resolve(),
    log: listeningLog(),
    readyMs: 200,
  });
  await expect(worker.ready()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE", exit: 69 });
  await worker.close(0);
  for (const socket of sockets) socket.destroy();
  silent.close();
});
