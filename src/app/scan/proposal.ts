import type { AdminKey } from "../../ports/key-admin.ts";
import { knowsUpTo, revisionAfter } from "../../rotation/behind.ts";
import { destinationId } from "../../rotation/locks.ts";
import type { KeyFacts, Rotation } from "../../rotation/record.ts";
import { markFingerprint, sameHint } from "../../rotation/secret.ts";
import type { Deps } from "../deps.ts";
import type { HabitReader } from "../habit.ts";
import { factsOf, newRecord } from "../open.ts";
import { namedBy } from "./bind.ts";
import type { Claim } from "./claims.ts";
import type { ReadDestination, ReadTarget } from "./read-targets.ts";
import type { Survey } from "./survey.ts";

/** Whether a value is this key's: by hint, or by the mark written for that very value when the key has no hint. */
export function isValueOf(key: AdminKey, d: ReadDestination): boolean {
  if (key.hint !== null) return sameHint(key.hint, d.hint);
  const { marks } = d;
  return marks.fingerprint === markFingerprint(d.fingerprint) && namedBy(marks)[0] === key.id;
}

/** Why nothing can be proposed from the marks; `over`: there is nothing left to do. */
export type NoProposal = "contradiction" | "over" | "not_here";

/**
 * The record that the marks suggest, as a proposal: keys that the Admin API confirms, no approvals, and at least one needed.
 * After that approval the normal way finds the replacement wherever it is, because every effect looks first (R2, P8).
 */
export async function proposalFrom(
  deps: Deps,
  claim: Claim,
  { bound }: Pick<Survey, "bound">,
  habitOf: HabitReader,
): Promise<Rotation | NoProposal> {
  const [outgoingId, otherOutgoing] = claim.outgoing;
  const [replacementId, otherReplacement] = claim.replacement;
  if (outgoingId === undefined || otherOutgoing !== undefined || otherReplacement !== undefined) return "contradiction";
  const outgoing = (await deps.admin.getKey(outgoingId)).value;
  if (outgoing === null || outgoing.status === "archived") return "over";
  const replacement = replacementId === undefined ? null : (await deps.admin.getKey(replacementId)).value;
  const holds = (key: AdminKey | null, r: ReadTarget) => key !== null && r.destinations.some((d) => isValueOf(key, d));
  const byValue = claim.targets.filter((r) => holds(outgoing, r) || holds(replacement, r));
  const byKey = bound.filter(([, b]) => b.key?.id === outgoing.id).map(([r]) => r);
  const targets = [...new Set([...byValue, ...byKey])];
  // Neither key of the mark is where the mark is: it belongs to something else, or was made up.
  if (targets.length === 0) return "not_here";
  const destinations = targets.flatMap((r) => r.destinations);
  const before =
    destinations.find((d) => isValueOf(outgoing, d)) ??
    bound.find(([, b]) => b.key?.id === outgoing.id)?.[0].destinations[0];
  const base = newRecord(deps, {
    targets: targets.map((r) => r.target.name).toSorted(),
    outgoing: {
      key: outgoing,
      fingerprint: before?.fingerprint ?? null,
      hint: outgoing.hint,
      organizationId: null,
      workspaceId: null,
    },
    reason: before !== undefined && outgoing.status === "inactive" ? "deactivated_elsewhere" : "requested",
    start: "awaiting_approval",
    actor: { name: "keyturn", via: "scan" },
    message: "rebuilt from marks",
  });
  const after = replacement === null ? undefined : destinations.find((d) => isValueOf(replacement, d));
  const facts = replacement === null || after === undefined ? null : promotedFacts(replacement, after);
  return {
    ...base,
    id: claim.rotation,
    revision: revisionAfter(claim.revision),
    rebuilt: "marks",
    approvalsNeeded: Math.max(1, base.plan.approvals),
    replacement: facts,
    progress: progressOf(base, destinations, facts, deps.clock.now()),
    longestPauseMs: await habitOf(base),
    history: [{ at: base.createdAt, event: "rebuilt", actor: "keyturn", via: "scan" }],
  };
}

/** One person, by nothing that names them. */
const NOT_KNOWN = [[]] as const;

/** Of a replacement that was found in use: what a record that did not know it says of it. */
type InUse = Pick<Rotation, "replacement" | "progress" | "submittedBy" | "acceptExpiry"> & {
  handedOverBy: readonly (readonly string[])[];
};

/**
 * The replacement that the marks name, where a destination holds it and the Admin API knows it: a stale record from before it
 * was handed over must not ask for another one (P2, P7). null: there is none.
 */
export async function replacementInUse(deps: Deps, claim: Claim, there: Rotation): Promise<InUse | null> {
  const [id, other] = claim.replacement;
  if (id === undefined || other !== undefined || id === there.outgoing.id || id === there.replacement?.id) return null;
  const key = (await deps.admin.getKey(id)).value;
  const destinations = claim.targets.flatMap((r) => r.destinations);
  const holder = key === null ? undefined : destinations.find((d) => isValueOf(key, d));
  if (key === null || holder === undefined) return null;
  const replacement = promotedFacts(key, holder);
  const progress = progressOf(there, destinations, replacement, deps.clock.now());
  // Who had this one in hand is not known: four eyes must not take it for whoever had another one (R21).
  return { replacement, progress, submittedBy: null, handedOverBy: NOT_KNOWN, acceptExpiry: false };
}

const promotedFacts = (key: AdminKey, d: ReadDestination): KeyFacts =>
  factsOf({ key, fingerprint: d.fingerprint, hint: d.hint, organizationId: null, workspaceId: null });

function progressOf(
  base: Rotation,
  destinations: readonly ReadDestination[],
  replacement: KeyFacts | null,
  now: number,
): Rotation["progress"] {
  const values = new Map(destinations.map((d) => [destinationId(d.dest), d.fingerprint]));
  return base.progress.map((p, i) => {
    const dest = base.plan.destinations[i];
    const promoted =
      replacement !== null && dest !== undefined && values.get(destinationId(dest)) === replacement.fingerprint;
    return promoted ? { ...p, promotedAt: now } : p;
  });
}

/**
 * A stale record whose marks are ahead: what was decided since is unknown, so it starts again as a proposal. What the
 * record knows of the keys stays; it is from Redis and not from a mark.
 */
export function asProposal(there: Rotation, claim: Claim, now: number): Rotation {
  const compromised = there.reason === "compromised";
  return {
    ...there,
    revision: revisionAfter(there.revision, knowsUpTo(there), claim.revision),
    state: "awaiting_approval",
    resumeState: null,
    rollbackCause: null,
    revokeReplacement: false,
    revokeAt: null,
    needsProceed: false,
    approvals: [],
    approvalsNeeded: Math.max(1, there.approvalsNeeded, there.plan.approvals),
    rebuilt: "marks",
    attention: null,
    intent: null,
    lease: null,
    retry: null,
    enteredAt: now,
    deadline: compromised ? null : now + there.timing.approvalExpiresAfterMs,
    wakeAt: now,
    propagatedAt: null,
    drainLimitAt: null,
    graceEndsAt: null,
    heldAt: null,
    deactivatedAt: null,
    history: [...there.history, { at: now, event: "rebuilt", actor: "keyturn", via: "scan" }],
  };
}
