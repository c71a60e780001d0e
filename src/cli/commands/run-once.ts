import { checkRedis } from "../../compose.ts";
import { KeyturnError } from "../../rotation/errors.ts";
import { type RunOnceResult, requireSocketMode, runOnce as run, withoutPages } from "../../run-once.ts";
import { text } from "../actor.ts";
import type { Command } from "../command.ts";
import { scanText } from "../format/scan.ts";
import { table } from "../format/table.ts";
import { parseDurationOption } from "../instant.ts";
import { interruptible } from "../interruption.ts";
import { progressOn } from "./scan.ts";

/** Absent: does not wait. @throws USAGE (64) */
function waitOf(given: string | null): number | null {
  if (given === null) return null;
  const ms = parseDurationOption("wait", given, 0);
  if (ms <= 0) throw new KeyturnError("USAGE", "--wait needs a duration above 0, such as 30m.");
  return ms;
}

export const runOnce: Command = {
  name: "run-once",
  usage: "[--wait <duration>]",
  summary: "scan, advance all that can advance, hear Slack so long, exit (a CronJob)",
  positionals: [0, 0],
  options: { wait: { type: "string" } },
  logLevel: "info",
  collected: "unattended",
  run: (context) =>
    interruptible(async (signal) => {
      const waitMs = waitOf(text(context.values["wait"]));
      if (waitMs !== null) requireSocketMode(context.config());
      const app = await (waitMs === null ? context.app() : context.app(withoutPages));
      await checkRedis(app);
      const progress = progressOn(context);
      let result: RunOnceResult;
      try {
        result = await run(app, {
          onProgress: progress.onProgress,
          signal,
          ...(waitMs === null ? {} : { waitMs }),
        });
      } finally {
        progress.end();
      }
      return { json: result, text: textOf(result) };
    }),
};

function textOf(result: RunOnceResult): string {
  const lines = [scanText(result, false)];
  if (result.advanced.length > 0)
    lines.push(`advanced\n${table(result.advanced.map((a) => [`  ${a.id}`, a.from, "→", a.to]))}`);
  if (result.waiting.length > 0)
    lines.push(`waiting\n${table(result.waiting.map((w) => [`  ${w.id}`, w.state, `for ${w.for}`]))}`);
  return lines.join("\n\n");
}
