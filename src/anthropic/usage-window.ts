const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export type BucketWidth = "1m" | "1h" | "1d";
export interface Span {
  from: number;
  to: number;
}
/** One question to a report: begins and ends on a border of its buckets. */
export interface Piece extends Span {
  width: BucketWidth;
}

const WIDTH_MS: Record<BucketWidth, number> = { "1m": MINUTE, "1h": HOUR, "1d": DAY };
/** The longest range that one question may cover (facts: anthropic-api.md 3.1). */
const LONGEST_MS: Record<BucketWidth, number> = { "1m": DAY, "1h": 31 * DAY, "1d": 31 * DAY };

const down = (at: number, unit: number): number => Math.floor(at / unit) * unit;
const up = (at: number, unit: number): number => Math.ceil(at / unit) * unit;

/**
 * The questions that cover [from, to) whole, in order. The outer ends are rounded outwards, because both reports drop
 * or round partial buckets and a key used in one must not look unused. Windows of more than a day are asked for in
 * minutes at their two ends and in hours between.
 */
export function piecesOf(from: number, to: number, bucket: "day" | "minute"): Piece[] {
  if (bucket === "day") return cut(down(from, DAY), up(to, DAY), "1d");
  const [start, end] = [down(from, MINUTE), up(to, MINUTE)];
  if (end - start <= DAY) return cut(start, end, "1m");
  const [firstHour, lastHour] = [up(start, HOUR), down(end, HOUR)];
  return [...cut(start, firstHour, "1m"), ...cut(firstHour, lastHour, "1h"), ...cut(lastHour, end, "1m")];
}

function cut(from: number, to: number, width: BucketWidth): Piece[] {
  const pieces: Piece[] = [];
  for (let start = from; start < to; start += LONGEST_MS[width]) {
    pieces.push({ from: start, to: Math.min(to, start + LONGEST_MS[width]), width });
  }
  return pieces;
}

/** The minutes of a bucket that is wider than one; null when it is not. */
export function minutesOf(bucket: Span): Piece | null {
  return bucket.to - bucket.from <= WIDTH_MS["1m"] ? null : { from: bucket.from, to: bucket.to, width: "1m" };
}

/** Whether a bucket has any moment in common with [from, to). */
export const overlaps = (bucket: Span, from: number, to: number): boolean => bucket.from < to && bucket.to > from;
