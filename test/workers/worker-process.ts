import { appendFileSync } from "node:fs";
import { closeInOrder, untilSignal } from "../../src/cli/shutdown.ts";
import { connectRedis } from "../../src/redis/connect.ts";
import { createRotationWorker } from "../../workers/rotation-worker.ts";
import { listeningLog } from "../support/quiet-log.ts";

/** A worker in a process of its own: notes each begin and end in a file; a job takes argv[4] milliseconds. */
const [socket = "", file = "", takesMs = "0"] = process.argv.slice(2);
const log = listeningLog();
const connection = await connectRedis({ socket }, { role: "worker" });
const worker = createRotationWorker({
  connection,
  install: "kt",
  log,
  lockMs: 2000,
  stalledMs: 1000,
  advance: async (id) => {
    appendFileSync(file, `begin ${id} ${process.pid}\n`);
    await new Promise((resolve) => setTimeout(resolve, Number(takesMs)));
    appendFileSync(file, `end ${id} ${process.pid}\n`);
  },
});
await worker.ready();
process.stdout.write("ready\n");
await untilSignal({ impatient: () => process.exit(1) });
await closeInOrder([{ name: "worker", close: (leftMs) => worker.close(leftMs - 500) }], { deadlineMs: 3000, log });
process.exit(0);
