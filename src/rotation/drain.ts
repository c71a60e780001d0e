import { type AttentionCode, isUrgent } from "./codes.ts";
import type { Instant, Plan, Rotation } from "./record.ts";
import type { State } from "./states.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How far back the habit of a key's use is read (R13). */
export const HABIT_MS = 31 * DAY;

/**
 * The longest pause between two days of use, in milliseconds; 0 for daily use or fewer than two days. Days are all that is
 * known, so the pause is taken from day to day: a weekly batch pauses for seven.
 */
export function longestPauseMs(days: readonly string[]): number {
  let longest = 0;
  for (let i = 1; i < days.length; i++) {
    const gap = Date.parse(`${days[i]}T00:00:00Z`) - Date.parse(`${days[i - 1]}T00:00:00Z`);
    if (gap > DAY) longest = Math.max(longest, gap);
  }
  return longest;
}

export interface DrainEvidence {
  now: Instant;
  propagatedAt: Instant;
  quietForMs: number;
  /** Of the outgoing key in the 31 days before propagation, ascending. */
  daysBefore: readonly string[];
  /** Of the outgoing key since propagation. */
  outgoing: { lastUsedAt: Instant | null; freshUntil: Instant | null };
  /** Of the replacement since propagation, beyond our own verification calls. */
  replacementUsed: boolean;
}

export type DrainVerdict =
  | { drained: true; quietSince: Instant; window: { from: Instant; to: Instant } }
  | {
      drained: false;
      why:
        | Extract<AttentionCode, "outgoing_still_used" | "replacement_unused" | "usage_unknown">
        | "not_quiet_long_enough";
      lookAgainAt: Instant;
    };

/** The quiet time that is asked for: the configured one, or the key's own longest pause if that is longer. */
export const neededQuietMs = (quietForMs: number, daysBefore: readonly string[]): number =>
  Math.max(quietForMs, longestPauseMs(daysBefore));

/** Nobody asks whether the outgoing key is still used: the policy says so, or it leaked and must go in any case. */
export const isUseUnchecked = (r: Pick<Rotation, "timing" | "reason">): boolean =>
  r.timing.noUsageCheck || r.reason === "compromised";

/**
 * The quiet that will be asked for, as far as the record tells before the wait begins: what `judgeDrain` asks for when the
 * key's habit stays as it was. Follows the plan when that changes. 0: its use is not checked. null: its habit is not known.
 */
export function expectedQuietMs(r: Pick<Rotation, "timing" | "reason" | "plan" | "longestPauseMs">): number | null {
  if (isUseUnchecked(r)) return 0;
  const pause = r.longestPauseMs ?? null;
  return pause === null ? null : Math.max(r.plan.drain.quietForMs, pause);
}

/** Whether people are told that the pauses are not known. Urgent rotations do not ask: their outgoing key is dead or leaked. */
export const isHabitUnknown = (r: { reason: Rotation["reason"] }, expectedMs: number | null): boolean =>
  expectedMs === null && !isUrgent(r.reason);

const UP_TO_THE_DRAIN: readonly State[] = [
  "awaiting_approval",
  "awaiting_replacement",
  "verifying",
  "promoting",
  "propagating",
  "draining",
];
/** Whether the wait is ahead or on: afterwards nobody is interested in what it was expected to be. */
export const isDrainAhead = (state: State): boolean => UP_TO_THE_DRAIN.includes(state);

/**
 * Whether a person will have to decide, because the limit passes before the quiet can be long enough (R13). Of a habit
 * that is not known only the configured quiet time counts. @param expectedMs of `expectedQuietMs`
 */
export const exceedsLimit = ({ quietForMs, limitMs }: Plan["drain"], expectedMs: number | null): boolean =>
  (expectedMs ?? quietForMs) > limitMs;

/**
 * Whether the outgoing key is out of use (R13). Quiet is counted from the end of propagation or the last use, to where
 * the usage data is fresh; time after that proves nothing.
 */
export function judgeDrain(e: DrainEvidence): DrainVerdict {
  const quietMs = neededQuietMs(e.quietForMs, e.daysBefore);
  // Fine enough for a window of seconds, coarse enough for the advised polling of about once a minute.
  const pause = Math.min(5 * 60_000, Math.max(250, quietMs / 8));
  const again = e.now + pause;
  if (e.outgoing.freshUntil === null) return { drained: false, why: "usage_unknown", lookAgainAt: again };
  // A bucket names its start; use may have been up to its end.
  const quietSince = Math.max(e.propagatedAt, e.outgoing.lastUsedAt === null ? 0 : e.outgoing.lastUsedAt + 60_000);
  const to = Math.min(e.now, e.outgoing.freshUntil);
  if (to - quietSince < quietMs) {
    const used = e.outgoing.lastUsedAt !== null;
    return { drained: false, why: used ? "outgoing_still_used" : "not_quiet_long_enough", lookAgainAt: again };
  }
  if (e.daysBefore.length > 0 && !e.replacementUsed)
    return { drained: false, why: "replacement_unused", lookAgainAt: again };
  return { drained: true, quietSince, window: { from: quietSince, to } };
}
