import { type ScheduledTask, schedule } from "node-cron";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/notifier.ts";
import type { ScanLog } from "../ports/rotations.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { fireTimesOf } from "./fire-times.ts";

export interface ScanScheduleOptions {
  pattern: string;
  timeZone: string;
  /** Records its success in `scanLog`; takes a lease, so that replicas do not scan twice. */
  scan: () => Promise<unknown>;
  scanLog: Pick<ScanLog, "lastSuccess">;
  clock: Clock;
  log: Log;
  /** Between two looks for a missed scan (milliseconds). */
  lookEveryMs?: number;
}

export interface ScanSchedule {
  /** Scans if one is missing. Never throws. @returns whether it scanned successfully */
  look(): Promise<boolean>;
  nextScan(): number | null;
  /** No more scans begin; resolves when a running one ended. Safe to repeat. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 60_000;
/** node-cron drops a tick that is later than this; our own look makes it up anyway. */
const TOLERANCE_MS = 30_000;
/** Replicas' clocks differ a little; a record further ahead is not believed (milliseconds). */
const CLOCK_DOUBT_MS = 5 * 60_000;

/**
 * Scans on schedule. The tick only asks to look; whether a scan is missing follows from the last success and the last
 * time the schedule should have fired. So a tick that was missed (process down, clocks changed, Redis away, scan
 * failed) is made up within a minute, and one that came twice is one scan.
 * @throws CONFIG_INVALID for an expression or a zone that does not exist
 */
export function startScanSchedule(options: ScanScheduleOptions): ScanSchedule {
  const { clock, log } = options;
  const fires = fireTimesOf(options.pattern, options.timeZone);
  const stopping = new AbortController();
  let running: Promise<boolean> | null = null;

  const look = async (): Promise<boolean> => {
    if (stopping.signal.aborted) return false;
    const now = clock.now();
    try {
      if (!isMissing(fires.previous(now), await options.scanLog.lastSuccess(), now)) return false;
      await options.scan();
      return true;
    } catch (error) {
      const known = asKeyturnError(error);
      if (known.code === "LOCK_HELD") log.debug({ event: "scan.elsewhere" }, "Another process scans");
      else
        log.warn(
          { event: "scan.failed", code: known.code, err: known.code === "INTERNAL" ? known : undefined },
          `The scan failed and is tried again: ${known.message}`,
        );
      return false;
    }
  };
  const single = (): Promise<boolean> => (running ??= look().finally(() => (running = null)));

  const task = schedule(options.pattern, async () => void (await single()), {
    timezone: options.timeZone,
    noOverlap: true,
    missedExecutionTolerance: TOLERANCE_MS,
    suppressMissedWarning: true,
    logger: asLogger(log),
  });
  const looking = lookRepeatedly(single, options, stopping.signal);
  return {
    look: single,
    nextScan: () => fires.next(clock.now()),
    stop: async () => {
      stopping.abort();
      await end(task);
      await Promise.allSettled([looking, running]);
    },
  };
}

/** No success at all counts as missing: the first start scans at once. */
export function isMissing(lastFire: number | null, lastSuccess: number | null, now: number): boolean {
  if (lastFire === null) return false;
  if (lastSuccess === null || lastSuccess > now + CLOCK_DOUBT_MS) return true;
  return lastSuccess < lastFire;
}

async function lookRepeatedly(
  look: () => Promise<boolean>,
  { clock, lookEveryMs }: ScanScheduleOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await look();
    await clock.sleep(lookEveryMs ?? LOOK_EVERY_MS, signal).catch(() => undefined);
  }
}

const end = async (task: ScheduledTask): Promise<void> => {
  await task.destroy();
};

/** node-cron's words about its own doings; its default is a coloured console. */
function asLogger(log: Log) {
  const say = (level: "debug" | "info" | "warn" | "error") => () =>
    log[level]({ event: `schedule.${level}` }, "A message of the scheduler");
  return { debug: say("debug"), info: say("debug"), warn: say("warn"), error: say("error") };
}
