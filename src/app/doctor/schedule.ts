import type { Policy, Settings } from "../../ports/settings.ts";
import { type Finding, pass, trouble, warn } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

const NAME = "schedule";

/** What waits for a time, as a person finds it in the configuration. A quiet time of 0 waits for nothing. */
const timersOf = ({ approval, replacementWithinMs, drain, propagationLimitMs, gracePeriodMs }: Policy) => [
  ...(approval.required ? [{ path: "approval.expiresAfter", ms: approval.expiresAfterMs }] : []),
  { path: "replacementWithin", ms: replacementWithinMs },
  { path: "propagation.limit", ms: propagationLimitMs },
  { path: "drain.limit", ms: drain.limitMs },
  { path: "gracePeriod", ms: gracePeriodMs },
];

/** A CronJob that is so late does not run: less is a queue, a slow image or a long list of keys. */
const LATE_MS = 60 * 60_000;

/**
 * Who scans, and who looks after timers. Without a `serve`, timers are looked at only when `run-once` runs, which is assumed
 * to be as often as `schedule.scan` (R21): a warning where that pause exceeds half of a timer.
 */
export async function checkSchedule(
  s: Pick<Surroundings, "schedule" | "settings" | "redis" | "clock">,
): Promise<Finding[]> {
  const pauseMs = pauseOf(s.schedule);
  if (typeof pauseMs !== "number" && pauseMs !== null) return [trouble(NAME, pauseMs.error)];
  if (pauseMs === null) return [warn(NAME, `\`${s.schedule.scan}\` never fires`, "Correct schedule.scan.")];
  const serving = await servingNow(s);
  return [timers(s, pauseMs, serving), ...(await overdue(s))];
}

/** null: not known. */
async function servingNow({ redis }: Pick<Surroundings, "redis">): Promise<number | null> {
  try {
    const patient = await redis();
    const seen = await patient.processes();
    const serving = seen.filter(({ kind }) => kind === "serve").length;
    if (serving > 0) return serving;
    // A `serve` of an earlier version does not say that it is there; a `run-once` under way has a worker too.
    return seen.some(({ kind }) => kind === "run-once") ? 0 : await patient.workers();
  } catch {
    return null;
  }
}

function timers(
  { schedule, settings }: Pick<Surroundings, "schedule" | "settings">,
  pauseMs: number,
  serving: number | null,
): Finding {
  const isJob = schedule.mode === "cronjob";
  const said = `\`${schedule.scan}\``;
  if (serving !== null && serving > 0)
    return pass(
      NAME,
      `${isJob ? "a CronJob scans" : "scans"} at ${said}; ${serving} serving now, so timers are looked after at once`,
    );
  const [shortest] = shortestTimers(settings);
  if (shortest === undefined || pauseMs <= shortest.ms / 2)
    return pass(
      NAME,
      isJob
        ? `a CronJob at ${said} is often enough for every timer, also when it runs \`run-once\` and there is no \`serve\``
        : `${said} is often enough for every timer, also without a \`serve\``,
    );
  const nobody = serving === 0 ? "no `serve` runs now" : "whether a `serve` runs is not known";
  const tooLong = `up to ${span(pauseMs)} between runs at ${said} is more than half of ${shortest.path} (${span(shortest.ms)})`;
  return isJob
    ? warn(
        NAME,
        `${nobody}, so timers wait for the CronJob's next \`run-once\`; ${tooLong}`,
        "Let the CronJob run more often (its schedule and schedule.scan are the same), lengthen the timer, or run `serve` beside it.",
      )
    : warn(
        NAME,
        `${nobody}; ${tooLong}`,
        "Run `serve`; or run `run-once` more often and say so in schedule.scan; or lengthen the timer.",
      );
}

/** Where a CronJob scans, nobody makes a missed scan up: it is worth a line that there was none. */
async function overdue({
  schedule,
  redis,
  clock,
}: Pick<Surroundings, "schedule" | "redis" | "clock">): Promise<Finding[]> {
  if (schedule.mode !== "cronjob") return [];
  const last = await redis()
    .then((patient) => patient.lastScan())
    .catch(() => null);
  const due = schedule.previousAt();
  // None at all: a new installation, whose first one is still to come.
  if (last === null || due === null || last >= due || clock.now() - due < LATE_MS) return [];
  return [
    warn(
      NAME,
      `no scan has ended well since ${new Date(last).toISOString()}, although one was due ${new Date(due).toISOString()}`,
      "Look at the CronJob: `kubectl get cronjob,job`, whether it is suspended, and the log of its last pod.",
    ),
  ];
}

/** An expression that `serve` would refuse to start with is no matter of a warning. */
function pauseOf(schedule: Surroundings["schedule"]): number | null | { error: unknown } {
  try {
    return schedule.longestPauseMs();
  } catch (error) {
    return { error };
  }
}

function shortestTimers({ targets, rules }: Settings): { path: string; ms: number }[] {
  return [...targets, ...rules].flatMap(({ policy }) => timersOf(policy)).toSorted((a, b) => a.ms - b.ms);
}

function span(ms: number): string {
  const [amount, unit] =
    ms >= 2 * 86_400_000
      ? [ms / 86_400_000, "days"]
      : ms >= 2 * 3_600_000
        ? [ms / 3_600_000, "hours"]
        : ms >= 120_000
          ? [ms / 60_000, "minutes"]
          : [ms / 1000, "seconds"];
  return `${Math.round(amount * 10) / 10} ${unit}`;
}
