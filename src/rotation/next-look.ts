import type { Rotation } from "./record.ts";
import type { State } from "./states.ts";
import { UNDO_MS } from "./transition.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const LOOK_EVERY: Partial<Record<State, (r: Rotation) => number>> = {
  // Often enough for an operator who stages by hand and waits, rarely enough for a store that bills its reads.
  awaiting_replacement: (r) => Math.min(MINUTE, Math.max(1000, r.timing.replacementWithinMs / 100)),
  grace_period: () => HOUR,
  reinstated: () => HOUR,
  rolled_back: (r) => afterEnd(r),
  cancelled: (r) => afterEnd(r),
};

/** Often while a delayed call may still come, then now and then. */
function afterEnd(r: Rotation): number {
  return r.wakeAt !== null && r.endedAt !== null && r.wakeAt < r.endedAt + UNDO_MS ? MINUTE : HOUR;
}

/** How often a waiting state looks at the world when no timer is nearer (milliseconds); null: not by itself. */
export const nextLookMs = (r: Rotation): number | null => LOOK_EVERY[r.state]?.(r) ?? null;
