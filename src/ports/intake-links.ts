import type { Instant } from "../rotation/record.ts";

/** A one-time link as it is kept: never its token, only the SHA-256 of it. */
export interface IntakeLink {
  rotation: string;
  /** The person it was made for: audit name, and everything that names them (see Actor.identities). */
  person: { name: string; via: "slack" | "oidc" | "api"; identities: readonly string[] };
  issuedBy: string;
  issuedAt: Instant;
  expiresAt: Instant;
  /** Refused pastes that are still allowed. */
  attemptsLeft: number;
}

export type LinkState =
  | { state: "open"; link: IntakeLink }
  /** A submission is under way with it, here or in another process. */
  | { state: "busy"; link: IntakeLink }
  | { state: "used" | "expired" | "replaced" | "exhausted"; link: IntakeLink }
  | { state: "unknown" };

/** One-time links, one per rotation at a time, consumed by one atomic step whatever the number of processes. */
export interface IntakeLinks {
  /** Makes the link valid and the rotation's earlier one invalid ("replaced"). @param tokenHash SHA-256, hex */
  issue(tokenHash: string, link: IntakeLink): Promise<void>;
  /** Looks without consuming. */
  look(tokenHash: string, now: Instant): Promise<LinkState>;
  /** The link that was made last for the rotation, however it ended meanwhile; null: none, or revoked, or long over. */
  newest(rotation: string): Promise<IntakeLink | null>;
  /** Takes an open link for one submission until `until`; exactly one of several callers gets "open". */
  begin(tokenHash: string, now: Instant, until: Instant): Promise<LinkState>;
  /** Ends that submission: used up, one attempt less, or as it was (the trouble was ours). */
  end(tokenHash: string, outcome: "used" | "refused" | "released"): Promise<void>;
  /** Makes the rotation's link invalid. Safe to repeat. */
  revoke(rotation: string): Promise<void>;
}
