import { aboutOf } from "../rotation/about.ts";
import { isUrgent } from "../rotation/codes.ts";
import { HABIT_MS, isUseUnchecked, longestPauseMs } from "../rotation/drain.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";

/** An approval card must not wait for a report; usage is normally there within a second. */
export interface HabitLimits {
  oneReadMs: number;
  /** What one reader loses in all to reports that do not come, however many rotations it is asked for. */
  patienceMs: number;
}
const LIMITS: HabitLimits = { oneReadMs: 5_000, patienceMs: 15_000 };

/** The longest pause of a rotation's outgoing key, in milliseconds; null: not known. Never throws. */
export type HabitReader = (record: Rotation) => Promise<number | null>;

/**
 * Reads how long outgoing keys pause between days of use, so that a card can say what to expect of the drain (R13). Only
 * an expectation: the drain reads the usage anew. Not asked where use is not checked, nor for urgent rotations, which
 * neither wait nor are limited in number. Keep one for a whole scan: when reports do not come it stops asking.
 */
export function habitReader(deps: Pick<Deps, "admin" | "clock" | "log">, limits = LIMITS): HabitReader {
  let { patienceMs } = limits;
  return async (record) => {
    if (isUseUnchecked(record) || isUrgent(record.reason) || patienceMs <= 0) return null;
    const startedAt = performance.now();
    const pause = await pauseOf(deps, record, AbortSignal.timeout(Math.ceil(Math.min(limits.oneReadMs, patienceMs))));
    if (pause === null) patienceMs -= performance.now() - startedAt;
    return pause;
  };
}

async function pauseOf(
  deps: Pick<Deps, "admin" | "clock" | "log">,
  record: Rotation,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    const now = deps.clock.now();
    const usage = await deps.admin.usage(record.outgoing.id, now - HABIT_MS, now, "day", signal);
    return usage.freshUntil === null ? null : longestPauseMs(usage.days);
  } catch (error) {
    const code = signal.aborted ? "timeout" : asKeyturnError(error).code;
    deps.log.warn(
      { event: "habit.unknown", ...aboutOf(record), code },
      "the usage of the outgoing key could not be read",
    );
    return null;
  }
}
