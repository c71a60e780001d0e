import { type ScheduledTask, createTask, parse, validateDetailed } from "node-cron";
import { KeyturnError } from "../rotation/errors.ts";
import { type Zone, zoneNamed } from "./zoned-time.ts";

/** When a cron expression fires, also over changes of the clocks. All times in milliseconds since 1970. */
export interface FireTimes {
  /** The last time at or before `now`; null when there was none in five years. */
  previous(now: number): number | null;
  /** The first time after `now`; null when there is none in five years. */
  next(now: number): number | null;
}

const DAY_MS = 86_400_000;
/** A pattern for 29 February fires within this. */
const MOST_DAYS = 5 * 366;

/**
 * Fields are read by node-cron; when they fire is settled here, because node-cron drops what falls into the hour that
 * is skipped in spring or repeated in autumn (stack.md section 7). A time of day fires once per day: in the gap as much
 * later as the clocks went forward, in the repeated hour the first time. An expression for every hour fires in every
 * hour that passes.
 * @throws CONFIG_INVALID for an expression or a zone that does not exist
 */
export function fireTimesOf(pattern: string, timeZone: string): FireTimes {
  const { fires, zone } = readPattern(pattern, timeZone);
  const search = (now: number, step: 1 | -1): number | null => {
    const today = Math.floor(zone.wallAt(now) / DAY_MS);
    const wanted = (at: number): boolean => (step === 1 ? at > now : at <= now);
    const better = (a: number, b: number): number => (step === 1 ? Math.min(a, b) : Math.max(a, b));
    // One day in the other direction first: a gap moves times across midnight.
    for (let n = -1; n <= MOST_DAYS; n += 1) {
      const day = today + n * step;
      const found = best(fires(day, step), wanted, better, zone.isSteady(day * DAY_MS, (day + 1) * DAY_MS));
      if (found === null) continue;
      const beside = best(fires(day + step, step), wanted, better, false);
      return beside === null ? found : better(found, beside);
    }
    return null;
  };
  return { previous: (now) => search(now, -1), next: (now) => search(now, 1) };
}

/** With steady clocks, times come in order, and the first that is wanted is the best. */
function best(
  times: Iterable<number>,
  wanted: (at: number) => boolean,
  better: (a: number, b: number) => number,
  inOrder: boolean,
): number | null {
  let found: number | null = null;
  for (const at of times) {
    if (!wanted(at)) continue;
    if (inOrder) return at;
    found = found === null ? at : better(found, at);
  }
  return found;
}

function readPattern(pattern: string, timeZone: string) {
  const zone = zoneOrRefusal(timeZone);
  if (!validateDetailed(pattern).valid) {
    throw new KeyturnError("CONFIG_INVALID", `(schedule.scan: \`${pattern}\` is not a cron expression)`);
  }
  const { hour, minute, second } = parse(pattern);
  const everyHour = hour.length === 24;
  const matches = matcherOf(pattern);
  /** In order of the wall clock, ascending for 1 and descending for -1. */
  function* fires(day: number, step: 1 | -1): Generator<number> {
    const first = ((hour[0] ?? 0) * 3600 + (minute[0] ?? 0) * 60 + (second[0] ?? 0)) * 1000;
    if (!matches(day * DAY_MS + first)) return;
    for (const h of ordered(hour, step)) {
      for (const m of ordered(minute, step)) {
        for (const s of ordered(second, step)) {
          const wall = day * DAY_MS + (h * 3600 + m * 60 + s) * 1000;
          if (everyHour) yield* zone.instantsOf(wall);
          else yield zone.firstInstantOf(wall);
        }
      }
    }
  }
  return { zone, fires };
}

const ordered = (values: readonly number[], step: 1 | -1): number[] => values.toSorted((a, b) => (a - b) * step);

/** Whether the pattern fires at a wall-clock time; dates such as L and 1#2 are node-cron's to read. */
function matcherOf(pattern: string): (wall: number) => boolean {
  const task: ScheduledTask = createTask(pattern, () => undefined, { timezone: "UTC" });
  // It is only asked, never started; node-cron keeps a list of all tasks that are not destroyed.
  void task.destroy();
  return (wall) => task.match(new Date(wall));
}

function zoneOrRefusal(timeZone: string): Zone {
  try {
    return zoneNamed(timeZone);
  } catch {
    throw new KeyturnError("CONFIG_INVALID", `(schedule.timeZone: \`${timeZone}\` is not a time zone)`);
  }
}

/** The last time at or before `now`; see `fireTimesOf`. */
export const previousFire = (pattern: string, timeZone: string, now: number): number | null =>
  fireTimesOf(pattern, timeZone).previous(now);
