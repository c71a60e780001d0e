import { checkRedis } from "../../compose.ts";
import { runOnce as run, type RunOnceResult } from "../../run-once.ts";
import type { Command } from "../command.ts";
import { scanText } from "../format/scan.ts";
import { table } from "../format/table.ts";
import { progressOn } from "./scan.ts";

export const runOnce: Command = {
  name: "run-once",
  usage: "",
  summary: "scan, advance everything that can advance, exit (for a CronJob without a server)",
  positionals: [0, 0],
  logLevel: "info",
  run: async (context) => {
    const app = await context.app();
    await checkRedis(app);
    const progress = progressOn(context);
    let result: RunOnceResult;
    try {
      result = await run(app, progress.onProgress);
    } finally {
      progress.end();
    }
    const lines = [scanText(result, false)];
    if (result.advanced.length > 0)
      lines.push(`advanced\n${table(result.advanced.map((a) => [`  ${a.id}`, a.from, "→", a.to]))}`);
    if (result.waiting.length > 0)
      lines.push(`waiting\n${table(result.waiting.map((w) => [`  ${w.id}`, w.state, `for ${w.for}`]))}`);
    return { json: result, text: lines.join("\n\n") };
  },
};
