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
    /** Require that approver and submitter are different people. */
    fourEyes: boolean;
  };
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
  /** `cli:user@host` … */
  name: string;
  via: Approval["via"] | "worker" | "scan";
}
