import { isOutrun } from "./behind.ts";
import type { AttentionCode } from "./codes.ts";
import { nextLookMs } from "./next-look.ts";
import type { DestinationSeen, Observation } from "./observation.ts";
import { isDead, isGone } from "./observation.ts";
import type { Instant, Rotation } from "./record.ts";
import type { Event, State } from "./states.ts";
import { isFinal } from "./states.ts";
import { UNDO_MS, isPromoted, isWatched, withPlan } from "./transition.ts";

/** What we do to the world outside; one file each in src/app/effects. */
export type Effect =
  | "revoke_outgoing"
  | "adopt_pending"
  | "verify"
  | "promote"
  | "confirm_propagation"
  | "check_drain"
  | "deactivate"
  | "archive"
  | "activate"
  | "roll_back"
  | "recheck"
  | "clean_up"
  | "take_back";

export type Decision =
  /** A bare compare-and-set: no effect belongs to it. */
  | { do: "move"; event: Event; patch?: Partial<Rotation> }
  | { do: "perform"; effect: Effect }
  /** Nothing to do before `until`; null: only a person's or the scan's doing changes that. */
  | { do: "wait"; until: Instant | null; patch?: Partial<Rotation> }
  /** A person is needed. Looked at again with growing pauses; resumes by itself when the cause is gone. */
  | { do: "attend"; code: AttentionCode; about?: string };

const DAY = 86_400_000;
const move = (event: Event, patch?: Partial<Rotation>): Decision =>
  patch ? { do: "move", event, patch } : { do: "move", event };
const perform = (effect: Effect): Decision => ({ do: "perform", effect });
const attend = (code: AttentionCode, about?: string): Decision =>
  about ? { do: "attend", code, about } : { do: "attend", code };

/**
 * What to do next: a function of the record and what was just seen, nothing else. Guards first, then the state.
 * Safe to ask again at any time; after a crash the same question gives the same answer.
 */
export function decide(r: Rotation, seen: Observation): Decision {
  if (isOutrun(r, seen.marks)) return attend("state_behind");
  if (r.lease !== null && r.lease.until > seen.at) return { do: "wait", until: r.lease.until };
  return (
    guardRevocation(r, seen) ??
    guardPlan(r, seen) ??
    (isFinal(r.state) ? afterTheEnd(r, seen) : BY_STATE[r.state as keyof typeof BY_STATE](r, seen))
  );
}

/** Revoked while promoting: a promotion that cannot be finished in time must not keep a leaked key alive (R4). */
function guardRevocation(r: Rotation, seen: Observation): Decision | null {
  if (r.revokeAt === null || r.state !== "promoting") return null;
  return passed(r.revokeAt, seen.at) || isDead(seen.replacement)
    ? move("revoke", { resumeState: "promoting", revokeAt: null })
    : null;
}

const BEFORE_PROMOTING: readonly State[] = ["awaiting_approval", "awaiting_replacement", "verifying"];
/** On the way to a safe place: a changed plan must not stop these. */
const TO_SAFETY: readonly State[] = ["revoking", "reinstating", "reinstated", "rolling_back"];

const IN_GRACE: readonly State[] = ["grace_period", "archiving"];

/** A plan that changed under an open rotation (R15). */
function guardPlan(r: Rotation, seen: Observation): Decision | null {
  if (seen.plan.kind === "same" || isFinal(r.state) || TO_SAFETY.includes(r.state) || r.target === null) return null;
  // A key that is seen active has no grace period behind it, whatever the plan (P4).
  if (IN_GRACE.includes(r.state) && seen.outgoing === "active") return null;
  if (seen.plan.kind === "changed") {
    if (!BEFORE_PROMOTING.includes(r.state)) return attend("plan_changed");
    return move("plan_changed", withPlan(r, seen.plan.plan, seen.plan.planHash));
  }
  if (r.reason === "compromised" || !BEFORE_PROMOTING.includes(r.state)) return attend("target_removed");
  return move("cancelled");
}

const all = (seen: Observation, what: DestinationSeen["holds"]): boolean =>
  seen.destinations !== null && seen.destinations.length > 0 && seen.destinations.every((d) => d.holds === what);
const lacking = (r: Rotation, seen: Observation, wanted: DestinationSeen["holds"] = "replacement"): string =>
  (seen.destinations ?? [])
    .flatMap((d, i) =>
      d.holds === wanted ? [] : [`${r.plan.destinations[i]?.store}:${r.plan.destinations[i]?.secret} (${d.holds})`],
    )
    .join(", ");
/** P1's destination conditions: nothing of ours still holds the outgoing key, and all hold one other key. */
const sameOther = (seen: Observation): boolean => {
  const first = seen.destinations?.[0]?.fingerprint ?? null;
  return first !== null && (seen.destinations ?? []).every((d) => d.holds !== "outgoing" && d.fingerprint === first);
};
const until = (r: Rotation, seen: Observation, ...times: (Instant | null)[]): Decision => {
  const pause = nextLookMs(r);
  const known = [...times, pause === null ? null : seen.at + pause].filter((t): t is Instant => t !== null);
  return { do: "wait", until: known.length > 0 ? Math.min(...known) : null };
};
const passed = (deadline: Instant | null, now: Instant): boolean => deadline !== null && now >= deadline;
const outgoingGone = (r: Rotation, seen: Observation): Decision =>
  sameOther(seen) || r.target === null ? move("outgoing_gone") : attend("destination_changed", lacking(r, seen));

/** In an emergency people paste keys by hand, and a key is taken in any case. */
const isComparable = (r: Rotation): boolean => r.outgoing.fingerprint !== null && r.reason !== "compromised";

const BY_STATE = {
  awaiting_approval: (r: Rotation, seen: Observation): Decision =>
    r.approvals.length >= r.approvalsNeeded
      ? move("approved")
      : passed(r.deadline, seen.at)
        ? move("expired")
        : until(r, seen, r.deadline),

  revoking: (_r: Rotation, seen: Observation): Decision => {
    if (seen.outgoing === "inactive") return move("outgoing_inactive");
    if (isGone(seen.outgoing)) return move("outgoing_gone");
    if (seen.holds.length > 0) return attend("held", seen.holds.join(", "));
    return seen.newestConfiguration ? perform("revoke_outgoing") : attend("older_configuration");
  },

  awaiting_replacement: (r: Rotation, seen: Observation): Decision => {
    if (r.replacement !== null) return move("staged");
    // A value at the deadline is checked before the wait ends (R20).
    if (seen.pending?.some((p) => p !== "none")) return perform("adopt_pending");
    if (passed(r.deadline, seen.at)) return move("expired");
    if (isDead(seen.outgoing) && r.reason !== "compromised") return attend("outgoing_dead");
    // A key that is handed over now could go nowhere: better told before somebody makes one.
    if (isComparable(r) && seen.destinations?.some((d) => d.holds === "other"))
      return attend("destination_changed", lacking(r, seen, "outgoing"));
    return until(r, seen, r.deadline);
  },

  verifying: (_r: Rotation, seen: Observation): Decision => {
    if (!isDead(seen.replacement)) return perform("verify");
    // It is in use already, so this record is older than what was done: asking for another key would leave it there (R16).
    return seen.destinations?.some((d) => d.holds === "replacement") ? attend("state_behind") : move("key_rejected");
  },

  promoting: (r: Rotation, seen: Observation): Decision => {
    if (isDead(seen.replacement)) return backOrAttend(seen);
    if (all(seen, "replacement")) return move("promoted");
    if (seen.destinations?.some((d) => d.holds === "other" || d.holds === "missing"))
      return attend("destination_changed", lacking(r, seen));
    return perform("promote");
  },

  propagating: (r: Rotation, seen: Observation): Decision => {
    if (isDead(seen.replacement)) return backOrAttend(seen);
    // Revoked while promoting: once the key is live everywhere, or when the minute for that is over (R4).
    if (r.revokeAt !== null && (all(seen, "replacement") || passed(r.revokeAt, seen.at)))
      return move("revoke", { revokeAt: null });
    if (!all(seen, "replacement")) {
      const late = passed(r.enteredAt + r.timing.propagationLimitMs, seen.at);
      if (seen.destinations?.some((d) => d.holds === "other" || d.holds === "missing"))
        return attend("destination_changed", lacking(r, seen));
      return late ? attend("propagation_limit", lacking(r, seen)) : { do: "wait", until: seen.at + 1000 };
    }
    return perform("confirm_propagation");
  },

  draining: (r: Rotation, seen: Observation): Decision => {
    if (seen.outgoing === "inactive")
      return sameOther(seen) ? move("outgoing_inactive") : attend("destination_changed", lacking(r, seen));
    if (isGone(seen.outgoing)) return outgoingGone(r, seen);
    if (isDead(seen.replacement)) return backOrAttend(seen);
    if (!all(seen, "replacement")) return attend("destination_changed", lacking(r, seen));
    if (r.needsProceed) return attend("outgoing_reactivated");
    return held(r, seen) ?? perform(lostP1(r) ? "recheck" : "check_drain");
  },

  deactivating: (r: Rotation, seen: Observation): Decision => {
    if (seen.outgoing === "inactive") return move("outgoing_inactive");
    if (isGone(seen.outgoing)) return outgoingGone(r, seen);
    if (seen.holds.length > 0) return attend("held", seen.holds.join(", "));
    if (r.approvals.length < r.approvalsNeeded) return attend("approval_missing");
    if (!seen.newestConfiguration) return attend("older_configuration");
    if (r.reason !== "compromised") {
      if (isDead(seen.replacement)) return backOrAttend(seen);
      if (!all(seen, "replacement")) return move("p1_lost");
    }
    return perform("deactivate");
  },

  grace_period: (r: Rotation, seen: Observation): Decision => {
    if (isGone(seen.outgoing)) return outgoingGone(r, seen);
    if (seen.outgoing === "active") return r.target === null ? attend("outgoing_reactivated") : move("outgoing_active");
    if (isDead(seen.replacement) && !sameThird(seen)) return attend("replacement_dead");
    const hold = held(r, seen);
    if (hold !== null) return hold;
    if (r.target !== null && !sameOther(seen)) return attend("destination_changed", lacking(r, seen));
    if (seen.outgoing !== "inactive") return attend("internal", `status ${seen.outgoing}`);
    // A key of no target stays where it can come back: nothing proves that nobody needs it (R4).
    if (r.target === null) return until(r, seen);
    if (r.graceEndsAt === null) return startGrace(r, seen);
    if (!passed(r.graceEndsAt, seen.at)) return until(r, seen, r.graceEndsAt);
    return lostP1(r) ? perform("recheck") : move("elapsed");
  },

  archiving: (r: Rotation, seen: Observation): Decision => {
    if (isGone(seen.outgoing)) return outgoingGone(r, seen);
    // Before the hold: sent back for that, the served period would still count (P4).
    if (seen.outgoing === "active") return move("outgoing_active");
    if (seen.holds.length > 0 && r.intent?.sent !== true) return move("held");
    if (r.target !== null && !sameOther(seen)) return move("p1_lost");
    if (r.approvals.length < r.approvalsNeeded) return attend("approval_missing");
    if (!seen.newestConfiguration) return attend("older_configuration");
    return perform("archive");
  },

  reinstating: (r: Rotation, seen: Observation): Decision => {
    if (seen.outgoing === "active") return move("outgoing_active");
    if (!isGone(seen.outgoing)) return perform("activate");
    // Half promoted, some destination may still hold the key that is gone: that is no completion.
    return isPromoted(r) ? outgoingGone(r, seen) : move("outgoing_gone");
  },

  reinstated: (r: Rotation, seen: Observation): Decision => {
    if (isGone(seen.outgoing)) return outgoingGone(r, seen);
    if (seen.outgoing === "inactive") return undoOrAttend(r.enteredAt, seen);
    return until(r, seen);
  },

  rolling_back: (r: Rotation, seen: Observation): Decision => {
    const moved = isPromoted(r) || seen.destinations?.some((d) => d.holds === "replacement");
    if (moved && seen.outgoing !== "active")
      return attend("nothing_to_roll_back_to", `the outgoing key is ${seen.outgoing}`);
    return perform("roll_back");
  },
} satisfies Partial<Record<State, (r: Rotation, seen: Observation) => Decision>>;

/** Sent back because P1 did not hold: it must hold again before the destructive state is entered again. */
const lostP1 = (r: Rotation): boolean =>
  r.attention?.code === "outgoing_in_use_elsewhere" || r.attention?.code === "replacement_unproven";

/** The whole period, from the first look that finds the key inactive (P4). */
const startGrace = (r: Rotation, seen: Observation): Decision => ({
  do: "wait",
  until: seen.at,
  patch: { deactivatedAt: seen.at, graceEndsAt: seen.at + r.plan.gracePeriodMs },
});

/** All destinations hold one key that is neither of ours: somebody rotated by hand. */
const sameThird = (seen: Observation): boolean => sameOther(seen) && all(seen, "other");

/** The replacement is dead: the old value goes back while it still works, otherwise a person decides (R7). */
function backOrAttend(seen: Observation): Decision {
  return seen.outgoing === "active" ? move("replacement_dead") : attend("replacement_dead");
}

/** A hold stops the drain limit and the grace clock; the rest runs after it, at least a day or the whole period (R17). */
function held(r: Rotation, seen: Observation): Decision | null {
  if (seen.holds.length > 0) {
    return r.heldAt === null
      ? { do: "wait", until: seen.at, patch: { heldAt: seen.at } }
      : attend("held", seen.holds.join(", "));
  }
  if (r.heldAt === null) return null;
  const rest = (end: Instant | null, whole: number): Instant | null =>
    end === null ? null : seen.at + Math.max(end - (r.heldAt as Instant), Math.min(DAY, whole));
  return {
    do: "wait",
    until: seen.at,
    patch: {
      heldAt: null,
      drainLimitAt: rest(r.drainLimitAt, r.plan.drain.limitMs),
      graceEndsAt: rest(r.graceEndsAt, r.plan.gracePeriodMs),
    },
  };
}

/** Right after a decision to keep the key only a delayed worker of ours deactivates it; later it is somebody's will (R9). */
function undoOrAttend(decidedAt: Instant, seen: Observation): Decision {
  return seen.at < decidedAt + UNDO_MS ? perform("activate") : attend("outgoing_dead");
}

function afterTheEnd(r: Rotation, seen: Observation): Decision {
  const late = seen.outgoing === "active" && seen.destinations?.some((d) => d.holds === "replacement");
  // Before the clean-up, which destroys the copy of the old value that this needs.
  if (late === true && isWatched(r, seen.at)) return perform("take_back");
  if (!r.cleanedUp) return perform("clean_up");
  if (!isWatched(r, seen.at) || r.endedAt === null) return { do: "wait", until: null };
  return seen.outgoing === "inactive" ? undoOrAttend(r.endedAt, seen) : until(r, seen);
}
