/**
 * Wall-clock times are numbers here: what `Date.UTC` gives for the year, month … second on the clock on the wall.
 * Times are milliseconds since 1970, UTC.
 */
export interface Zone {
  /** What the clock on the wall shows at `at`. */
  wallAt(at: number): number;
  /** Every instant at which the clock on the wall shows `wall`: none in spring's gap, two in autumn's repeated hour. */
  instantsOf(wall: number): number[];
  /** The first such instant; in the gap, as much later as the clocks were put forward. */
  firstInstantOf(wall: number): number;
  /** Whether the clocks stay as they are from a day before `from` to a day after `to`. */
  isSteady(from: number, to: number): boolean;
}

const DAY_MS = 86_400_000;
/** Clocks change at full quarters of an hour, and so do their offsets' answers. */
const GRID_MS = 15 * 60_000;
const MOST_REMEMBERED = 10_000;

/** @throws RangeError for a zone that does not exist */
export function zoneNamed(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    hourCycle: "h23",
    ...({
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    } as const),
  });
  const remembered = new Map<number, number>();
  const offsetAt = (at: number): number => {
    const grid = Math.floor(at / GRID_MS) * GRID_MS;
    const known = remembered.get(grid);
    if (known !== undefined) return known;
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    const parts = Object.fromEntries(format.formatToParts(grid).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - grid;
    remembered.set(grid, offset);
    return offset;
  };
  // An offset is less than a day, so a day before and a day after lie on either side of a change near `wall`.
  const around = (wall: number) => [offsetAt(wall - DAY_MS), offsetAt(wall + DAY_MS)] as const;
  const instantsOf = (wall: number): number[] => {
    const candidates = new Set(around(wall).map((offset) => wall - offset));
    return [...candidates].filter((at) => at + offsetAt(at) === wall).toSorted((a, b) => a - b);
  };
  return {
    wallAt: (at) => at + offsetAt(at),
    instantsOf,
    firstInstantOf: (wall) => instantsOf(wall)[0] ?? wall - around(wall)[0],
    isSteady: (from, to) => {
      const first = offsetAt(from - DAY_MS);
      for (let at = from; at <= to + DAY_MS; at += DAY_MS / 2) if (offsetAt(at) !== first) return false;
      return offsetAt(to + DAY_MS) === first;
    },
  };
}
