import { getTasks } from "node-cron";
import { afterEach, describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { type ScanSchedule, isMissing, startScanSchedule } from "../../src/schedule/scan-schedule.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";
import { turnedClock } from "../support/turned-clock.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string) => Date.parse(text);

/** One `serve` with a scan that notes when it ran. */
function aServe(given: {
  now: string;
  last: string | null;
  pattern?: string;
  timeZone?: string;
  fail?: () => Error | null;
}) {
  const clock = turnedClock(at(given.now));
  const log = listeningLog();
  const world = { last: given.last === null ? null : at(given.last), scans: [] as string[] };
  const start = (): ScanSchedule =>
    startScanSchedule({
      pattern: given.pattern ?? "0 9 * * 1-5",
      timeZone: given.timeZone ?? "UTC",
      scanLog: { lastSuccess: async () => world.last },
      scan: async () => {
        const error = given.fail?.() ?? null;
        world.scans.push(new Date(clock.now()).toISOString());
        if (error !== null) throw error;
        world.last = clock.now();
      },
      clock,
      log,
    });
  const schedule = start();
  open.push(schedule);
  return { clock, log, world, schedule };
}
const open: ScanSchedule[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.stop()));
  // A scheduler that is left over would fire into the next test.
  if (getTasks().size !== 0) throw new Error("a schedule was not stopped");
});

describe("the scan on schedule", () => {
  it.each([
    { when: "nothing was ever scanned", last: null, scans: 1 },
    { when: "the last scan was before the last time it should have been", last: "2026-11-20T08:59:59Z", scans: 1 },
    { when: "the last scan was at that time", last: "2026-11-20T09:00:00Z", scans: 0 },
    { when: "another replica scanned a little ahead of our clock", last: "2026-11-20T12:01:00Z", scans: 0 },
    { when: "the last scan is said to lie a year ahead", last: "2027-11-20T09:00:00Z", scans: 1 },
  ])("at the start, $when: $scans scan", async ({ last, scans }) => {
    const { clock, world } = aServe({ now: "2026-11-20T12:00:00Z", last });
    await clock.turn(10 * MINUTE);
    expect(world.scans).toHaveLength(scans);
  });

  it("scans within a minute of each tick, once, and not on the weekend", async () => {
    const { clock, world } = aServe({ now: "2026-11-19T09:00:30Z", last: "2026-11-19T09:00:10Z" });
    await clock.turn(5 * 24 * HOUR);
    expect(world.scans).toEqual(["2026-11-20T09:00:30.000Z", "2026-11-23T09:00:30.000Z", "2026-11-24T09:00:30.000Z"]);
  });

  it("a failed scan is tried again each minute until it succeeds", async () => {
    let failures = 3;
    const fail = () => (failures-- > 0 ? new KeyturnError("ADMIN_UNAVAILABLE") : null);
    const { clock, world, log } = aServe({ now: "2026-11-20T09:00:00Z", last: "2026-11-19T09:00:00Z", fail });
    await clock.turn(10 * MINUTE);
    expect(world.scans.map((time) => time.slice(11, 16))).toEqual(["09:00", "09:01", "09:02", "09:03"]);
    expect(log.events().filter((event) => event === "scan.failed")).toHaveLength(3);
  });

  it("R23: a scan that another process holds the lease for is no failure", async () => {
    const { clock, log } = aServe({
      now: "2026-11-20T09:00:00Z",
      last: null,
      fail: () => new KeyturnError("LOCK_HELD"),
    });
    await clock.turn(MINUTE / 2);
    expect(log.lines.map((line) => line.level)).toEqual(["debug"]);
  });

  it("R20: in the repeated hour of autumn a daily scan runs once", async () => {
    const { clock, world } = aServe({
      now: "2026-10-24T22:00:00Z",
      last: "2026-10-24T12:00:00Z",
      pattern: "30 1 * * *",
      timeZone: "Europe/London",
    });
    await clock.turn(6 * HOUR);
    expect(world.scans).toEqual(["2026-10-25T00:30:00.000Z"]);
  });

  it("R20: a daily scan in the hour that spring skips still runs that day", async () => {
    const { clock, world } = aServe({
      now: "2026-03-08T05:00:00Z",
      last: "2026-03-07T12:00:00Z",
      pattern: "30 2 * * *",
      timeZone: "America/New_York",
    });
    await clock.turn(6 * HOUR);
    expect(world.scans).toEqual(["2026-03-08T07:30:00.000Z"]);
  });

  it("a process that was stopped for a week makes up one scan, not seven", async () => {
    const { clock, world } = aServe({ now: "2026-11-20T10:00:00Z", last: "2026-11-20T09:00:00Z" });
    await clock.turn(MINUTE);
    clock.set(at("2026-11-27T12:00:00Z"));
    await clock.turn(5 * MINUTE);
    expect(world.scans).toHaveLength(1);
  });

  it("an error that is not ours reaches the log without its text", async () => {
    const { clock, log } = aServe({ now: "2026-11-20T09:00:00Z", last: null, fail: () => new Error("canary") });
    await clock.turn(1000);
    expect(JSON.stringify(log.lines)).not.toContain("canary");
    expect(log.events()).toContain("scan.failed");
  });

  it("node-cron's own tick scans without waiting for the next look", async () => {
    let last = Date.now();
    let scanned = () => {};
    const scan = new Promise<void>((resolve) => (scanned = resolve));
    const clock = { now: () => Date.now(), sleep: () => new Promise<void>(() => {}) };
    const record = async () => {
      last = Date.now();
      scanned();
    };
    const schedule = startScanSchedule({
      pattern: "* * * * * *",
      timeZone: "UTC",
      scanLog: { lastSuccess: async () => last },
      scan: record,
      clock,
      log: listeningLog(),
    });
    await scan;
    void schedule.stop();
    await eventually(() => getTasks().size === 0);
  });

  it("stopping waits for the running scan and starts no other", async () => {
    const clock = turnedClock(at("2026-11-20T09:00:00Z"));
    let finish = () => {};
    let scans = 0;
    const schedule = startScanSchedule({
      pattern: "* * * * *",
      timeZone: "UTC",
      scanLog: { lastSuccess: async () => null },
      scan: () => {
        scans += 1;
        return new Promise<void>((resolve) => (finish = resolve));
      },
      clock,
      log: listeningLog(),
    });
    await clock.turn(1);
    let stopped = false;
    const stopping = schedule.stop().then(() => (stopped = true));
    await clock.turn(5 * MINUTE);
    expect({ stopped, scans }).toEqual({ stopped: false, scans: 1 });
    finish();
    await stopping;
    expect(await schedule.look()).toBe(false);
  });
});

it("a schedule that never fired misses nothing", () => {
  expect(isMissing(null, null, 0)).toBe(false);
});
