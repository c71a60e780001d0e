import type { AdminKey } from "../ports/key-admin.ts";
import { type Actor, timingOf } from "../ports/settings.ts";
import { aboutOf } from "../rotation/about.ts";
import type { Reason } from "../rotation/codes.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { planHashOf } from "../rotation/plan.ts";
import type { Approval, KeyFacts, Note, Plan, Rotation } from "../rotation/record.ts";
import { claim } from "./claim.ts";
import { commitOpen } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { type HabitReader, habitReader } from "./habit.ts";
import { planFor } from "./plans.ts";

/** What is known of the key to be replaced. */
export interface OutgoingKey {
  key: AdminKey;
  /** Of the value read from the destinations; null when there is none (a key of no target). */
  fingerprint: string | null;
  hint: string | null;
  organizationId: string | null;
  workspaceId: string | null;
}

export const factsOf = (o: OutgoingKey): KeyFacts => ({
  id: o.key.id,
  name: o.key.name,
  hint: o.key.hint ?? o.hint,
  fingerprint: o.fingerprint,
  createdAt: o.key.createdAt,
  expiresAt: o.key.expiresAt,
  createdBy: o.key.createdBy,
  organizationId: o.organizationId,
  workspaceId: o.key.workspaceId ?? o.workspaceId,
  principal: o.key.principal,
  scope: o.key.scope,
});

export interface Opening {
  targets: readonly string[];
  outgoing: OutgoingKey;
  reason: Reason;
  /** `revoking`: the key is compromised and a person said so; everything else is proposed first. */
  start: "awaiting_approval" | "revoking";
  actor: Actor;
  message: string;
  /** What the person who asked for it gave as their reason. */
  note?: Note | null;
  /** Of the scan that opens it; by default one of its own. */
  habitOf?: HabitReader;
}

/**
 * Opens a rotation: takes the locks on its targets and its key in the same script that creates the record, then claims
 * the destinations by mark. What to expect of its drain is read before, in a few seconds at most, and may stay unknown
 * (R13). Without a target (an unmanaged key) there is no destination and nothing to replace (R4).
 * @throws LOCK_HELD naming the rotation that occupies a target or the key · CONFIG_INVALID when a target is unknown
 */
export async function openRotation(deps: Deps, opening: Opening): Promise<Rotation> {
  const draft = newRecord(deps, opening);
  const habitOf = opening.habitOf ?? habitReader(deps);
  const { note = null } = opening;
  const record = { ...draft, longestPauseMs: await habitOf(draft), ...(note === null ? {} : { note }) };
  await commitOpen(deps, record, {
    action: "rotation.opened",
    actor: opening.actor.name,
    via: opening.actor.via,
    evidence: {
      reason: opening.reason,
      message: opening.message,
      planHash: record.planHash,
      outgoing: record.outgoing.id,
    },
  });
  const fingerprint = record.outgoing.fingerprint;
  if (fingerprint !== null && record.target !== null)
    await deps.scanLog.rememberFingerprint(fingerprint, record.target);
  // Read back again before the rotation leaves awaiting_approval; a store that is down now delays nothing.
  await claim(deps, record).catch((error: unknown) => {
    const code = error instanceof KeyturnError ? error.code : "INTERNAL";
    deps.log.warn({ event: "claim.failed", ...aboutOf(record), code }, "the destinations could not be claimed yet");
  });
  return record;
}

/** The record of a rotation that is about to open; pure but for its id and time. */
export function newRecord(deps: Deps, { targets, outgoing, reason, start, actor }: Opening): Rotation {
  const now = deps.clock.now();
  const planned = targets.length === 0 ? null : planFor(deps.settings, targets, outgoing.key.id, reason);
  if (targets.length > 0 && planned === null)
    throw new KeyturnError("CONFIG_INVALID", `${targets.join(", ")} is not configured.`);
  const plan = planned?.plan ?? unmanagedPlan(outgoing.key.id, reason);
  const policy = planned?.policy;
  const planHash = planHashOf(plan);
  const revoker: Approval[] =
    start === "revoking" && actor.via !== "worker" && actor.via !== "scan"
      ? [{ actor: actor.name, via: actor.via, at: now, planHash, breakGlass: false }]
      : [];
  const timing =
    policy === undefined
      ? { replacementWithinMs: 0, approvalExpiresAfterMs: 0, propagationLimitMs: 0, noUsageCheck: true }
      : timingOf(policy);
  const deadline = start === "revoking" || reason === "compromised" ? null : now + timing.approvalExpiresAfterMs;
  return {
    schema: 1,
    id: deps.newId(),
    install: deps.settings.install,
    revision: 1,
    onRecord: { revision: 1, upTo: 1 },
    target: targets[0] ?? null,
    reason,
    state: start,
    resumeState: null,
    rollbackCause: null,
    revokeReplacement: false,
    revokeAt: null,
    needsProceed: false,
    plan,
    planHash,
    timing,
    outgoing: factsOf(outgoing),
    replacement: null,
    progress: plan.destinations.map(() => ({
      baseVersion: null,
      pendingVersion: null,
      stagedAt: null,
      promotedVersion: null,
      promotedAt: null,
      rolledBackAt: null,
    })),
    approvals: revoker,
    // A revocation is a person's decision for the whole rotation.
    approvalsNeeded: start === "revoking" ? revoker.length : plan.approvals,
    rebuilt: null,
    attention: null,
    intent: null,
    lease: null,
    retry: null,
    createdAt: now,
    enteredAt: now,
    deadline,
    wakeAt: now,
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
    longestPauseMs: null,
    history: [{ at: now, event: "opened", actor: actor.name, via: actor.via }],
  };
}

/** A leaked key of no target is deactivated and stays in its grace period; there is nothing to replace (R4). */
function unmanagedPlan(outgoingKeyId: string, reason: Reason): Plan {
  const day = 86_400_000;
  return {
    targets: [],
    outgoingKeyId,
    urgency: reason === "compromised" ? "urgent" : "routine",
    destinations: [],
    approvals: 0,
    drain: { quietForMs: 0, limitMs: 0 },
    gracePeriodMs: 7 * day,
    requiredName: null,
  };
}
