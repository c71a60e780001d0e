import { KeyturnError } from "../../rotation/errors.ts";
import { type Definition, definitions } from "./document.ts";

/**
 * The text of `.<name>.keyturn-pending`: one line per value, so that one rotation's entry never touches another's.
 *
 *     # <rotation>.<FIELD> base=<version> at=<milliseconds>
 *     <rotation>.<FIELD>=<the replacement, pending>
 *     <rotation>.previous.<FIELD>=<what promote replaced, kept for rolling back (R14)>
 *     <FIELD>=<put here by an operator, by hand (R12)>
 */
const HEADER = "# Pending keys of Keyturn. To hand a key over by hand, add a line FIELD=key.\n";

export interface PendingEntry {
  value: string;
  base: string | null;
  at: number | null;
}

/** Rotation ids stand before a dot, so they may not contain one. @throws INTERNAL */
const checked = (rotationId: string): string => {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(rotationId))
    throw new KeyturnError("INTERNAL", "The rotation id does not fit into a file.");
  return rotationId;
};
const pendingName = (rotationId: string, field: string) => `${checked(rotationId)}.${field}`;
const previousName = (rotationId: string, field: string) => `${checked(rotationId)}.previous.${field}`;

const find = (text: string, name: string): Definition | null =>
  definitions(text).findLast((one) => one.name === name) ?? null;
const valueOf = (text: string, name: string): string | null => find(text, name)?.value || null;

export function pendingOf(text: string, rotationId: string, field: string): PendingEntry | null {
  const name = pendingName(rotationId, field);
  const value = valueOf(text, name);
  if (value === null) return null;
  const note = text.split("\n").find((line) => line.startsWith(`# ${name} `)) ?? "";
  const at = /\bat=(\d+)/.exec(note)?.[1];
  return { value, base: /\bbase=([0-9a-f]+)/.exec(note)?.[1] ?? null, at: at === undefined ? null : Number(at) };
}
export const previousOf = (text: string, rotationId: string, field: string): string | null =>
  valueOf(text, previousName(rotationId, field));
export const operatorsOf = (text: string, field: string): string | null => valueOf(text, field);

/** Rotations with a pending or previous value in this file, whatever the field. */
export const rotationsIn = (text: string): string[] => [
  ...new Set(definitions(text).flatMap(({ name }) => (name.includes(".") ? [name.slice(0, name.indexOf("."))] : []))),
];

/** Removes all definitions of a name, and our note above it. */
function without(text: string, name: string): string {
  let rest = text;
  for (const { from, to } of definitions(text)
    .filter((one) => one.name === name)
    .toReversed())
    rest = rest.slice(0, from) + rest.slice(to);
  return rest
    .split("\n")
    .filter((line) => !line.startsWith(`# ${name} `))
    .join("\n");
}

/** Appends after whatever an operator left, who may have forgotten the final newline. */
const append = (text: string, lines: string): string =>
  (text === "" || isOverwritten(text) ? HEADER : text.endsWith("\n") ? text : `${text}\n`) + lines;

/** Also takes over what an operator staged for the field: the caller has seen that it is the same value. */
export function withPending(
  text: string,
  rotationId: string,
  field: string,
  entry: { value: string; base: string; at: number },
): string {
  const name = pendingName(rotationId, field);
  const rest = without(without(text, name), field);
  return append(rest, `# ${name} base=${entry.base} at=${entry.at}\n${name}=${entry.value}\n`);
}
export function withPrevious(text: string, rotationId: string, field: string, value: string): string {
  const name = previousName(rotationId, field);
  return append(without(text, name), `${name}=${value}\n`);
}
export const withoutPending = (text: string, rotationId: string, field: string, operators: boolean): string => {
  const rest = without(text, pendingName(rotationId, field));
  return operators ? without(rest, field) : rest;
};
export const withoutPrevious = (text: string, rotationId: string, field: string): string =>
  without(text, previousName(rotationId, field));

/** What a process killed while destroying the file left of it: its length in zero bytes. */
const isOverwritten = (text: string): boolean => /^\0+$/.test(text);
/** Nothing but our own header, or overwritten: the file may go. */
export const isEmpty = (text: string): boolean => isOverwritten(text) || text.replace(HEADER, "").trim() === "";
/** Lines of an operator, whose time is the file's. */
export const hasOperators = (text: string): boolean => definitions(text).some(({ name }) => !name.includes("."));
