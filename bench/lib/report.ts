/** One line of a result table. */
export type Row = readonly (string | number)[];

export interface Section {
  title: string;
  /** What was compared, in a sentence or two. */
  about: string;
  head: Row;
  rows: Row[];
  /** Goals and whether they were met, each a sentence. */
  verdicts: string[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export const round = (value: number, digits = 0): string => value.toFixed(digits);
export const range = (values: readonly number[], digits = 2): string =>
  `${round(Math.min(...values), digits)} to ${round(Math.max(...values), digits)}`;

/** "met" or by how much it was missed. */
export function verdict(
  what: string,
  value: number,
  goal: { atMost: number } | { atLeast: number },
  unit = "",
): string {
  const [word, limit, met] =
    "atMost" in goal
      ? ["at most", goal.atMost, value <= goal.atMost]
      : ["at least", goal.atLeast, value >= goal.atLeast];
  const says = `${what}: ${round(value, 2)}${unit}, goal ${word} ${limit}${unit}`;
  return met ? `${says}: met.` : `${says}: missed by ${round(Math.abs(value - limit), 2)}${unit}.`;
}

export function markdown({ title, about, head, rows, verdicts }: Section): string {
  const line = (row: Row) => `| ${row.join(" | ")} |`;
  const table = [line(head), line(head.map((_, n) => (n === 0 ? "---" : "---:"))), ...rows.map(line)];
  return [`## ${title}`, "", about, "", ...table, "", ...verdicts.map((each) => `- ${each}`), ""].join("\n");
}
