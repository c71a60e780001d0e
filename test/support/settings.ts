import type { Policy, RuleSetting, Settings, TargetSetting } from "../../src/ports/settings.ts";
import { DAY, HOUR, aDestination } from "./records.ts";

/** The defaults of the configuration. */
export const aPolicy = (more: Partial<Policy> = {}): Policy => ({
  maxAgeMs: 90 * DAY,
  gracePeriodMs: 7 * DAY,
  drain: { quietForMs: 24 * HOUR, limitMs: 7 * DAY, acceptNoUsageCheck: false },
  replacementWithinMs: 7 * DAY,
  propagationLimitMs: HOUR,
  approval: { required: true, approvals: 1, expiresAfterMs: 3 * DAY },
  ...more,
});

export const aTarget = (name: string, more: Partial<TargetSetting> = {}): TargetSetting => ({
  name,
  destinations: [aDestination(`${name}.env`)],
  policy: aPolicy(),
  keyId: null,
  ...more,
});

export const aRule = (more: Partial<RuleSetting> = {}): RuleSetting => ({
  match: { name: "prod-*", workspace: null },
  destinations: [aDestination("anthropic/{name}")],
  policy: aPolicy(),
  ...more,
});

/** Everybody on the command line, nobody else. */
export const someApprovers = (more: Partial<Settings["approvers"]> = {}): Settings["approvers"] => ({
  cli: ["*"],
  slack: { users: [], groups: [] },
  oidc: { subjects: [], groups: [] },
  fourEyes: false,
  ...more,
});

export const someSettings = (more: Partial<Settings> = {}): Settings => ({
  install: "keyturn",
  verifyModel: "claude-haiku-4-5",
  maxOpenRotations: 10,
  targets: [aTarget("billing")],
  rules: [],
  holds: [],
  approvers: someApprovers(),
  publicUrl: null,
  configFile: "config/keyturn.yaml",
  ...more,
});
