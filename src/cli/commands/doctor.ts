import type { Command } from "../command.ts";
import { doctorText } from "../format/doctor.ts";
import { createLog } from "../log.ts";

export const doctor: Command = {
  name: "doctor",
  usage: "",
  summary: "check every permission, setting and connection, and say what to repair; changes nothing",
  positionals: [0, 0],
  run: async (context) => {
    // Loaded here only: the other commands would pay for it at each start.
    const { doctor: examine } = await import("../../doctor/doctor.ts");
    // Not `context.app()`: what composes an application needs Redis, and tells the others of this configuration.
    const report = await examine(context.config(), createLog("warn"));
    return { json: report, text: doctorText(report), exit: report.ok ? 0 : 1 };
  },
};
