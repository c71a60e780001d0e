import { parseEnv } from "node:util";
import { KeyturnError } from "../../rotation/errors.ts";

/**
 * The text of a dotenv file, changed in one value only: comments, order, quotes, `export`, line ends and a missing
 * final newline stay as they are. Node's own parser is asked too, before and after: where it would read something
 * else than this file's scanner, the file is refused instead of guessed at.
 */

/** One `NAME=value`; the value's text is `text.slice(start, end)`, without its quotes. */
export interface Definition {
  name: string;
  value: string;
  start: number;
  end: number;
  quote: "" | "'" | '"' | "`";
  /** From the start of its first line to the end of its last, line end included. */
  from: number;
  to: number;
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*/;
/** Characters that mean the same to every dotenv reader, quoted or not: `$`, `\`, `#`, quotes and spaces do not. */
const PLAIN = /^[A-Za-z0-9_.:/+=@%,~-]+$/;
const endOfLine = (text: string, from: number): number => {
  const at = text.indexOf("\n", from);
  return at === -1 ? text.length : at + 1;
};

/** All definitions in order. A quoted value may span lines, so a line inside one is not taken for a definition. */
export function definitions(text: string): Definition[] {
  const found: Definition[] = [];
  for (let from = 0; from < text.length;) {
    const line = text.slice(from, endOfLine(text, from));
    const match = ASSIGNMENT.exec(line);
    let to = from + line.length;
    if (match !== null) {
      const at = from + match[0].length;
      const first = text[at];
      const closing = first === "'" || first === '"' || first === "`" ? text.indexOf(first, at + 1) : -1;
      const name = match[1] as string;
      if (closing === -1) {
        const value = (/^[^#\r\n]*/.exec(text.slice(at, to))?.[0] ?? "").trimEnd();
        found.push({ name, value, start: at, end: at + value.length, quote: "", from, to });
      } else {
        to = endOfLine(text, closing);
        const quote = first as "'" | '"' | "`";
        found.push({ name, value: text.slice(at + 1, closing), start: at + 1, end: closing, quote, from, to });
      }
    }
    from = to;
  }
  return found;
}

/** The definition that readers use: the last one of a name wins, in Node as in dotenv, Docker and systemd. */
const effective = (text: string, name: string): Definition | null =>
  definitions(text).findLast((definition) => definition.name === name) ?? null;

/**
 * The value of a variable; null when it is not defined or empty.
 * @throws STORE_CONFLICT when Node reads another value than we do
 */
export function readVariable(text: string, name: string): string | null {
  const definition = effective(text, name);
  const node = parseEnv(text)[name];
  if (definition === null && node === undefined) return null;
  if (definition === null || (!definition.value.includes("\\") && node !== definition.value)) {
    throw new KeyturnError(
      "STORE_CONFLICT",
      `Dotenv readers would disagree about ${name}; write it as one line NAME=value.`,
    );
  }
  return definition.value === "" ? null : definition.value;
}

/**
 * The text with the effective definition's value replaced. Earlier definitions of the name are left: no reader uses
 * them. @throws STORE_MISSING when there is none; STORE_CONFLICT when the value or the file cannot be written safely
 */
export function replaceVariable(text: string, name: string, value: string): string {
  const definition = effective(text, name);
  if (definition === null || readVariable(text, name) === null) {
    throw new KeyturnError("STORE_MISSING", `There is no variable ${name} with a value.`);
  }
  if (!PLAIN.test(value))
    throw new KeyturnError("STORE_CONFLICT", "The value has characters that dotenv readers read differently.");
  const changed = text.slice(0, definition.start) + value + text.slice(definition.end);
  const expected = JSON.stringify({ ...parseEnv(text), [name]: value });
  if (JSON.stringify(parseEnv(changed)) !== expected) {
    throw new KeyturnError("STORE_CONFLICT", `The line of ${name} cannot be changed without changing others.`);
  }
  return changed;
}
