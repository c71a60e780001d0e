/**
 * The state machine of a rotation: the whole of it is the table below.
 * States and events are stored and logged, so they are an interface: add new ones, never rename or reuse one.
 */

/** Where a rotation stands, and who has the next action there. */
export const STATES = {
  awaiting_approval: "approver",
  revoking: "us",
  awaiting_replacement: "operator",
  verifying: "us",
  promoting: "us",
  propagating: "consumers",
  draining: "clock",
  deactivating: "us",
  grace_period: "clock",
  archiving: "us",
  reinstating: "us",
  reinstated: "person",
  rolling_back: "us",
  completed: null,
  rejected: null,
  expired: null,
  cancelled: null,
  rolled_back: null,
  snoozed: null,
} as const satisfies Record<string, "approver" | "operator" | "us" | "consumers" | "clock" | "person" | null>;
export type State = keyof typeof STATES;

/** What a row may ask of the record before it applies; see `holds` in transition.ts for their meaning. */
export type Condition =
  | "staged" // a replacement value was accepted
  | "resumes" // the record remembers a state to return to
  | "unmanaged" // the key belongs to no target
  | "promoted" // at least one destination was moved to the replacement
  | "by cancel" // rolling back: why
  | "by expiry"
  | "by failure";

/**
 * Every legal move, in the order a healthy rotation takes them; the first row whose condition holds applies,
 * and a pair that is not here throws ILLEGAL_TRANSITION.
 */
export const TRANSITIONS = [
  // from                  event                  to                       only when
  ["awaiting_approval", "approved", "awaiting_replacement"],
  ["awaiting_approval", "rejected", "rejected"],
  ["awaiting_approval", "snoozed", "snoozed"],
  ["awaiting_approval", "expired", "expired"],
  ["awaiting_approval", "cancelled", "cancelled"],
  ["awaiting_approval", "plan_changed", "awaiting_approval"],
  ["awaiting_approval", "revoke", "revoking"],
  ["awaiting_approval", "reinstate", "reinstating"],

  ["revoking", "outgoing_inactive", "grace_period", "unmanaged"],
  ["revoking", "outgoing_inactive", "promoting", "resumes"],
  ["revoking", "outgoing_inactive", "verifying", "staged"],
  ["revoking", "outgoing_inactive", "awaiting_replacement"],
  ["revoking", "outgoing_gone", "completed", "unmanaged"],
  ["revoking", "outgoing_gone", "promoting", "resumes"],
  ["revoking", "outgoing_gone", "verifying", "staged"],
  ["revoking", "outgoing_gone", "awaiting_replacement"],
  ["revoking", "reinstate", "reinstating"],

  ["awaiting_replacement", "staged", "verifying"],
  ["awaiting_replacement", "expired", "rolling_back"],
  ["awaiting_replacement", "cancelled", "rolling_back"],
  ["awaiting_replacement", "plan_changed", "awaiting_approval"],
  ["awaiting_replacement", "revoke", "revoking"],
  ["awaiting_replacement", "reinstate", "reinstating"],

  ["verifying", "verified", "promoting"],
  ["verifying", "key_rejected", "awaiting_replacement"],
  ["verifying", "cancelled", "rolling_back"],
  ["verifying", "plan_changed", "awaiting_approval"],
  ["verifying", "revoke", "revoking"],
  ["verifying", "reinstate", "reinstating"],

  ["promoting", "promoted", "propagating"],
  ["promoting", "replacement_dead", "rolling_back"],
  ["promoting", "cancelled", "rolling_back"],
  ["promoting", "revoke", "revoking"],
  ["promoting", "reinstate", "reinstating"],

  ["propagating", "propagated", "draining"],
  ["propagating", "replacement_dead", "rolling_back"],
  ["propagating", "cancelled", "rolling_back"],
  ["propagating", "revoke", "deactivating"],
  ["propagating", "reinstate", "reinstating"],

  ["draining", "drained", "deactivating"],
  ["draining", "proceed", "deactivating"],
  ["draining", "revoke", "deactivating"],
  ["draining", "outgoing_inactive", "grace_period"],
  ["draining", "outgoing_gone", "completed"],
  ["draining", "replacement_dead", "rolling_back"],
  ["draining", "cancelled", "rolling_back"],
  ["draining", "reinstate", "reinstating"],

  ["deactivating", "outgoing_inactive", "grace_period"],
  ["deactivating", "outgoing_gone", "completed"],
  ["deactivating", "p1_lost", "draining"],
  ["deactivating", "replacement_dead", "rolling_back"],
  ["deactivating", "cancelled", "rolling_back"],
  ["deactivating", "reinstate", "reinstating"],

  ["grace_period", "elapsed", "archiving"],
  ["grace_period", "reinstate", "reinstating"],
  ["grace_period", "outgoing_active", "draining"],
  ["grace_period", "outgoing_gone", "completed"],

  ["archiving", "outgoing_gone", "completed"],
  ["archiving", "p1_lost", "grace_period"],
  ["archiving", "held", "grace_period"],
  ["archiving", "outgoing_active", "grace_period"],
  ["archiving", "reinstate", "reinstating"],

  ["reinstating", "outgoing_active", "reinstated", "promoted"],
  ["reinstating", "outgoing_active", "cancelled"],
  ["reinstating", "outgoing_gone", "completed", "promoted"],
  ["reinstating", "outgoing_gone", "completed", "unmanaged"],
  ["reinstating", "outgoing_gone", "awaiting_replacement"],
  ["reinstating", "revoke", "deactivating", "promoted"],
  ["reinstating", "revoke", "revoking"],

  ["reinstated", "retry", "draining"],
  ["reinstated", "cancelled", "rolling_back"],
  ["reinstated", "outgoing_gone", "completed"],
  ["reinstated", "revoke", "deactivating"],

  ["rolling_back", "done", "cancelled", "by cancel"],
  ["rolling_back", "done", "expired", "by expiry"],
  ["rolling_back", "done", "rolled_back", "by failure"],
  ["rolling_back", "proceed", "draining", "promoted"],
  ["rolling_back", "revoke", "revoking"],
] as const satisfies readonly (readonly [State, string, State, Condition?])[];

export type Event = (typeof TRANSITIONS)[number][1];

/** True when nothing more happens to the rotation. */
export const isFinal = (state: State): boolean => STATES[state] === null;
/** States in which `maxOpenRotations` counts a rotation, because a person has to act (R5). */
export const isWaitingForPerson = (state: State): boolean =>
  state === "awaiting_approval" || state === "awaiting_replacement";
