import { basename } from "node:path";
import type { DemoReport } from "./demo.ts";
import type { Folder } from "./folder.ts";
import { shellWord } from "./timeline.ts";

export interface SummaryInput {
  report: DemoReport;
  folder: Folder;
  seconds: number;
  manual: boolean;
  keyturn: string;
  /** How a person starts the sandbox here. */
  sandbox: string;
}

/** What the demo says at the end. Pure. */
export function summary(input: SummaryInput): string {
  const { report, folder, manual } = input;
  if (report.interrupted) return `\nStopped; every process has ended. What there is so far: ${folder.dir}\n`;
  const lines = [""];
  if (report.error !== null) lines.push(...troubles(report.error), "");
  if (report.checks.length > 0) {
    const days = report.ok
      ? `${report.outgoingKey?.name ?? "The key"} went from "91 days old" to "archived" in ${input.seconds} s.`
      : "Not everything is as it should be.";
    // A person who played along has seen each of them already.
    if (manual)
      lines.push(
        `${report.outgoingKey?.name ?? "The key"}: ${report.checks.filter((check) => check.ok).length} of ${report.checks.length} checks passed.`,
        "",
      );
    else
      lines.push(days, "", ...report.checks.map((check) => `  ${check.ok ? "ok    " : "FAILED"}  ${check.text}`), "");
  }
  lines.push(...files(folder), "", ...whatNext(input));
  return `${lines.join("\n")}\n`;
}

function troubles(error: NonNullable<DemoReport["error"]>): string[] {
  const rows = [`FAILED: ${error.message}`];
  if (error.next !== null) rows.push(`  next: ${error.next}`);
  if (error.log !== null) rows.push(`  log:  ${error.log}`);
  return rows;
}

function files(folder: Folder): string[] {
  const rows: [string, string][] = [
    [folder.envFile, "what the application reads, with the new key"],
    [folder.configFile, "the configuration, with the compressed times"],
    [folder.auditFile, "the audit log"],
    [folder.serveLog, "the log of keyturn serve"],
    [folder.sandbox, "the simulated organization: journal and request log"],
  ];
  return [
    `Files (yours to delete): ${folder.dir}`,
    ...rows.map(([path, what]) => `  ${basename(path).padEnd(14)}${what}`),
  ];
}

function whatNext({ report, folder, manual, keyturn, sandbox }: SummaryInput): string[] {
  const config = `--config ${shellWord(folder.configFile)}`;
  const rows: [string, string][] = [];
  if (!manual) rows.push(["approve and submit a key yourself", "npm run demo -- --manual"]);
  if (report.rotation !== null) rows.push(["check the audit log again", `${keyturn} audit verify ${config}`]);
  if (report.redis === "server" && report.rotation !== null) {
    rows.push(["the rotation with its history", `${keyturn} show ${report.rotation} ${config}`]);
  }
  if (report.sandboxUrl !== null) {
    rows.push([
      "the same organization again, where the key in app.env works",
      `${sandbox} --port ${new URL(report.sandboxUrl).port} --state ${shellWord(folder.sandbox)}`,
    ]);
  }
  return ["Next", ...rows.flatMap(([what, command]) => [`  ${what}:`, `    ${command}`])];
}
