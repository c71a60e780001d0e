import type { Approval, Destination, Timing } from "../rotation/record.ts";

/** One policy, resolved: defaults, then `policy:`, then the target's own. All in milliseconds. */
export interface Policy {
  maxAgeMs: number;
  gracePeriodMs: number;
  drain: { quietForMs: number; limitMs: number; acceptNoUsageCheck: boolean };
  replacementWithinMs: number;
  propagationLimitMs: number;
  approval: { required: boolean; approvals: number; expiresAfterMs: number };
}

export interface TargetSetting {
  name: string;
  destinations: Destination[];
  policy: Policy;
  /** Explicit binding for a first run without a usable hint (R11). */
  keyId: string | null;
}

export interface RuleSetting {
  match: { name: string | null; workspace: string | null };
  /** `{name}` in `secret` is replaced by the key's name. */
  destinations: Destination[];
  policy: Policy;
}

/** The configuration as the use cases see it; `compose.ts` makes it from the file. */
export interface Settings {
  install: string;
  verifyModel: string;
  maxOpenRotations: number;
  targets: TargetSetting[];
  rules: RuleSetting[];
  /** Key ids and target names. */
  holds: string[];
  approvers: {
    /** `user@host` or `*`; empty: nobody decides on the CLI. */
    cli: string[];
    /** Slack ids of people and of user groups. */
    slack: { users: string[]; groups: string[] };
    /** `sub` claims and values of the `groups` claim. */
    oidc: { subjects: string[]; groups: string[] };
    /** Require that approver and submitter are different people. */
    fourEyes: boolean;
  };
  /** Where people reach our pages, without a slash at the end; null: nowhere. */
  publicUrl: string | null;
  /** The page of one-time links asks for a sign-in with the issuer, which proves an address and no Slack id. */
  linksNeedSignIn?: boolean;
  /** For messages: which file to edit. */
  configFile: string;
}

export const timingOf = (policy: Policy): Timing => ({
  replacementWithinMs: policy.replacementWithinMs,
  approvalExpiresAfterMs: policy.approval.expiresAfterMs,
  propagationLimitMs: policy.propagationLimitMs,
  noUsageCheck: policy.drain.acceptNoUsageCheck && policy.drain.quietForMs === 0,
});

/** Who acts: made by the way in, checked by the use case. */
export interface Actor {
  /** What the audit log shows: `cli:user@host`, `slack:U…`, `oidc:sub`, `api:<token name>` … */
  name: string;
  via: Approval["via"] | "worker" | "scan";
  /**
   * Everything that names this person, for four eyes: the name, and `mail:…` where an issuer or Slack proved an address.
   * Two actors that share one are the same person. Absent: the name alone.
   */
  identities?: readonly string[];
  /** From Slack: the workspace and person as the signed request has them. */
  slack?: { teamId: string; userId: string };
  /** From the issuer's token. */
  oidc?: { subject: string; groups: readonly string[] };
}

export const identitiesOf = (actor: Actor): readonly string[] => actor.identities ?? [actor.name];
