import type { DestinationSeen, Observation } from "../../src/rotation/observation.ts";
import type { Approval, Rotation } from "../../src/rotation/record.ts";
import { type State, isFinal } from "../../src/rotation/states.ts";
import { DAY, HOUR, NOON, aKey, aPlan, aRotation, noProgress } from "./records.ts";

const FINGERPRINTS = {
  outgoing: "fp-apikey_out",
  replacement: "fp-apikey_new",
  other: "fp-third",
  missing: null,
} as const;

/** Destinations that hold these, in the order of the plan. */
export const holding = (...what: DestinationSeen["holds"][]): DestinationSeen[] =>
  what.map((holds) => ({ holds, fingerprint: FINGERPRINTS[holds], version: holds === "missing" ? null : holds }));

/** A world in which nothing is wrong: both keys work and the only destination holds the replacement. */
export const anObservation = (more: Partial<Observation> = {}): Observation => ({
  plan: { kind: "same" },
  outgoing: "active",
  replacement: "active",
  destinations: holding("replacement"),
  pending: ["none"],
  holds: [],
  marks: null,
  newestConfiguration: true,
  at: NOON,
  ...more,
});

export const anApproval = (more: Partial<Approval> = {}): Approval => ({
  actor: "cli:ana@laptop",
  via: "cli",
  at: NOON,
  planHash: "",
  breakGlass: false,
  ...more,
});

const ORDER: readonly State[] = [
  "verifying",
  "promoting",
  "propagating",
  "draining",
  "deactivating",
  "grace_period",
  "archiving",
];
const reached = (state: State, milestone: State): boolean =>
  ORDER.includes(state) && ORDER.indexOf(state) >= ORDER.indexOf(milestone);

/** A routine rotation that came to `state` without trouble, entered at NOON. */
export function rotationIn(state: State, more: Partial<Rotation> = {}): Rotation {
  const plan = more.plan ?? aPlan();
  const promoted = reached(state, "propagating") || ["reinstated", "completed"].includes(state);
  const grace = state === "grace_period" || state === "archiving";
  return aRotation({
    state,
    plan,
    revision: 7,
    approvals: state === "awaiting_approval" ? [] : [anApproval()],
    replacement: promoted || reached(state, "verifying") ? aKey("apikey_new") : null,
    progress: plan.destinations.map(() => ({ ...noProgress(), promotedAt: promoted ? NOON : null })),
    rollbackCause: state === "rolling_back" ? "cancelled" : null,
    deadline: state === "awaiting_replacement" ? NOON + 7 * DAY : state === "awaiting_approval" ? NOON + 3 * DAY : null,
    propagatedAt: promoted ? NOON - HOUR : null,
    drainLimitAt: reached(state, "draining") ? NOON + 7 * DAY : null,
    deactivatedAt: grace ? NOON : null,
    graceEndsAt: grace ? NOON + 7 * DAY : null,
    endedAt: isFinal(state) ? NOON : null,
    ...more,
  });
}

/** The progress of a destination that was moved to the replacement. */
export const promotedProgress = (at = NOON) => ({ ...noProgress(), promotedVersion: "2", promotedAt: at });
