import { knowsUpTo } from "./behind.ts";
import { KeyturnError } from "./errors.ts";
import { isUrgent } from "./codes.ts";
import type { Instant, Plan, Rotation } from "./record.ts";
import { type Condition, type Event, type State, TRANSITIONS, isFinal } from "./states.ts";

const DAY = 86_400_000;

/** For how long a rotation that ended without completing is not proposed again (R20). */
const NOT_BEFORE: Partial<Record<State, number>> = { rejected: 7 * DAY, cancelled: DAY, expired: DAY };

/** For how long a decision to keep the outgoing key is watched for a delayed worker's call (R9). */
const WATCH_MS = DAY;
/** A delayed call comes within seconds of its checks (R9); after this a deactivation is somebody's own will. */
export const UNDO_MS = 15 * 60_000;

/** Whether an ended rotation that kept its outgoing key is still watched. */
export function isWatched(r: Rotation, now: Instant): boolean {
  const kept =
    r.state === "rolled_back" || (r.state === "cancelled" && (r.replacement !== null || r.reason === "compromised"));
  return kept && r.endedAt !== null && now < r.endedAt + WATCH_MS;
}
/** A manager that carries a write out after we stopped waiting for it does so within seconds, a frozen worker within minutes. */
export const LATE_WRITE_MS = 5 * 60_000;

/**
 * Whether a write that was on its way when the rotation turned back may still make its replacement current (P6, P7). Not when
 * none was begun; and not later: then it is somebody's own will.
 */
export const mayBeWrittenLate = (r: Rotation, now: Instant): boolean =>
  isWatched(r, now) &&
  r.replacement !== null &&
  r.endedAt !== null &&
  now < r.endedAt + LATE_WRITE_MS &&
  r.history.some(({ event }) => event === "verified");

/** Entries of a record that are kept; the chain has all. */
export const HISTORY_LIMIT = 500;
const KEEPS_ATTENTION: readonly Event[] = ["drained", "elapsed", "p1_lost"];

/** True when at least one destination was moved to the replacement and not back. */
export const isPromoted = (r: Rotation): boolean =>
  r.progress.some((p) => p.promotedAt !== null && p.rolledBackAt === null);

const CONDITIONS: Record<Condition, (r: Rotation) => boolean> = {
  staged: (r) => r.replacement !== null,
  resumes: (r) => r.resumeState !== null,
  unmanaged: (r) => r.target === null,
  promoted: isPromoted,
  "by cancel": (r) => r.rollbackCause === "cancelled",
  "by expiry": (r) => r.rollbackCause === "expired",
  "by failure": (r) => r.rollbackCause === "failed",
};

/** Where `event` leads, or null when the table has no such move. */
export function destinationOf(record: Rotation, event: Event): State | null {
  for (const [from, on, to, when] of TRANSITIONS as readonly (readonly [State, Event, State, Condition?])[]) {
    if (from === record.state && on === event && (when === undefined || CONDITIONS[when](record))) return to;
  }
  return null;
}

/** What happened, by whom. `patch` is applied before conditions and timers look at the record. */
export interface Move {
  event: Event;
  at: Instant;
  actor: string;
  via: string;
  patch?: Partial<Rotation>;
}

/**
 * The record after a move. Pure; the caller saves it by compare-and-set.
 * @throws ILLEGAL_TRANSITION when the table has no such move
 */
export function move(record: Rotation, { event, at, actor, via, patch }: Move): Rotation {
  const patched: Rotation = { ...record, ...patch };
  const to = destinationOf(patched, event);
  if (to === null) throw new KeyturnError("ILLEGAL_TRANSITION", `${record.state} does not know the event ${event}.`);
  const moved: Rotation = {
    ...patched,
    revision: record.revision + 1,
    state: to,
    enteredAt: at,
    // Going there and back for one cause is one alert: only a move that gets further forgets it.
    attention: KEEPS_ATTENTION.includes(event) ? patched.attention : (patch?.attention ?? null),
    intent: null,
    lease: null,
    retry: null,
    deadline: null,
    wakeAt: at,
    history: [...patched.history, { at, event, actor, via }].slice(-HISTORY_LIMIT),
  };
  return enter(moved, record, event, at);
}

/** Sets what entering a state sets: deadlines, clocks, and what the event made void. */
function enter(r: Rotation, before: Rotation, event: Event, at: Instant): Rotation {
  const compromised = r.reason === "compromised";
  switch (r.state) {
    case "awaiting_approval":
      return { ...r, approvals: [], deadline: compromised ? null : at + r.timing.approvalExpiresAfterMs };
    case "awaiting_replacement":
      return {
        ...r,
        ...(event === "key_rejected" ? withoutReplacement(r) : {}),
        deadline: compromised ? null : at + r.timing.replacementWithinMs,
      };
    case "revoking":
      // A rollback that this interrupts is over; a later one has a cause of its own.
      return { ...r, rollbackCause: null };
    case "promoting":
      return { ...r, resumeState: null, rollbackCause: null };
    case "deactivating":
      // Sent here again after a reinstatement: what P1 asks for is looked at afresh.
      return { ...r, needsProceed: false };
    case "draining":
      return {
        ...r,
        rollbackCause: null,
        // Time in which the key was inactive is no time in which it was quiet (R13).
        propagatedAt: event === "propagated" || event === "retry" ? at : (r.propagatedAt ?? at),
        drainLimitAt: event === "p1_lost" && r.drainLimitAt !== null ? r.drainLimitAt : at + r.plan.drain.limitMs,
        needsProceed: event === "outgoing_active",
        deactivatedAt: null,
        graceEndsAt: null,
      };
    case "grace_period":
      // Somebody has the key active: the period starts when it is seen inactive again, however long nobody looks (P4).
      if (event === "outgoing_active") return { ...r, deactivatedAt: null, graceEndsAt: null };
      // Sent back from archiving for another cause: the period was served.
      return before.state === "archiving" ? r : { ...r, deactivatedAt: at, graceEndsAt: at + r.plan.gracePeriodMs };
    case "reinstating":
      return { ...r, graceEndsAt: null, heldAt: null };
    case "rolling_back":
      return {
        ...r,
        rollbackCause:
          event === "expired" ? "expired" : event === "replacement_dead" ? "failed" : (r.rollbackCause ?? "cancelled"),
      };
    default:
      return isFinal(r.state) ? end(r, at) : r;
  }
}

function end(r: Rotation, at: Instant): Rotation {
  const wait = NOT_BEFORE[r.state];
  return {
    ...r,
    endedAt: at,
    cleanedUp: false,
    notBefore: r.state === "snoozed" ? r.notBefore : wait === undefined || isUrgent(r.reason) ? null : at + wait,
  };
}

/** The record bound to another plan: progress is kept by destination, so that a staged value in one that stays is found again. */
export function withPlan(
  r: Rotation,
  plan: Plan,
  planHash: string,
): Pick<Rotation, "plan" | "planHash" | "progress" | "approvalsNeeded"> {
  const progress = plan.destinations.map((d) => {
    const at = r.plan.destinations.findIndex((old) => JSON.stringify(old) === JSON.stringify(d));
    return (
      r.progress[at] ?? {
        baseVersion: null,
        pendingVersion: null,
        stagedAt: null,
        promotedVersion: null,
        promotedAt: null,
        rolledBackAt: null,
      }
    );
  });
  return { plan, planHash, progress, approvalsNeeded: Math.max(plan.approvals, r.rebuilt === "marks" ? 1 : 0) };
}

/** What a discarded replacement leaves of the record. */
export function withoutReplacement(
  r: Rotation,
): Pick<Rotation, "replacement" | "progress" | "submittedBy" | "acceptExpiry"> {
  return {
    replacement: null,
    submittedBy: null,
    acceptExpiry: false,
    progress: r.progress.map((p) => ({ ...p, baseVersion: null, pendingVersion: null, stagedAt: null })),
  };
}

/** The record with changes that are no move: an attention, a retry, a new look. Raises the revision. */
export function amend(record: Rotation, patch: Partial<Rotation>): Rotation {
  const history = (patch.history ?? record.history).slice(-HISTORY_LIMIT);
  const revision = record.revision + 1;
  return { ...record, ...patch, history, revision, onRecord: { revision, upTo: knowsUpTo(record) } };
}
