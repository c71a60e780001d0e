import { createTask, parse } from "node-cron";
import { fireTimesOf } from "./fire-times.ts";

const DAY_MS = 86_400_000;
/** Every pattern but one for 29 February fires twice within this. */
const MOST_DAYS = 2 * 366;
const ENOUGH_DAYS = 366;

/**
 * The longest time between two runs of a cron expression in the year to come, in milliseconds; changes of the clocks, an hour
 * at most, are left out. Counted by days and not by runs: there may be 30 million of those.
 * @returns null when it does not fire @throws CONFIG_INVALID for an expression or zone that does not exist
 */
export function longestPause(pattern: string, timeZone: string, now: number): number | null {
  fireTimesOf(pattern, timeZone); // refuses what cannot be read
  const times = timesOfDay(pattern);
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return null;
  const withinDay = times.reduce((most, at, i) => Math.max(most, at - (times[i - 1] ?? at)), 0);
  const days = daysOf(pattern, first, now);
  if (days.length === 0) return null;
  if (days.length === 1) return MOST_DAYS * DAY_MS;
  const between = days.slice(1).map((day, i) => day + first - ((days[i] ?? day) + last));
  return Math.max(withinDay, ...between);
}

/** Ascending, in milliseconds since midnight. */
function timesOfDay(pattern: string): number[] {
  const { hour, minute, second } = parse(pattern);
  const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  return ascending(hour).flatMap((h) =>
    ascending(minute).flatMap((m) => ascending(second).map((s) => ((h * 60 + m) * 60 + s) * 1000)),
  );
}

/** Midnights of the days on which it fires. */
function daysOf(pattern: string, first: number, now: number): number[] {
  const task = createTask(pattern, () => undefined, { timezone: "UTC" });
  // It is only asked, never started; node-cron keeps a list of all tasks that are not destroyed.
  void task.destroy();
  const today = Math.floor(now / DAY_MS);
  const days: number[] = [];
  for (let n = 0; n < MOST_DAYS && (n < ENOUGH_DAYS || days.length < 2); n += 1) {
    const midnight = (today + n) * DAY_MS;
    if (task.match(new Date(midnight + first))) days.push(midnight);
  }
  return days;
}
