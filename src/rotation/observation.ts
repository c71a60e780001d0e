import type { Instant, Plan } from "./record.ts";
import type { State } from "./states.ts";

/** A key's status as the Admin API just told it; `missing` is its 404. */
export type KeySeen = "active" | "inactive" | "archived" | "expired" | "missing" | `unknown:${string}`;

/** What one destination of the plan holds, read back as applications read it. */
export interface DestinationSeen {
  /** Compared by fingerprint; `missing`: the manager says there is nothing there. */
  holds: "outgoing" | "replacement" | "other" | "missing";
  fingerprint: string | null;
  version: string | null;
}

/** What is pending there, as far as it matters to a decision. */
export type PendingSeen = "ours" | "operator" | "none";

/** The plan made again from the configuration of now (R15). */
export type PlanSeen =
  | { kind: "same" }
  | { kind: "changed"; plan: Plan; planHash: string }
  | { kind: "target_removed" };

/** What the marks of one rotation say together; above what its record knows, Redis is stale (R16). */
export interface MarksSeen {
  /** The highest that any of them names; 0: none is there. */
  revision: number;
  /** A replacement that the marks name, that is in use, and that the record does not know: another life of it got further. */
  unknownReplacement: string | null;
}

/** The world at one instant, as far as the state asks for it. Absent: not looked at. */
export interface Observation {
  plan: PlanSeen;
  outgoing: KeySeen;
  replacement: KeySeen | null;
  destinations: readonly DestinationSeen[] | null;
  pending: readonly PendingSeen[] | null;
  /** Names of the holds on the outgoing key or a target, e.g. `billing (keyturn hold by cli:ana@laptop)`. */
  holds: readonly string[];
  /** What this rotation's marks tell (R16). */
  marks: MarksSeen | null;
  /** False: this process's configuration is older than the newest announced one (R15). */
  newestConfiguration: boolean;
  at: Instant;
}

/** What has to be looked at before deciding in each state; the keys' statuses, the plan and the holds always are. */
export const OBSERVES: Record<State, readonly ("destinations" | "pending")[]> = {
  awaiting_approval: [],
  revoking: [],
  awaiting_replacement: ["destinations", "pending"],
  verifying: ["destinations"],
  promoting: ["destinations"],
  propagating: ["destinations"],
  draining: ["destinations"],
  deactivating: ["destinations"],
  grace_period: ["destinations"],
  archiving: ["destinations"],
  reinstating: ["destinations"],
  reinstated: ["destinations"],
  rolling_back: ["destinations"],
  completed: [],
  rejected: [],
  expired: [],
  cancelled: [],
  rolled_back: [],
  snoozed: [],
};

export const isGone = (key: KeySeen | null): boolean => key === "archived" || key === "expired" || key === "missing";
/** Known not to work any more. An unknown status proves nothing (P12). */
export const isDead = (key: KeySeen | null): boolean => key === "inactive" || isGone(key);
