/** Columns padded to their widest cell; control characters in names are shown, not obeyed. */
export function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => printable(cell)));
  const widths = clean[0]?.map((_, i) => Math.max(...clean.map((row) => row[i]?.length ?? 0))) ?? [];
  return clean
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Names come from outside: an escape sequence in one must not reach the terminal. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "�");

/** `in 3 days`, `2 hours ago`: for people; the JSON has the exact time. */
export function relative(at: string | null, now: number): string {
  if (at === null) return "–";
  const ms = Date.parse(at) - now;
  const said = lasting(Math.abs(ms));
  return ms >= 0 ? `in ${said}` : `${said} ago`;
}

/** `3 days`: the largest unit that fits, rounded. @param ms without a sign */
export function lasting(ms: number): string {
  const [amount, unit] = largest(ms);
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

function largest(ms: number): [number, string] {
  if (ms >= 86_400_000) return [Math.round(ms / 86_400_000), "day"];
  if (ms >= 3_600_000) return [Math.round(ms / 3_600_000), "hour"];
  if (ms >= 60_000) return [Math.round(ms / 60_000), "minute"];
  return [Math.round(ms / 1000), "second"];
}
