import type { AttentionCode, Reason } from "./codes.ts";
import type { State } from "./states.ts";

/** Milliseconds since 1970 UTC. Records hold instants as numbers; everything printed is RFC 3339. */
export type Instant = number;

/** Where applications read a key from, resolved: enough to reach it even when the configuration has changed. */
export interface Destination {
  /** Name of the store in the configuration. */
  store: string;
  type: string;
  /** What tells two stores of one type apart: region, project, endpoint, directory …; part of the plan. */
  location: Record<string, string>;
  secret: string;
  field: string | null;
}

/** What the approver is shown and what an approval binds to (R15). */
export interface Plan {
  /** Every target whose destinations hold the outgoing key (R1); empty for an unmanaged key. */
  targets: string[];
  outgoingKeyId: string;
  urgency: "routine" | "urgent";
  destinations: Destination[];
  approvals: number;
  drain: { quietForMs: number; limitMs: number };
  gracePeriodMs: number;
  /** For a rule's target: the name the replacement must have so that it renders to the same destination (R22). */
  requiredName: string | null;
}

/** Timers that are not part of the plan; all in milliseconds. */
export interface Timing {
  replacementWithinMs: number;
  approvalExpiresAfterMs: number;
  propagationLimitMs: number;
  noUsageCheck: boolean;
}

/** A key as the Admin API and a live call showed it. Never key text. */
export interface KeyFacts {
  id: string;
  name: string;
  hint: string | null;
  /** Of the value we read or accepted; null when we never saw the value (an unmanaged key). */
  fingerprint: string | null;
  createdAt: Instant;
  expiresAt: Instant | null;
  createdBy: string | null;
  /** From the live call's headers; null when it did not tell. */
  organizationId: string | null;
  workspaceId: string | null;
  /** null: legacy workspace key. */
  principal: string | null;
  scope: "workspace" | "organization";
}

export interface Approval {
  actor: string;
  via: "cli" | "slack" | "oidc" | "api" | "policy";
  at: Instant;
  planHash: string;
  breakGlass: boolean;
  /** Everything that names the person (see Actor); absent in records of 0.1: the actor alone. */
  identities?: readonly string[];
}

/** What we know of one destination; the facts are re-read before every act. Index-aligned with the plan. */
export interface DestinationProgress {
  /** The version we merged into when staging; `promote` replaces exactly this one (R3). */
  baseVersion: string | null;
  pendingVersion: string | null;
  stagedAt: Instant | null;
  promotedVersion: string | null;
  promotedAt: Instant | null;
  rolledBackAt: Instant | null;
}

export interface Attention {
  code: AttentionCode;
  /** What happened, in one sentence with the names in it. */
  message: string;
  /** The next command or deed for the person. */
  next: string;
  since: Instant;
  /** How often the cause was looked at again; spaces the next look. */
  looks: number;
}

/** Why a person decided as they did, in their own words: the latest one counts. */
export interface Note {
  text: string;
  actor: string;
  at: Instant;
}

/** Written before an outside effect, so that a restart knows what may have happened. */
export interface Intent {
  effect: string;
  at: Instant;
  /** Set right before the call that cannot be taken back; decisions after it are answered "too late" (R9). */
  sent: boolean;
}

export interface HistoryEntry {
  at: Instant;
  event: string;
  actor: string;
  via: string;
}

/** The truth about one rotation's progress. A job is only a wake-up. */
export interface Rotation {
  schema: 1;
  id: string;
  install: string;
  revision: number;
  /**
   * `upTo`: the revision of the newest save of this record that is in the audit log; looks raise `revision` alone. It holds
   * while `revision` here is the record's: a version that does not know this field leaves it behind (`knowsUpTo`).
   */
  onRecord?: { revision: number; upTo: number };
  /**
   * A key that its marks name as replacement and the record does not know: a rebuild found it nowhere, or a person decided all the
   * same. It does not stop the rotation again (R16).
   */
  settledKey?: string;
  /** null: a revoked key that belongs to no target (R4). */
  target: string | null;
  reason: Reason;
  state: State;
  /** Where `revoking` returns to when it interrupted `promoting`. */
  resumeState: "promoting" | null;
  /** Why it is rolling back. */
  rollbackCause: "cancelled" | "expired" | "failed" | null;
  /** The replacement was revoked after promotion: deactivate it once the old value is back (R4). */
  revokeReplacement: boolean;
  /** Revoked while promoting: finish the promotion until then, else revoke at once (R4). */
  revokeAt: Instant | null;
  /** Somebody re-activated the outgoing key: only a person may go on (`proceed`). */
  needsProceed: boolean;
  plan: Plan;
  planHash: string;
  timing: Timing;
  outgoing: KeyFacts;
  replacement: KeyFacts | null;
  progress: DestinationProgress[];
  approvals: Approval[];
  /** How many approvals free the destructive steps; at least 1 after a rebuild from marks (R2). */
  approvalsNeeded: number;
  /** Rebuilt after a loss of Redis, and from what (P8). */
  rebuilt: "sink" | "marks" | null;
  attention: Attention | null;
  intent: Intent | null;
  /** While it runs, timers do not fire (R20). */
  lease: { holder: string; until: Instant } | null;
  /** Failed tries of the current step; cleared by any progress. */
  retry: { attempts: number; since: Instant; code: string } | null;
  createdAt: Instant;
  enteredAt: Instant;
  /** When the wait for a person ends by itself; null when it does not. */
  deadline: Instant | null;
  /** When to look again, whoever is next; null: never (final). */
  wakeAt: Instant | null;
  propagatedAt: Instant | null;
  /** Both are moved on by a hold (R17). */
  drainLimitAt: Instant | null;
  graceEndsAt: Instant | null;
  /** Since when a hold stops the clocks. */
  heldAt: Instant | null;
  deactivatedAt: Instant | null;
  endedAt: Instant | null;
  /** After an end other than completed: not proposed again before this. */
  notBefore: Instant | null;
  /** The person who handed the replacement over. */
  submittedBy: string | null;
  /** The reason that came with the latest decision that has one; absent in records of 0.1. */
  note?: Note | null;
  /** Everyone who had the replacement in hand, each by everything that names them, for four eyes. Absent: not known. */
  handedOverBy?: readonly (readonly string[])[];
  acceptExpiry: boolean;
  /** After the end: pending and previous values, and the marks of an open rotation, are removed. */
  cleanedUp: boolean;
  /** Our own verification calls with the replacement: they are not the application's use (R13). */
  ownUse: { requests: number; tokens: number };
  /**
   * The outgoing key's longest pause between two days of use, in the 31 days before the opening (R13). null or absent
   * (records of 0.1): not known. The quiet to expect is made from it and the plan of now: `expectedQuietMs` in drain.ts.
   */
  longestPauseMs?: number | null;
  history: HistoryEntry[];
}
