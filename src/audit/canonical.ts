import canonicalize from "canonicalize";

/** JSON.stringify writes a lone surrogate as an escape in lower case; an escaped backslash before `ud8` is taken for one. */
const LONE = /\\ud[89a-f]/;
/** Such names come first in every object, whatever the order they were put in. */
const INDEX = /^\d{1,10}$/;

/** False: no string in this JSON text has a lone surrogate. */
export const mayBeIllFormed = (json: string): boolean => LONE.test(json);

/**
 * Canonical JSON (RFC 8785) of plain JSON data. JavaScript's own JSON is canonical once the names are in order, and
 * several times faster than the library that proves it in the tests; what that does not cover is left to the library.
 * @throws what the library throws for strings that are no Unicode text
 */
export function canonicalText(value: object): string {
  const ordered = inOrder(value);
  const text = ordered === undefined ? undefined : JSON.stringify(ordered);
  return text === undefined || mayBeIllFormed(text) ? (canonicalize(value) ?? "") : text;
}

/** A copy with sorted names; undefined when there is something in it that cannot be put in order like that. */
function inOrder(value: unknown): unknown {
  if (value === undefined || typeof value === "bigint" || typeof value === "function" || typeof value === "symbol")
    return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(inOrder);
    return items.includes(undefined) ? undefined : items;
  }
  if ("toJSON" in value) return undefined;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value).sort()) {
    const item = inOrder((value as Record<string, unknown>)[name]);
    if (item === undefined || INDEX.test(name) || name === "__proto__") return undefined;
    copy[name] = item;
  }
  return copy;
}
