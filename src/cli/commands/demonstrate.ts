import { fileURLToPath } from "node:url";
import { runDemo } from "../../demo/demo.ts";
import { runManual } from "../../demo/manual.ts";
import { openScreen } from "../../demo/screen.ts";
import { makeFolder } from "../../demo/folder.ts";
import { Processes } from "../../demo/processes.ts";
import { summary } from "../../demo/summary.ts";
import { type Line, formatLine, shellWord } from "../../demo/timeline.ts";
import { text } from "../actor.ts";
import type { Context, Outcome } from "../command.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const DEFAULT_WIDTH = 120;

/** The body of `keyturn demo`: loaded for it only, since every other command would pay for the demo's many modules. */
export async function demonstrate(context: Context): Promise<Outcome> {
  const folder = makeFolder(text(context.values["dir"]));
  const manual = context.values["manual"] === true;
  const processes = new Processes();
  const interruption = onSignals(() => processes.kill());
  const startedAt = Date.now();
  const out = context.json ? context.stderr : context.stdout;
  // A reader that goes away (`| head`) ends the demo like Ctrl-C.
  out.on("error", () => interruption.end());
  const width = "columns" in out && typeof out.columns === "number" ? out.columns : DEFAULT_WIDTH;
  const commands = commandsHere();
  out.write(`Everything is simulated and stays in ${folder.dir}\n\n`);
  const terminal = "isTTY" in out && out.isTTY === true;
  const screen = openScreen(out, () => (terminal ? width : null));
  const given = {
    folder,
    processes,
    signal: interruption.signal,
    say: (line: Line) => screen.line(formatLine(line, startedAt, width)),
  };
  const report = manual
    ? await runManual({
        ...given,
        keyturn: commands.keyturn,
        status: (now) => screen.status(now),
        exitWhenDone: context.values["exit-when-done"] === true,
      })
    : await runDemo(given);
  screen.end();
  interruption.stop();
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  const { dir, envFile, configFile, auditFile } = folder;
  return {
    json: { schema: 1, ...report, seconds, dir, envFile, configFile, auditFile },
    text: summary({ report, folder, seconds, manual, ...commands }),
    exit: report.interrupted ? interruption.exit() : report.ok ? 0 : 1,
  };
}

/** The first signal ends the demo in order, a second one at once. */
function onSignals(impatient: () => void) {
  const controller = new AbortController();
  let exit = 1;
  const removals = Object.entries(SIGNALS).map(([signal, code]) => {
    const listener = () => {
      if (controller.signal.aborted) impatient();
      exit = code;
      controller.abort();
    };
    process.on(signal, listener);
    return () => process.removeListener(signal, listener);
  });
  return {
    signal: controller.signal,
    end: () => controller.abort(),
    exit: () => exit,
    stop: () => {
      for (const remove of removals) remove();
    },
  };
}

/** As the person started this: through npm in the checkout, or from anywhere. */
function commandsHere(): { keyturn: string; sandbox: string } {
  const path = (name: string) => shellWord(fileURLToPath(new URL(`../../../${name}`, import.meta.url)));
  return process.env["npm_lifecycle_event"] === undefined
    ? {
        keyturn: `node ${path("scripts/keyturn.mjs")}`,
        sandbox: `node ${path("scripts/start.mjs")} node ${path("src/sandbox/main.ts")}`,
      }
    : { keyturn: "npm run -s keyturn --", sandbox: "node scripts/start.mjs node src/sandbox/main.ts" };
}
