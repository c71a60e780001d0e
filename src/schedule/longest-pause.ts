import { fireTimesOf } from "./fire-times.ts";

const DAY_MS = 86_400_000;
/** Weekends and the turn of a month lie within. */
const AHEAD_MS = 35 * DAY_MS;
/** An expression for every second need not be followed for weeks. */
const MOST = 2000;

/**
 * The longest time between two runs of a cron expression in the next five weeks, in milliseconds.
 * @returns null when it does not fire in years @throws CONFIG_INVALID for an expression or zone that does not exist
 */
export function longestPause(pattern: string, timeZone: string, now: number): number | null {
  const times = fireTimesOf(pattern, timeZone);
  let last = times.next(now);
  if (last === null) return null;
  let longest = 0;
  for (let n = 0; n < MOST && last < now + AHEAD_MS; n += 1) {
    const next = times.next(last);
    if (next === null) return Infinity;
    longest = Math.max(longest, next - last);
    last = next;
  }
  return longest;
}
