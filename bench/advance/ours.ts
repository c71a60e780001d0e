import { openSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { compose, startWorker } from "../../src/compose.ts";
import { readInput } from "../lib/processes.ts";
import { memoryCopyOf } from "./memory-store.ts";
import { meter } from "./meter.ts";
import { CONCURRENCY } from "./steps.ts";

/** One worker process, as `serve` runs it, with a log that is written but not kept. */
const { configFile, redisUrl, rotations, store } = readInput<{
  configFile: string;
  redisUrl: string;
  rotations: number;
  store: "files" | "memory";
}>();
const log = pino({ level: "info" }, pino.destination({ dest: openSync("/dev/null", "w"), sync: true }));
const app = await compose(loadConfig({ path: configFile }), { log });
if (store === "memory") app.deps.stores = await memoryCopyOf(app.deps);
const { notifier } = app.deps;

await meter(redisUrl, rotations, async (done, moved) => {
  app.deps.notifier = {
    changed: async (rotation, event) => {
      if (event === "attention") throw new Error(`${rotation.id}: ${rotation.attention?.code ?? ""}`);
      moved();
      if (rotation.state === "grace_period") done();
      await notifier.changed(rotation, event);
    },
  };
  const worker = await startWorker(app, CONCURRENCY);
  return {
    idle: async () => {
      while ((await app.deps.rotations.due(app.deps.clock.now(), 1)).length > 0) await pause(20);
    },
    stop: () => worker.close(10_000),
  };
});
await app.close();
