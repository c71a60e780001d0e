import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fireTimesOf, previousFire } from "../../src/schedule/fire-times.ts";
import { zoneNamed } from "../../src/schedule/zoned-time.ts";

const DAY = 86_400_000;
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

describe("the last time a schedule should have fired", () => {
  it.each([
    {
      when: "UTC, the minute itself",
      pattern: "0 9 * * 1-5",
      zone: "UTC",
      now: "2026-11-20T09:00:00Z",
      last: "2026-11-20T09:00:00.000Z",
    },
    {
      when: "UTC, a millisecond before",
      pattern: "0 9 * * 1-5",
      zone: "UTC",
      now: "2026-11-20T08:59:59.999Z",
      last: "2026-11-19T09:00:00.000Z",
    },
    {
      when: "over a weekend",
      pattern: "0 9 * * 1-5",
      zone: "UTC",
      now: "2026-11-23T08:00:00Z",
      last: "2026-11-20T09:00:00.000Z",
    },
    {
      when: "a zone ahead of UTC",
      pattern: "0 9 * * *",
      zone: "Asia/Kolkata",
      now: "2026-11-20T03:30:00Z",
      last: "2026-11-20T03:30:00.000Z",
    },
    {
      when: "a zone where it is still yesterday",
      pattern: "0 20 * * *",
      zone: "America/Los_Angeles",
      now: "2026-11-20T05:00:00Z",
      last: "2026-11-20T04:00:00.000Z",
    },
    {
      when: "London, the half hour before the repeated hour",
      pattern: "*/30 * * * *",
      zone: "Europe/London",
      now: "2026-10-25T00:10:00Z",
      last: "2026-10-25T00:00:00.000Z",
    },
    {
      when: "London, within the repeated hour, first pass",
      pattern: "*/30 * * * *",
      zone: "Europe/London",
      now: "2026-10-25T00:40:00Z",
      last: "2026-10-25T00:30:00.000Z",
    },
    {
      when: "London, within the repeated hour, second pass",
      pattern: "*/30 * * * *",
      zone: "Europe/London",
      now: "2026-10-25T01:10:00Z",
      last: "2026-10-25T01:00:00.000Z",
    },
    {
      when: "a daily time in the repeated hour: the first pass",
      pattern: "30 1 * * *",
      zone: "Europe/London",
      now: "2026-10-25T00:35:00Z",
      last: "2026-10-25T00:30:00.000Z",
    },
    {
      when: "a daily time in the repeated hour: not again",
      pattern: "30 1 * * *",
      zone: "Europe/London",
      now: "2026-10-25T01:35:00Z",
      last: "2026-10-25T00:30:00.000Z",
    },
    {
      when: "a daily time in the gap: an hour later",
      pattern: "30 2 * * *",
      zone: "America/New_York",
      now: "2026-03-08T12:00:00Z",
      last: "2026-03-08T07:30:00.000Z",
    },
    {
      when: "a daily time in the gap: not before that",
      pattern: "30 2 * * *",
      zone: "America/New_York",
      now: "2026-03-08T07:29:59Z",
      last: "2026-03-07T07:30:00.000Z",
    },
    {
      when: "a gap over midnight",
      pattern: "30 0 * * *",
      zone: "Africa/Cairo",
      now: "2026-04-24T12:00:00Z",
      last: "2026-04-23T22:30:00.000Z",
    },
    {
      when: "half an hour's change",
      pattern: "15 2 * * *",
      zone: "Australia/Lord_Howe",
      now: "2026-10-03T20:00:00Z",
      last: "2026-10-03T15:45:00.000Z",
    },
    {
      when: "the last day of a month",
      pattern: "0 0 L * *",
      zone: "UTC",
      now: "2026-11-20T00:00:00Z",
      last: "2026-10-31T00:00:00.000Z",
    },
    {
      when: "29 February",
      pattern: "0 0 29 2 *",
      zone: "UTC",
      now: "2027-11-20T00:00:00Z",
      last: "2024-02-29T00:00:00.000Z",
    },
    {
      when: "seconds",
      pattern: "*/20 * * * * *",
      zone: "UTC",
      now: "2026-11-20T09:00:39.999Z",
      last: "2026-11-20T09:00:20.000Z",
    },
  ])("$when", ({ pattern, zone, now, last }) => {
    expect(iso(previousFire(pattern, zone, Date.parse(now)))).toBe(last);
  });

  it.each([
    { pattern: "every day", zone: "UTC" },
    { pattern: "0 25 * * *", zone: "UTC" },
    { pattern: "0 0 31 2 *", zone: "UTC" },
    { pattern: "0 9 * * *", zone: "Europe/Atlantis" },
  ])("`$pattern` in $zone is refused as a wrong configuration", ({ pattern, zone }) => {
    expect(() => fireTimesOf(pattern, zone)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});

const ZONES = [
  "UTC",
  "Europe/London",
  "Europe/Berlin",
  "Europe/Dublin",
  "Europe/Chisinau",
  "America/New_York",
  "America/St_Johns",
  "America/Havana",
  "America/Santiago",
  "America/Asuncion",
  "America/Sao_Paulo",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Asia/Beirut",
  "Asia/Gaza",
  "Asia/Tehran",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Pacific/Auckland",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
  "Pacific/Apia",
  "Antarctica/Troll",
  "Atlantic/Azores",
];

describe("over all changes of the clocks", () => {
  it.each(ZONES)("%s: a time of day fires exactly once per local day, for four years", (name) => {
    const zone = zoneNamed(name);
    for (const pattern of ["0 0 * * *", "30 2 * * *"]) {
      const fires = fireTimesOf(pattern, name);
      const days = new Set<number>();
      let at: number | null = Date.UTC(2025, 0, 1, 12);
      let count = 0;
      while (at !== null && at < Date.UTC(2029, 0, 1)) {
        at = fires.next(at);
        if (at === null) break;
        days.add(Math.floor(zone.wallAt(at) / DAY));
        count += 1;
      }
      expect(days.size).toBe(count);
      const all = [...days];
      expect(Math.max(...all) - Math.min(...all) + 1).toBe(count);
    }
  });

  it("previous and next agree: nothing lies between them, and each finds the other", () => {
    const pattern = fc.constantFrom(
      "*/30 * * * *",
      "0 9 * * 1-5",
      "30 1 * * *",
      "30 2 * * *",
      "15,45 0,1,2,3 * * *",
      "0 0 1 * *",
      "59 23 * * 0",
    );
    const now = fc.integer({ min: Date.UTC(2018, 0, 1), max: Date.UTC(2034, 0, 1) });
    const nearChange = fc
      .tuple(fc.constantFrom(...ZONES), fc.integer({ min: 2018, max: 2033 }), fc.integer({ min: -72, max: 72 }))
      .map(([zone, year, hours]) => {
        const change = firstChange(zone, year);
        return { zone, now: change + hours * 1_500_000 };
      });
    const anywhere = fc.record({ zone: fc.constantFrom(...ZONES), now });
    fc.assert(
      fc.property(pattern, fc.oneof(nearChange, anywhere), (expression, { zone, now: at }) => {
        const fires = fireTimesOf(expression, zone);
        const previous = fires.previous(at);
        const next = fires.next(at);
        if (previous === null || next === null) throw new Error("these patterns always fire");
        expect(previous).toBeLessThanOrEqual(at);
        expect(next).toBeGreaterThan(at);
        expect(fires.next(previous)).toBe(next);
        expect(fires.previous(next - 1)).toBe(previous);
        expect(fires.previous(next)).toBe(next);
      }),
      { numRuns: 300 },
    );
  });

  it("an expression for every hour never pauses for longer than its step", () => {
    for (const name of ZONES) {
      const fires = fireTimesOf("*/30 * * * *", name);
      const change = firstChange(name, 2026);
      for (let at = change - 3 * 3_600_000; at < change + 3 * 3_600_000; at += 600_000) {
        const last = fires.previous(at);
        expect(at - (last ?? 0), `${name} at ${iso(at)}`).toBeLessThanOrEqual(30 * 60_000);
      }
    }
  });
});

/** The first change of the clocks in a year to a quarter of an hour; the year's start where there is none. */
function firstChange(name: string, year: number): number {
  const zone = zoneNamed(name);
  const offset = (at: number) => zone.wallAt(at) - at;
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += DAY) {
    if (offset(day) === offset(day + DAY)) continue;
    for (let at = day; at < day + DAY; at += 900_000) if (offset(at) !== offset(at + 900_000)) return at + 900_000;
  }
  return Date.UTC(year, 0, 1);
}
