import type { AdminKey } from "../ports/key-admin.ts";
import type { Approval, Destination, Rotation } from "../rotation/record.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { planHashOf } from "../rotation/plan.ts";
import type { State } from "../rotation/states.ts";
import { advance } from "./advance.ts";
import { commitAmend, commitMove } from "./commit.ts";
import { type Decider, authorizeOn, viaOf } from "./decisions.ts";
import type { Deps } from "./deps.ts";
import { discardReplacement } from "./discard-replacement.ts";
import { openRotations } from "./find.ts";
import { holdsOn, markedHolds, restoreHolds } from "./holds.ts";
import { openRotation } from "./open.ts";
import { resolveTarget } from "./plans.ts";
import { currentKeyOf, holderOfKey } from "./scan/current-key.ts";

export interface RevokeOptions {
  /** A key bound to no target: needs this and the key id typed in full. */
  unmanaged: boolean;
}
export interface Revoked {
  rotation: Rotation;
  /** What was done, or why nothing had to be. */
  message: string;
}

/** The outgoing key is inactive already, or on its way there. */
const NOTHING_TO_DO: readonly State[] = ["revoking", "grace_period", "archiving"];
/** How long a promotion that has begun may finish first (R4). */
const FINISH_WITHIN_MS = 60_000;
/** Where a replacement in use can be taken back; `rolling_back` does so already. */
const AFTER_PROMOTION: readonly State[] = [
  "promoting",
  "propagating",
  "draining",
  "deactivating",
  "reinstated",
  "rolling_back",
];

/**
 * Deactivates a compromised key now, in whatever state its rotation is (R4). A hold wins. Undone by `reinstate` until the
 * key is archived. Repeating it is harmless.
 * @param name a target (its outgoing key while a rotation is open, else the key in use) or a key id
 * @throws HELD (75), NOT_FOUND (64), NOT_AN_APPROVER (77)
 */
export async function revoke(deps: Deps, name: string, by: Decider, options: RevokeOptions): Promise<Revoked> {
  const allowed = await authorizeOn(deps, name, by);
  const isKeyId = name.startsWith("apikey_");
  if (
    !isKeyId &&
    resolveTarget(deps.settings, name) === null &&
    (await deps.rotations.holderOf(`target:${name}`)) === null
  ) {
    throw new KeyturnError("NOT_FOUND", `No target is called "${name}"; a key is named by its id (apikey_…).`);
  }
  const open = await openRotationOf(deps, name, isKeyId);
  const keyId = isKeyId ? name : (open?.outgoing.id ?? null);
  await restoreHolds(deps);
  const subjects = [name, ...(keyId === null ? [] : [keyId]), ...(open?.plan.targets ?? [])];
  await refuseHeld(deps, subjects, open?.plan.destinations ?? []);
  const at = deps.clock.now();
  const approval: Approval = {
    actor: by.actor.name,
    via: viaOf(by.actor),
    at,
    planHash: "",
    breakGlass: allowed.breakGlass,
  };
  if (open !== null && open.outgoing.id === (keyId ?? open.outgoing.id))
    return revokeOutgoing(deps, open, by, approval);
  const promoted = open === null ? null : await whilePromoted(deps, open);
  if (promoted !== null) return revokePromoted(deps, promoted, by);
  if (open?.state === "verifying" && open.replacement?.id === keyId) return revokePending(deps, open, by);
  return openRevoking(deps, name, isKeyId, by, options);
}

/** A hold wins over a revocation (R4), also one that only a mark still names (R17). @throws HELD (75) */
async function refuseHeld(
  deps: Deps,
  subjects: readonly string[],
  destinations: readonly Destination[],
): Promise<void> {
  const named = await holdsOn(deps, subjects);
  const holds = named.length > 0 ? named : await markedHolds(deps, destinations);
  if (holds.length > 0) throw new KeyturnError("HELD", `${holds.join(", ")}.`);
}

/** The open rotation in which the key plays a part, or that occupies the target. */
async function openRotationOf(deps: Deps, name: string, isKeyId: boolean): Promise<Rotation | null> {
  const holder = await deps.rotations.holderOf(isKeyId ? `key:${name}` : `target:${name}`);
  if (holder !== null) return deps.rotations.load(holder);
  if (!isKeyId) return null;
  return (await openRotations(deps)).find((r) => r.replacement?.id === name) ?? null;
}

async function revokeOutgoing(deps: Deps, r: Rotation, by: Decider, approval: Approval): Promise<Revoked> {
  if (NOTHING_TO_DO.includes(r.state))
    return { rotation: r, message: `${r.outgoing.name} is already deactivated or about to be (${r.state}).` };
  const plan = { ...r.plan, urgency: "urgent" as const };
  const planHash = planHashOf(plan);
  const compromised: Partial<Rotation> = {
    reason: "compromised",
    plan,
    planHash,
    approvals: [...r.approvals, { ...approval, planHash }],
    approvalsNeeded: 1,
    needsProceed: false,
    rollbackCause: null,
  };
  const signed = { actor: by.actor.name, via: by.actor.via };
  const at = deps.clock.now();
  if (r.state === "promoting" || r.state === "deactivating") {
    // Promotion is finished first if that takes less than a minute; a deactivation under way no longer needs P1.
    const patch = {
      ...compromised,
      wakeAt: at,
      ...(r.state === "promoting" ? { revokeAt: at + FINISH_WITHIN_MS } : {}),
    };
    const rotation = await commitAmend(deps, r, patch, {
      action: "rotation.revoke",
      ...signed,
      evidence: { keyId: r.outgoing.id },
    });
    return {
      rotation,
      message: `${r.outgoing.name} is deactivated as soon as the step under way is done, at most a minute from now.`,
    };
  }
  const patch =
    r.state === "rolling_back" && r.progress.some((p) => p.promotedAt !== null)
      ? { ...compromised, resumeState: "promoting" as const }
      : compromised;
  const rotation = await commitMove(deps, r, { event: "revoke", at, ...signed, patch }, { keyId: r.outgoing.id });
  return { rotation, message: `${r.outgoing.name} (${r.outgoing.id}) is being deactivated.` };
}

/**
 * The rotation when it is promoted and its outgoing key works, so that the old value can go back; null otherwise. With an
 * outgoing key that is inactive already it is first taken to where that leads: a key in use is then replaced anew (R4).
 */
async function whilePromoted(deps: Deps, open: Rotation): Promise<Rotation | null> {
  if (!AFTER_PROMOTION.includes(open.state)) return null;
  if (open.state === "rolling_back" || (await deps.admin.getKey(open.outgoing.id)).value?.status === "active")
    return open;
  await advance(open.id, deps);
  const after = await deps.rotations.load(open.id);
  if (after === null || !AFTER_PROMOTION.includes(after.state)) return null;
  throw new KeyturnError(
    "WRONG_STATE",
    `The outgoing key of ${after.id} is not active, so there is nothing to go back to (${after.state}).`,
    { next: `keyturn show ${after.id}` },
  );
}

/** The replacement leaked after promotion: the old value goes back while the outgoing key works, then it is deactivated. */
async function revokePromoted(deps: Deps, r: Rotation, by: Decider): Promise<Revoked> {
  const signed = { actor: by.actor.name, via: by.actor.via };
  const evidence = { keyId: r.replacement?.id };
  const patch = { revokeReplacement: true, wakeAt: deps.clock.now() };
  // From `reinstated` the way back is the person's own decision; a rollback under way only learns of one more thing to do.
  const event = r.state === "reinstated" ? "cancelled" : "replacement_dead";
  const rotation =
    r.state === "rolling_back"
      ? await commitAmend(deps, r, patch, { action: "rotation.revoke", ...signed, evidence })
      : await commitMove(deps, r, { event, at: deps.clock.now(), ...signed, patch }, evidence);
  return {
    rotation,
    message: `The old value is put back, then ${r.replacement?.name ?? "the replacement"} is deactivated.`,
  };
}

async function revokePending(deps: Deps, r: Rotation, by: Decider): Promise<Revoked> {
  const name = `${r.replacement?.name} (${r.replacement?.id})`;
  const rotation = await discardReplacement(deps, r, { actor: by.actor.name, via: by.actor.via });
  return {
    rotation,
    message: `The pending value is discarded. The key itself is still active: keyturn revoke ${r.replacement?.id} --unmanaged deactivates ${name}.`,
  };
}

async function openRevoking(
  deps: Deps,
  name: string,
  isKeyId: boolean,
  by: Decider,
  options: RevokeOptions,
): Promise<Revoked> {
  const found = isKeyId ? await holderOfKey(deps, name, "now") : await currentKeyOf(deps, name, "now");
  const opening = {
    reason: "compromised",
    start: "revoking",
    actor: by.actor,
    message: "revoked by a person",
  } as const;
  if (found !== null) {
    // The name that was typed was looked at already; now it is known which key and which targets it stands for.
    const destinations = found.targets.flatMap((target) => resolveTarget(deps.settings, target)?.destinations ?? []);
    await refuseHeld(deps, [found.outgoing.key.id, ...found.targets], destinations);
    const rotation = await openRotation(deps, { ...opening, targets: found.targets, outgoing: found.outgoing });
    return {
      rotation,
      message: `${rotation.outgoing.name} (${rotation.outgoing.id}) is being deactivated; ${found.targets.join(", ")} need a replacement.`,
    };
  }
  const key = (await deps.admin.getKey(name)).value;
  if (key === null) throw new KeyturnError("KEY_NOT_FOUND", name);
  assertUnmanagedAllowed(key, options);
  const outgoing = { key, fingerprint: null, hint: key.hint, organizationId: null, workspaceId: key.workspaceId };
  const rotation = await openRotation(deps, { ...opening, targets: [], outgoing });
  return {
    rotation,
    message: `${key.name} (${key.id}) belongs to no target; it is being deactivated, and stays inactive until somebody archives it in the Console or runs keyturn reinstate.`,
  };
}

function assertUnmanagedAllowed(key: AdminKey, { unmanaged }: RevokeOptions): void {
  if (!unmanaged) {
    throw new KeyturnError("WRONG_STATE", `${key.name} (${key.id}) belongs to no target.`, {
      next: `keyturn revoke ${key.id} --unmanaged`,
    });
  }
  if (key.status === "archived" || key.status === "expired")
    throw new KeyturnError("WRONG_STATE", `${key.name} is ${key.status} already.`);
}
