import type { Actor } from "../ports/settings.ts";
import { aboutOf } from "../rotation/about.ts";
import { isBehind, refuseBehind } from "../rotation/behind.ts";
import { refuseKey } from "../rotation/contains-key.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { planHashOf } from "../rotation/plan.ts";
import type { Instant, Note, Rotation } from "../rotation/record.ts";
import type { Event } from "../rotation/states.ts";
import { destinationOf } from "../rotation/transition.ts";
import { refuseNewer } from "../rotation/newer.ts";
import { type Allowed, authorize } from "./authorize.ts";
import { commitAmend, commitMove } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { subjectsOf, holdsOn } from "./holds.ts";
import { allTheSame, refuseOutrun } from "./marks-seen.ts";
import { planSeen } from "./observe.ts";
import { stepAside } from "./step-aside.ts";

export interface Decider {
  actor: Actor;
  breakGlass: { reason: string } | null;
}
const MAX_SNOOZE_MS = 30 * 86_400_000;

/**
 * Loads, checks and applies a decision; somebody else's write in between is answered, never overwritten (P10). The marks are
 * asked first: a decision on what Redis has forgotten would leave it half done, and be on record as newer than it (P7, R16). A
 * manager that cannot be read does not keep people from deciding.
 * @param urgent an emergency, which does not wait for a secrets manager
 * @param looksOnly it decides nothing, so a record that is behind stays that
 */
export async function decideOn(
  deps: Deps,
  id: string,
  by: Decider,
  apply: (r: Rotation, allowed: Allowed) => Promise<Rotation>,
  { urgent = false, looksOnly = false }: { urgent?: boolean; looksOnly?: boolean } = {},
): Promise<Rotation> {
  refuseKey("The name of the rotation", id);
  refuseKey("The reason", by.breakGlass?.reason);
  const record = await deps.rotations.load(id);
  if (record === null) throw new KeyturnError("NOT_FOUND", `No rotation ${id}.`);
  refuseNewer(record);
  if (!urgent) refuseBehind(record, deps.clock.now());
  try {
    const allowed = await authorize(deps, by.actor, by.breakGlass);
    if (!urgent && !isBehind(record)) await refuseOutrun(deps, record);
    if (by.breakGlass !== null)
      deps.log.error(
        {
          event: "break_glass",
          ...aboutOf(record),
          actor: by.actor.name,
          reason: by.breakGlass.reason,
          needed: allowed.breakGlass,
        },
        "a decision came with --break-glass",
      );
    const decide = async (r: Rotation) => {
      if (r.intent?.sent === true)
        throw new KeyturnError("WRONG_STATE", "It is too late: the call to archive the key was already sent.");
      return apply(looksOnly || urgent ? r : await allTheSame(deps, r), allowed);
    };
    return await stepAside(deps, record, decide, (now) => isSameQuestion(record, now));
  } catch (error) {
    if (error instanceof KeyturnError && error.code !== "CONFLICT") await recordRefusal(deps, record, by, error);
    throw error;
  }
}

/**
 * Whether a save in between left alone what was decided on: a worker's does. Somebody else's decision does not, and its
 * conflict is answered.
 */
const isSameQuestion = (a: Rotation, b: Rotation): boolean =>
  a.state === b.state &&
  a.planHash === b.planHash &&
  a.attention?.code === b.attention?.code &&
  a.approvals.length === b.approvals.length;

/** Refused decisions are evidence too. Never throws. */
export async function recordRefusal(deps: Deps, r: Rotation, by: Decider, error: KeyturnError): Promise<void> {
  await deps.audit
    .append([
      {
        at: deps.clock.now(),
        rotation: r.id,
        target: r.target,
        action: "decision.refused",
        actor: by.actor.name,
        via: by.actor.via,
        evidence: { code: error.code, ...(error.reason === null ? {} : { reason: error.reason }), state: r.state },
      },
    ])
    .catch(() => undefined);
}

/** `authorize` for what is decided on a target or key by name; a refusal is on record. @throws NOT_AN_APPROVER (77), USAGE (64) */
export async function authorizeOn(deps: Deps, subject: string, by: Decider): Promise<Allowed> {
  refuseKey("The name of the target or key", subject);
  refuseKey("The reason", by.breakGlass?.reason);
  try {
    return await authorize(deps, by.actor, by.breakGlass);
  } catch (error) {
    const entry = {
      at: deps.clock.now(),
      rotation: null,
      target: subject.startsWith("apikey_") ? null : subject,
      action: "decision.refused",
      actor: by.actor.name,
      via: by.actor.via,
    };
    const code = error instanceof KeyturnError ? error.code : "INTERNAL";
    await deps.audit.append([{ ...entry, evidence: { code, subject } }]).catch(() => undefined);
    throw error;
  }
}

function need(r: Rotation, event: Event): void {
  if (destinationOf(r, event) !== null) return;
  // Once the outgoing key is inactive, the way back is another command.
  const next =
    event === "cancelled" && (r.state === "grace_period" || r.state === "archiving")
      ? { next: `keyturn reinstate ${r.id}` }
      : {};
  throw new KeyturnError(
    "WRONG_STATE",
    r.endedAt === null ? `Rotation ${r.id} is in ${r.state}.` : `Rotation ${r.id} has ended: ${r.state}.`,
    next,
  );
}

/** Makes the move of a decision, with the plan it was for as evidence. @throws WRONG_STATE, USAGE when the reason has a key in it */
export function applyDecision(
  deps: Deps,
  r: Rotation,
  event: Event,
  by: Decider,
  breakGlass: boolean,
  more: { patch?: Partial<Rotation>; reason?: string | null } = {},
): Promise<Rotation> {
  refuseKey("The reason", more.reason);
  need(r, event);
  // A snooze says until when, which the record has.
  const note = event === "snoozed" ? null : noteOf(more.reason ?? null, by.actor, deps.clock.now());
  const evidence = { planHash: r.planHash, reason: more.reason ?? by.breakGlass?.reason ?? null, breakGlass };
  return commitMove(
    deps,
    r,
    {
      event,
      at: deps.clock.now(),
      actor: by.actor.name,
      via: by.actor.via,
      patch: { ...more.patch, ...(note === null ? {} : { note }) },
    },
    evidence,
  );
}

/** A reason as the record keeps it: one line of at most 500 characters. null: none was given. */
export function noteOf(reason: string | null, actor: Actor, at: Instant): Note | null {
  const text = (reason ?? "").replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return text === "" ? null : { text: text.slice(0, 500).replace(/[\uD800-\uDBFF]$/, ""), actor: actor.name, at };
}

export const viaOf = (actor: Actor): "cli" | "slack" | "oidc" | "api" | "policy" =>
  actor.via === "worker" || actor.via === "scan" ? "policy" : actor.via;

/**
 * A decision is for the plan that the person was shown (P10). @param shown its hash or the beginning of it; null: not
 * checked. @throws WRONG_STATE with the reason `plan_changed`
 */
export function assertShown({ planHash }: Pick<Rotation, "planHash">, shown: string | null): void {
  if (shown === null || planHash.startsWith(shown)) return;
  throw new KeyturnError("WRONG_STATE", "The plan changed since it was shown; look at it and decide again.", {
    reason: "plan_changed",
  });
}

/** Declines a proposal. @param shown see `assertShown` */
export function reject(
  deps: Deps,
  id: string,
  by: Decider,
  reason: string | null,
  shown: string | null = null,
): Promise<Rotation> {
  return decideOn(deps, id, by, async (r, { breakGlass }) => {
    assertShown(r, shown);
    if (r.state === "rejected") return r;
    if (r.reason === "compromised") {
      throw new KeyturnError("WRONG_STATE", "A compromised rotation cannot be rejected: its target needs a key.", {
        next: `keyturn approve ${r.id}, or keyturn reinstate ${r.id}`,
      });
    }
    return applyDecision(deps, r, "rejected", by, breakGlass, { reason });
  });
}

/** Puts a proposal off. @param until epoch milliseconds; at most 30 days ahead. @param shown see `assertShown` */
export function snooze(
  deps: Deps,
  id: string,
  by: Decider,
  until: number,
  shown: string | null = null,
): Promise<Rotation> {
  return decideOn(deps, id, by, async (r, { breakGlass }) => {
    assertShown(r, shown);
    if (r.reason === "compromised") throw new KeyturnError("WRONG_STATE", "A compromised key cannot be snoozed.");
    const now = deps.clock.now();
    if (until <= now) throw new KeyturnError("USAGE", "--until lies in the past.");
    if (until > now + MAX_SNOOZE_MS) throw new KeyturnError("USAGE", "--until may be at most 30 days ahead.");
    return applyDecision(deps, r, "snoozed", by, breakGlass, {
      patch: { notBefore: until },
      reason: `until ${new Date(until).toISOString()}`,
    });
  });
}

/** Stops the rotation and puts everything back; refused for a compromised key, whose way back is `reinstate`. */
export function cancel(deps: Deps, id: string, by: Decider, reason: string | null): Promise<Rotation> {
  return decideOn(deps, id, by, async (r, { breakGlass }) => {
    if (r.reason === "compromised" && r.state !== "reinstated") {
      throw new KeyturnError("WRONG_STATE", "A compromised rotation cannot be cancelled.", {
        next: `keyturn reinstate ${r.id} undoes the revocation`,
      });
    }
    // Cancelled already, or about to be.
    if (r.state === "cancelled" || (r.state === "rolling_back" && r.rollbackCause === "cancelled")) return r;
    return applyDecision(deps, r, "cancelled", by, breakGlass, { reason, patch: { rollbackCause: "cancelled" } });
  });
}

/**
 * Looks again now. In `reinstated` it resumes the rotation; otherwise it only wakes it and lifts `notBefore` of its target.
 * @param lookOnly from a card, which may be an old one: only another look, never a resumption. @throws WRONG_STATE
 */
export function retry(deps: Deps, id: string, by: Decider, lookOnly = false): Promise<Rotation> {
  return decideOn(
    deps,
    id,
    by,
    async (r, { breakGlass }) => {
      if (lookOnly && (r.state === "reinstated" || r.endedAt !== null))
        throw new KeyturnError("WRONG_STATE", `Rotation ${r.id} is in ${r.state}.`, { next: `keyturn retry ${r.id}` });
      if (r.state === "reinstated") return applyDecision(deps, r, "retry", by, breakGlass, { patch: routineAgain(r) });
      if (r.endedAt !== null) {
        if (r.state === "completed") throw new KeyturnError("WRONG_STATE", `Rotation ${r.id} is completed.`);
        return commitAmend(
          deps,
          r,
          { notBefore: null },
          { action: "not_before.lifted", actor: by.actor.name, via: by.actor.via },
          { targets: r.plan.targets, value: null },
        );
      }
      return commitAmend(
        deps,
        r,
        {
          retry: null,
          wakeAt: deps.clock.now(),
          attention: r.attention === null ? null : { ...r.attention, looks: 0 },
        },
        {
          action: "rotation.retry",
          actor: by.actor.name,
          via: by.actor.via,
        },
      );
    },
    { looksOnly: true },
  );
}

/** A key that was reinstated is not compromised any more: it drains like any other, and P1 holds for it again. */
function routineAgain(r: Rotation): Partial<Rotation> {
  if (r.reason !== "compromised") return {};
  const plan = { ...r.plan, urgency: "routine" as const };
  return { reason: "requested", plan, planHash: planHashOf(plan) };
}

/** Past an undecidable drain, or forward out of a rollback that has nothing to go back to: an approval of its own (R13). */
export function proceed(deps: Deps, id: string, by: Decider, reason: string): Promise<Rotation> {
  return decideOn(deps, id, by, async (r, { breakGlass, identities }) => {
    if (reason.trim() === "") throw new KeyturnError("USAGE", "--reason must say why.");
    need(r, "proceed");
    if (r.state === "draining") {
      const holds = await holdsOn(deps, subjectsOf(r));
      if (holds.length > 0) throw new KeyturnError("HELD", `${holds.join(", ")}.`);
      if (planSeen(deps, r).kind !== "same")
        throw new KeyturnError("WRONG_STATE", "The plan changed; approve it or put the configuration back first.");
    }
    const mine = { actor: by.actor.name, via: viaOf(by.actor), at: deps.clock.now(), planHash: r.planHash, breakGlass };
    const approvals = [...r.approvals, { ...mine, identities }];
    return applyDecision(deps, r, "proceed", by, breakGlass, { reason, patch: { approvals, needsProceed: false } });
  });
}
