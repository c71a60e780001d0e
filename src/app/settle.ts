import { ATTENTION, type AttentionCode } from "../rotation/codes.ts";
import { nextStepFor } from "../rotation/next-steps.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import { commitAmend } from "./commit.ts";
import type { Deps } from "./deps.ts";

/** How our own doings are signed. */
export const US = { actor: "keyturn", via: "worker" } as const;
/** Pauses between looks at a trouble double from the first to the longest. */
export const FIRST_PAUSE_MS = 1000;
export const LONGEST_PAUSE_MS = 5 * 60_000;

/**
 * Nothing to do now: clears an attention whose cause is gone and sets the next look. Saves nothing when nothing changes
 * and the next look is still to come: each save would leave one more wake-up behind that waits for the same moment.
 */
export async function settle(
  deps: Deps,
  record: Rotation,
  wakeAt: Instant | null,
  patch: Partial<Rotation> = {},
): Promise<Rotation> {
  const changes: Partial<Rotation> = { retry: null, attention: null, ...patch, wakeAt };
  const isToCome = wakeAt === null || wakeAt > deps.clock.now();
  if (isToCome && Object.entries(changes).every(([name, value]) => record[name as keyof Rotation] === value))
    return record;
  if (record.attention === null) return commitAmend(deps, record, changes, null);
  return commitAmend(deps, record, changes, {
    action: "attention.cleared",
    ...US,
    evidence: { code: record.attention.code },
  });
}

/** Marks the rotation as needing a person. The same cause again only brings its message up to date: one cause, one alert. */
export async function attend(
  deps: Deps,
  record: Rotation,
  code: AttentionCode,
  about?: string,
  patch: Partial<Rotation> = {},
): Promise<Rotation> {
  const now = deps.clock.now();
  const again = record.attention?.code === code ? record.attention : null;
  const looks = (again?.looks ?? 0) + 1;
  const attention = {
    code,
    message: about === undefined ? ATTENTION[code] : `${ATTENTION[code]} ${about}`,
    next: nextStepFor(code, record),
    since: again?.since ?? now,
    looks,
  };
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(looks - 1, 20));
  const timers = [record.deadline, record.revokeAt].filter((t) => t !== null).filter((t) => t > now);
  const wakeAt = Math.min(now + pause, ...timers);
  const changes = { ...patch, attention, wakeAt, retry: null };
  // By its code alone: its message may hold what moves on, such as the time of the last use.
  if (again !== null) return commitAmend(deps, record, changes, null);
  return commitAmend(
    deps,
    record,
    { ...changes, history: [...record.history, { at: now, event: `attention:${code}`, ...US }] },
    { action: "attention.raised", ...US, evidence: { code, message: attention.message } },
  );
}
