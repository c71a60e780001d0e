import { KeyturnError } from "../rotation/errors.ts";

/** What every manager takes in a tag, annotation or file line (R16). */
const NAME = /^[a-z][a-z0-9-]{0,30}$/;
const VALUE = /^[A-Za-z0-9_.:-]{1,200}$/;

export const MARK_PREFIX = "keyturn-";

/**
 * Refuses entries that would not fit the strictest manager, or that look like key text (P3).
 * @throws INTERNAL naming the entry, never its value
 */
export function checkMarks(entries: Record<string, string | null>): void {
  for (const [name, value] of Object.entries(entries)) {
    if (!NAME.test(name)) throw new KeyturnError("INTERNAL", "A mark has a name that does not fit.");
    if (value === null) continue;
    if (!VALUE.test(value) || value.includes("sk-ant-")) {
      throw new KeyturnError("INTERNAL", `The mark ${name} has a value that may not be written.`);
    }
  }
}
