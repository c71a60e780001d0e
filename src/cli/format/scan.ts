import type { ScanResult } from "../../app/scan/scan.ts";
import { printable, table } from "./table.ts";

const FEW = 20;

/** A scan for a person: what is due first, then what is wrong, then keys nobody manages. */
export function scanText(r: ScanResult, dryRun: boolean): string {
  const parts: string[] = [];
  const rows = r.targets.map((t) => [
    t.name,
    t.ageDays === null ? "–" : `${t.ageDays} d`,
    t.due ? `DUE: ${t.reason}` : (t.reason ?? "–"),
    printable(t.message),
  ]);
  parts.push(rows.length === 0 ? "No targets are configured." : table([["TARGET", "AGE", "STATUS", "WHY"], ...rows]));
  if (r.opened.length > 0)
    parts.push(
      `opened\n${r.opened.map((id) => `  ${id}  next: keyturn show ${id}, then keyturn approve ${id}`).join("\n")}`,
    );
  if (r.rebuilt.length > 0) parts.push(`rebuilt: ${r.rebuilt.join(", ")}`);
  if (dryRun && r.targets.some((t) => t.due)) parts.push("dry run: nothing was opened; keyturn scan opens rotations");
  if (r.problems.length > 0)
    parts.push(`problems\n${table(r.problems.map((p) => [`  ${p.code}`, p.target ?? "–", printable(p.message)]))}`);
  if (r.unmanaged.length > 0) {
    const oldest = r.unmanaged.toSorted((a, b) => b.ageDays - a.ageDays).slice(0, FEW);
    const more = r.unmanaged.length > FEW ? ` (the ${FEW} oldest of ${r.unmanaged.length})` : "";
    parts.push(
      `keys nobody manages${more}\n${table(oldest.map((k) => [`  ${k.keyId}`, printable(k.name), `${k.ageDays} d`]))}`,
    );
  }
  return parts.join("\n\n");
}
