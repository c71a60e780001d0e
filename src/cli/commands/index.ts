import type { Command } from "../command.ts";
import { auditExport, auditVerify } from "./audit.ts";
import { configCheck, configSchema } from "./config.ts";
import { DECISIONS } from "./decisions.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { hold, unhold } from "./holds.ts";
import { list } from "./list.ts";
import { plan } from "./plan.ts";
import { report } from "./report.ts";
import { revoke, rotate } from "./rotate.ts";
import { runOnce } from "./run-once.ts";
import { scan } from "./scan.ts";
import { serve } from "./serve.ts";
import { show } from "./show.ts";
import { submit } from "./submit.ts";
import { wait } from "./wait.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  scan,
  runOnce,
  serve,
  list,
  show,
  rotate,
  ...DECISIONS,
  wait,
  submit,
  revoke,
  hold,
  unhold,
  plan,
  doctor,
  auditVerify,
  auditExport,
  report,
  configCheck,
  configSchema,
  demo,
];

/** The command that a command line starts with, two words before one; and what follows it. */
export function findCommand(argv: readonly string[]): { command: Command; rest: string[] } | null {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(" ");
    const command = COMMANDS.find((c) => c.name === name);
    if (command !== undefined && argv.length >= words) return { command, rest: argv.slice(words) };
  }
  return null;
}
