import type { Actor } from "../ports/settings.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Approval, Rotation } from "../rotation/record.ts";
import { withPlan } from "../rotation/transition.ts";
import { claim } from "./claim.ts";
import { commitAmend, commitMove } from "./commit.ts";
import { type Decider, applyDecision, assertShown, decideOn, viaOf } from "./decisions.ts";
import type { Deps } from "./deps.ts";
import { noneOpen } from "./find.ts";
import { canAddEyes, handsOn, lacksFourEyes } from "./four-eyes.ts";
import { planSeen } from "./observe.ts";

/**
 * Counts one person's approval for exactly the plan that the record shows. Repeating it changes nothing. Also binds a
 * rotation whose plan changed after promotion to the plan of now, and gives a rebuilt one its approval (R2, R15).
 * @param shown the plan hash, or its beginning, that the person was shown; another one is refused. null: not checked
 */
export function approve(deps: Deps, id: string, by: Decider, shown: string | null = null): Promise<Rotation> {
  return decideOn(deps, id, by, async (record, { breakGlass, identities }) => {
    const plan = planSeen(deps, record);
    if (record.endedAt !== null) {
      const ended = `Rotation ${record.id} has ended: ${record.state}.`;
      throw record.target === null ? new KeyturnError("WRONG_STATE", ended) : noneOpen(record.target, `${ended} `);
    }
    if (plan.kind === "target_removed") throw new KeyturnError("WRONG_STATE", "Its target is no longer configured.");
    const missing = record.approvals.length < record.approvalsNeeded;
    const waits = record.state === "awaiting_approval";
    // Later on the approval binds the plan of now: whoever was shown the one of before has not seen that (P10).
    assertShown(!waits && plan.kind === "changed" ? plan : record, shown);
    // The worker that ends the wait may be late; an approval counts before the deadline only (P10).
    if (waits && record.deadline !== null && deps.clock.now() >= record.deadline)
      throw new KeyturnError("WRONG_STATE", `The time to decide on ${record.id} is over.`, {
        reason: "deadline_passed",
      });
    if (!waits && !missing && record.attention?.code !== "plan_changed") {
      if (record.approvals.some((a) => isSamePerson(a, identities))) return record;
      // Nothing is missing yet; but with four eyes a second person frees whoever hands the key over (R21).
      const frees = plan.kind === "same" && canAddEyes(deps.settings, record, by.actor.via);
      if (!frees)
        throw new KeyturnError(
          "WRONG_STATE",
          `Rotation ${record.id} is in ${record.state}; nothing is to be approved.`,
        );
    }
    if (waits && plan.kind === "changed") {
      await commitMove(deps, record, {
        event: "plan_changed",
        at: deps.clock.now(),
        actor: "keyturn",
        via: by.actor.via,
        patch: withPlan(record, plan.plan, plan.planHash),
      });
      throw new KeyturnError("WRONG_STATE", "The plan changed since it was shown; look at it and approve again.", {
        reason: "plan_changed",
      });
    }
    // Identity on a terminal is only asserted, and a token is nobody: all such approvals together count once, unless the
    // glass is broken (R21).
    const kept = plan.kind === "changed" ? [] : record.approvals;
    const already = kept.some((a) => isSamePerson(a, identities) || (isAsserted(by.actor.via) && isAsserted(a.via)));
    // Recorded as broken only where that was needed: by somebody not listed, or for approvals that are missing.
    const bound: Partial<Rotation> = plan.kind === "changed" ? withPlan(record, plan.plan, plan.planHash) : {};
    const neededNow = bound.approvalsNeeded ?? record.approvalsNeeded;
    const fourEyes = deps.settings.approvers.fourEyes && isAsserted(by.actor.via);
    const short = already || kept.length + 1 < neededNow || fourEyes;
    const forced = breakGlass || (by.breakGlass !== null && short);
    if (already && !forced) {
      throw new KeyturnError(
        "NOT_AN_APPROVER",
        isAsserted(by.actor.via)
          ? "One approval from the command line or with a token is already counted; another way has to give the next."
          : "Your approval is already counted; another person has to give the next.",
      );
    }
    const now = deps.clock.now();
    const planHash = plan.kind === "changed" ? plan.planHash : record.planHash;
    const mine = { actor: by.actor.name, via: viaOf(by.actor), at: now, planHash, breakGlass: forced, identities };
    const approvals = [...kept, mine];
    // Without a page of ours the key comes from a terminal, whose person nobody can compare.
    const hands = handsOn(record) ?? (deps.settings.publicUrl === null ? [[]] : null);
    const lacks = lacksFourEyes(deps.settings, { reason: record.reason, approvals }, hands);
    const another = lacks ? approvals.length + 1 : 0;
    const needed = forced ? Math.min(neededNow, approvals.length) : Math.max(neededNow, another);
    const patch: Partial<Rotation> = { ...bound, approvals, approvalsNeeded: needed };
    const enough = approvals.length >= needed;
    if (waits && enough) {
      // Read back before the rotation leaves awaiting_approval (R23).
      await claim(deps, record);
      return applyDecision(deps, record, "approved", by, forced, { patch });
    }
    return commitAmend(
      deps,
      record,
      // What else needs a person while a key is awaited is not settled by an approval.
      { ...patch, ...(record.state === "awaiting_replacement" ? {} : { attention: null }), wakeAt: now },
      {
        action: "approval.granted",
        actor: by.actor.name,
        via: by.actor.via,
        evidence: { planHash, breakGlass: forced, count: approvals.length, needed },
      },
    );
  });
}

/** Ways in that prove no person. */
const isAsserted = (via: Actor["via"]): boolean => via === "cli" || via === "api";

const isSamePerson = (approval: Approval, identities: readonly string[]): boolean =>
  (approval.identities ?? [approval.actor]).some((identity) => identities.includes(identity));
