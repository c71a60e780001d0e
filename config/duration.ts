/** Units from large to small, in milliseconds. No months or years: their length is not fixed. */
const UNITS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
type Unit = keyof typeof UNITS;
const NAMES = Object.keys(UNITS) as Unit[];

/** What the JSON Schema shows; `parseDuration` also demands that units come from large to small, each once. */
export const DURATION_PATTERN = "^(\\d+w)?(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$";
const DURATION = new RegExp(DURATION_PATTERN);

/** About 27 years: more is a typing error, and timers stay within safe integers. */
const LONGEST = 9999 * UNITS.d;

/**
 * Milliseconds of `90d`, `24h`, `1d12h`, `500ms`. There is no minimum: tests and the demo compress time.
 * @returns a sentence that says what is wrong and what to write instead, when it is not a duration
 */
export function parseDuration(input: unknown): { ms: number } | { problem: string } {
  if (typeof input === "number") {
    return { problem: `${input} has no unit; write ${input}d for days (units: w, d, h, m, s, ms)` };
  }
  if (typeof input !== "string") return { problem: "must be a duration such as 90d, 24h or 30m" };
  const text = input.trim();
  if (/^\d+$/.test(text)) return { problem: `${text} has no unit; write ${text}d for days (units: w, d, h, m, s, ms)` };
  if (text === "" || !DURATION.test(text)) {
    return { problem: "is not a duration; write whole numbers with units, largest first, such as 90d, 24h or 1d12h" };
  }
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|[wdhms])/g)) ms += Number(digits) * UNITS[unit as Unit];
  if (ms > LONGEST) return { problem: "is longer than 9999d" };
  return { ms };
}

/** The shortest exact form: 5400000 is `1h30m`. Reads back as the same number; weeks are printed as days. */
export function formatDuration(ms: number): string {
  let rest = Math.trunc(ms);
  const parts: string[] = [];
  for (const unit of NAMES.slice(1)) {
    const count = Math.floor(rest / UNITS[unit]);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * UNITS[unit];
  }
  return parts.join("") || "0s";
}
