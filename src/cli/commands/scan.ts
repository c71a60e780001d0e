import { scan as runScan, type ScanResult } from "../../app/scan/scan.ts";
import { checkRedis } from "../../compose.ts";
import type { Command, Context } from "../command.ts";
import { scanText } from "../format/scan.ts";
import { interruptible } from "../interruption.ts";

/** A line that overwrites itself while many keys are read; only where a person watches. */
export function progressOn(context: Context): { onProgress: (keys: number) => void; end: () => void } {
  const watched = !context.json && process.stderr.isTTY;
  let shown = 0;
  return {
    onProgress: (keys) => {
      if (!watched || keys - shown < 2000) return;
      shown = keys;
      context.stderr.write(`\r${keys} keys read …`);
    },
    end: () => void (shown > 0 && context.stderr.write("\r\u001b[K")),
  };
}

export const scan: Command = {
  name: "scan",
  usage: "[--dry-run] [--strict]",
  summary: "one scan: who is due and why; opens rotations unless dry run",
  positionals: [0, 0],
  options: { "dry-run": { type: "boolean" }, strict: { type: "boolean" } },
  collected: "unattended",
  run: (context) =>
    interruptible(async (signal) => {
      const app = await context.app();
      const dryRun = context.values["dry-run"] === true;
      if (!dryRun) {
        await checkRedis(app);
        await app.attendance.start("scan");
      }
      const progress = progressOn(context);
      let result: ScanResult;
      try {
        result = await runScan(app.deps, { dryRun, onProgress: progress.onProgress, signal });
      } finally {
        progress.end();
      }
      const failed = context.values["strict"] === true && result.problems.length > 0;
      return { json: result, text: scanText(result, dryRun), ...(failed ? { exit: 1 } : {}) };
    }),
};
