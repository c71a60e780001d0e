import { KeyturnError } from "../rotation/errors.ts";

/**
 * One top-level field of a JSON document kept as text. A document is changed by replacing the characters of one value:
 * parsing and printing it again would round numbers beyond 2^53 and could reorder keys of other people (P9).
 * No error quotes the document.
 */

interface Member {
  key: string;
  /** The value's text is `doc.slice(start, end)`. */
  start: number;
  end: number;
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t\r\n]*/y;

const refuse = (why: string): never => {
  throw new KeyturnError("STORE_CONFLICT", why);
};

/** Throws unless `doc` is valid JSON; the parser's own message is dropped, since it quotes the text. */
function parsed(doc: string): unknown {
  try {
    return JSON.parse(doc) as unknown;
  } catch {
    return refuse("The value is not JSON, but the destination names a field.");
  }
}

/** Top-level members in the order of the document, which is known to be valid JSON. */
function members(doc: string): Member[] {
  const value = parsed(doc);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse("The value is JSON, but not an object with fields.");
  }
  const found: Member[] = [];
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(doc)?.[0] ?? "";
    at += text.length;
    return text;
  };
  const skip = (count: number): void => {
    take(SPACE);
    at += count;
    take(SPACE);
  };
  skip(1); // the opening brace
  while (doc[at] === '"') {
    const key = JSON.parse(take(STRING)) as string;
    skip(1); // the colon
    const start = at;
    let end = at;
    for (let depth = 0; at < doc.length;) {
      const c = doc[at] as string;
      if (depth === 0 && (c === "," || c === "}")) break;
      if (c === '"') take(STRING);
      else {
        if (c === "{" || c === "[") depth += 1;
        if (c === "}" || c === "]") depth -= 1;
        at += 1;
      }
      if (!/\s/.test(c)) end = at;
    }
    found.push({ key, start, end });
    if (doc[at] === ",") skip(1);
  }
  return found;
}

function memberOf(doc: string, field: string): Member | null {
  const named = members(doc).filter((member) => member.key === field);
  if (named.length > 1) refuse(`The field ${JSON.stringify(field)} appears twice in the document.`);
  return named[0] ?? null;
}

/**
 * The text in a top-level field; null when the field is missing, null or empty.
 * @throws STORE_CONFLICT when the document is not a JSON object, the field appears twice or holds no text
 */
export function readField(doc: string, field: string): string | null {
  const member = memberOf(doc, field);
  if (member === null) return null;
  const value = JSON.parse(doc.slice(member.start, member.end)) as unknown;
  if (value === null || value === "") return null;
  return typeof value === "string" ? value : refuse(`The field ${JSON.stringify(field)} holds no text.`);
}

/**
 * The document with that one value replaced and every other character as it was.
 * @throws STORE_MISSING when the field is missing; STORE_CONFLICT as `readField`
 */
export function replaceField(doc: string, field: string, value: string): string {
  readField(doc, field);
  const member = memberOf(doc, field);
  if (member === null) throw new KeyturnError("STORE_MISSING", `There is no field ${JSON.stringify(field)}.`);
  return doc.slice(0, member.start) + JSON.stringify(value) + doc.slice(member.end);
}

/**
 * Whether two documents are equal apart from `field`. Order of keys and white space do not count; numbers are compared
 * as written. @throws STORE_CONFLICT when either is not a JSON object
 */
export function differsOnlyInField(a: string, b: string, field: string): boolean {
  const rest = (doc: string): string =>
    members(doc)
      .filter((member) => member.key !== field)
      .map((member) => `${JSON.stringify(member.key)}:${compact(doc.slice(member.start, member.end))}`)
      .toSorted()
      .join();
  return rest(a) === rest(b);
}

/** JSON text without white space between its tokens. */
const compact = (json: string): string => json.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (t) => (t.startsWith('"') ? t : ""));
