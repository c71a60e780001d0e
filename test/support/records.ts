import { planHashOf } from "../../src/rotation/plan.ts";
import type { Destination, DestinationProgress, KeyFacts, Plan, Rotation } from "../../src/rotation/record.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** Where test clocks start. */
export const NOON = Date.parse("2026-11-20T12:00:00Z");

export const aDestination = (secret: string, more: Partial<Destination> = {}): Destination => ({
  store: "files",
  type: "dotenv-file",
  location: { directory: "secrets" },
  secret,
  field: "ANTHROPIC_API_KEY",
  ...more,
});

export const aKey = (id: string, more: Partial<KeyFacts> = {}): KeyFacts => ({
  id,
  name: id.replace("apikey_", ""),
  hint: null,
  fingerprint: `fp-${id}`,
  createdAt: NOON - 91 * DAY,
  expiresAt: null,
  createdBy: null,
  organizationId: "org",
  workspaceId: "wrkspc_1",
  principal: null,
  scope: "workspace",
  ...more,
});

export const noProgress = (): DestinationProgress => ({
  baseVersion: null,
  pendingVersion: null,
  stagedAt: null,
  promotedVersion: null,
  promotedAt: null,
  rolledBackAt: null,
});

export function aPlan(more: Partial<Plan> = {}): Plan {
  return {
    targets: ["billing"],
    outgoingKeyId: "apikey_out",
    urgency: "routine",
    destinations: [aDestination("billing.env")],
    approvals: 1,
    drain: { quietForMs: 24 * HOUR, limitMs: 7 * DAY },
    gracePeriodMs: 7 * DAY,
    requiredName: null,
    ...more,
  };
}

/** A rotation that was just opened, with whatever the test says differently. */
export function aRotation(more: Partial<Rotation> = {}): Rotation {
  const plan = more.plan ?? aPlan();
  return {
    schema: 1,
    id: "rot_test",
    install: "keyturn",
    revision: 1,
    target: "billing",
    reason: "age",
    state: "awaiting_approval",
    resumeState: null,
    rollbackCause: null,
    revokeReplacement: false,
    revokeAt: null,
    needsProceed: false,
    plan,
    planHash: planHashOf(plan),
    timing: {
      replacementWithinMs: 7 * DAY,
      approvalExpiresAfterMs: 3 * DAY,
      propagationLimitMs: HOUR,
      noUsageCheck: false,
    },
    outgoing: aKey("apikey_out"),
    replacement: null,
    progress: plan.destinations.map(noProgress),
    approvals: [],
    approvalsNeeded: plan.approvals,
    rebuilt: null,
    attention: null,
    intent: null,
    lease: null,
    retry: null,
    createdAt: NOON,
    enteredAt: NOON,
    deadline: NOON + 3 * DAY,
    wakeAt: NOON + 3 * DAY,
    propagatedAt: null,
    drainLimitAt: null,
    graceEndsAt: null,
    heldAt: null,
    deactivatedAt: null,
    endedAt: null,
    notBefore: null,
    submittedBy: null,
    acceptExpiry: false,
    cleanedUp: false,
    ownUse: { requests: 0, tokens: 0 },
    history: [],
    ...more,
  };
}
