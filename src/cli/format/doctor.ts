import type { DoctorReport } from "../../app/doctor/doctor.ts";
import { printable } from "./table.ts";

/** Longer names do not push the messages of all others to the right. */
const WIDEST = 34;

/** The report for a person: one line each, below it what to do, and a count at the end. */
export function doctorText({ checks }: Pick<DoctorReport, "checks">): string {
  const width = Math.min(WIDEST, Math.max(...checks.map(({ name }) => name.length)));
  const lines = checks.flatMap(({ name, level, message, fix }) => {
    const line = `${level}  ${printable(name).padEnd(width)}  ${printable(message)}`;
    return fix === null ? [line] : [line, `${" ".repeat(6)}→ ${printable(fix)}`];
  });
  const count = (level: DoctorReport["checks"][number]["level"]) =>
    checks.filter((check) => check.level === level).length;
  const [failed, warned] = [count("fail"), count("warn")];
  const verdict = failed > 0 ? "Not ready" : warned > 0 ? "Ready, with warnings" : "Ready";
  return [...lines, "", `${verdict}: ${count("pass")} pass, ${warned} warn, ${failed} fail.`].join("\n");
}
