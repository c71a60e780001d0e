import type { AuditEntry } from "../ports/audit.ts";
import { lineOf } from "./chain.ts";

const COLUMNS = [
  "epoch",
  "seq",
  "at",
  "rotation",
  "target",
  "action",
  "actor",
  "via",
  "evidence",
  "prev",
  "hash",
] as const;

/** One entry per line, complete: `audit verify --from` accepts the result. */
export async function* exportJsonLines(entries: AsyncIterable<AuditEntry>): AsyncGenerator<string> {
  for await (const entry of entries) yield `${lineOf(entry)}\n`;
}

/** RFC 4180 with a header line, for reading in a spreadsheet: times are RFC 3339, checkpoints are left out. */
export async function* exportCsv(entries: AsyncIterable<AuditEntry>): AsyncGenerator<string> {
  yield `${COLUMNS.join(",")}\r\n`;
  for await (const entry of entries) {
    const cells = COLUMNS.map((column) => {
      if (column === "at") return timeOf(entry.at);
      const value = entry[column];
      return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    });
    yield `${cells.map(cellOf).join(",")}\r\n`;
  }
}

/**
 * A cell that a spreadsheet would take for a formula gets a leading apostrophe, then RFC 4180 quotes.
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
function cellOf(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function timeOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
