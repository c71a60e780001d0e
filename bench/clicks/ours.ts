import { openSync } from "node:fs";
import { pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { compose } from "../../src/compose.ts";
import { startServer } from "../../src/serve.ts";
import { readInput } from "../lib/processes.ts";

/** One replica as `serve` runs it: workers, reconciler, messages and all, with a log that is written but not kept. */
const { configFile } = readInput<{ configFile: string }>();
const log = pino({ level: "info" }, pino.destination({ dest: openSync("/dev/null", "w"), sync: true }));
const app = await compose(loadConfig({ path: configFile }), { log });
const server = await startServer(app);
process.once("SIGTERM", () => {
  void (async () => {
    for (const part of server.parts) await part.close(5000);
    await app.close();
    process.exit(0);
  })();
});
console.log(JSON.stringify({ port: server.ports.http }));
