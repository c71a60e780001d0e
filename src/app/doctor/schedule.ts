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

/**
 * Without a `serve`, timers are looked at only when `run-once` runs, which is assumed to be as often as `schedule.scan`
 * (R21): a warning where that pause exceeds half of a timer.
 */
export async function checkSchedule(s: Pick<Surroundings, "schedule" | "settings" | "redis">): Promise<Finding[]> {
  const pauseMs = pauseOf(s.schedule);
  if (typeof pauseMs !== "number" && pauseMs !== null) return [trouble(NAME, pauseMs.error)];
  const said = `\`${s.schedule.scan}\``;
  if (pauseMs === null) return [warn(NAME, `${said} never fires`, "Correct schedule.scan.")];
  const workers = await s
    .redis()
    .then((redis) => redis.workers())
    .catch(() => null);
  if (workers !== null && workers > 0)
    return [pass(NAME, `scans at ${said}; ${workers} serving now, so timers are looked after at once`)];
  const [shortest] = shortestTimers(s.settings);
  const nobody = workers === 0 ? "no `serve` runs now" : "whether a `serve` runs is not known";
  if (shortest === undefined || pauseMs <= shortest.ms / 2)
    return [pass(NAME, `${said} is often enough for every timer, also without a \`serve\``)];
  return [
    warn(
      NAME,
      `${nobody}; up to ${span(pauseMs)} between runs at ${said} is more than half of ${shortest.path} (${span(shortest.ms)})`,
      "Run `serve`; or run `run-once` more often and say so in schedule.scan; or lengthen the timer.",
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
