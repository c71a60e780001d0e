import { pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { compose } from "../../src/compose.ts";
import { readInput } from "../lib/processes.ts";
import { meter } from "./meter.ts";

const { configFile } = readInput<{ configFile: string }>();
const app = await compose(loadConfig({ path: configFile }), { log: pino({ level: "silent" }) });

await meter(async () => {
  let keys = 0;
  const result = await scan(app.deps, { dryRun: true, onProgress: (seen) => (keys = seen) });
  if (result.problems.length > 0) throw new Error(`the scan found ${result.problems[0]?.message ?? "a problem"}`);
  return keys;
});
await app.close();
