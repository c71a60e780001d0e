import { hostname } from "node:os";
import type { Marks } from "../../ports/secret-store.ts";
import { MARK_PREFIX } from "../mark-entries.ts";

/**
 * The text of `.<name>.keyturn-marks`: lines `keyturn-<name>=<value>`; all other lines are somebody else's and stay.
 * Beside our entries stands the name of the host that wrote last, since a file store belongs to one host (R10).
 */
const HOST = `${MARK_PREFIX}host`;
const safeHost = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9_.:-]/g, "-")
    .slice(0, 200) || "unknown";
const LINE = /^(keyturn-[a-z][a-z0-9-]*)=([A-Za-z0-9_.:-]{1,200})$/;

const ours = (text: string): Map<string, string> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const match = LINE.exec(line.trimEnd());
      return match === null ? [] : [[match[1] as string, match[2] as string] as const];
    }),
  );

/** Our entries; `host` only when another host wrote last, which is worth a person's attention. */
export function marksIn(text: string): Marks {
  const all = ours(text);
  if (all.get(HOST) === safeHost()) all.delete(HOST);
  return Object.fromEntries([...all].map(([name, value]) => [name.slice(MARK_PREFIX.length), value]));
}

/** The text with entries set and removed; empty when none of anybody is left. */
export function withMarks(text: string, entries: Record<string, string | null>): string {
  const all = ours(text);
  for (const [name, value] of Object.entries(entries)) {
    if (value === null) all.delete(MARK_PREFIX + name);
    else all.set(MARK_PREFIX + name, value);
  }
  all.delete(HOST);
  if (all.size > 0) all.set(HOST, safeHost());
  const foreign = text.split("\n").filter((line) => line.trim() !== "" && !LINE.test(line.trimEnd()));
  return [...foreign, ...[...all].map(([name, value]) => `${name}=${value}`)].map((line) => `${line}\n`).join("");
}
