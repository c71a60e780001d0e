import { printable } from "../cli/format/table.ts";

/** One line of what the demo shows. */
export interface Line {
  /** Milliseconds since 1970. */
  at: number;
  /** The rotation's new state, or who acts. */
  label: string;
  text: string;
  /** Commands and addresses to copy: a line each, never broken. */
  copy?: readonly string[];
}

const LABEL_WIDTH = 20;
/** `1234.5 s  ` and the label with its gap. */
const INDENT = 10 + LABEL_WIDTH + 2;

/**
 * ` 12.3 s  promoting             text`, continued under the text when it is longer than the line. Pure.
 * @param startedAt milliseconds since 1970
 * @param width of the terminal, in characters
 */
export function formatLine(line: Line, startedAt: number, width: number): string {
  const seconds = (Math.max(0, line.at - startedAt) / 1000).toFixed(1).padStart(6);
  const [first = "", ...rest] = wrap(printable(line.text), Math.max(40, width - INDENT));
  const head = `${seconds} s  ${line.label.padEnd(LABEL_WIDTH)}  ${first}`.trimEnd();
  return [
    head,
    ...rest.map((text) => " ".repeat(INDENT) + text),
    ...(line.copy ?? []).map((text) => `    ${text}`),
  ].join("\n");
}

/** Breaks at spaces; a word that is longer than the line (a path) stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Time of day in UTC, to the second: what logs and reports show. */
export const timeOfDay = (at: number): string => new Date(at).toISOString().slice(11, 19);

/** `4 s`, `2 min`: for sentences. */
export const inWords = (ms: number): string =>
  ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;

/** A word of a command line, so that it can be pasted into a shell as it is. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
