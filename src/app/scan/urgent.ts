import { isUrgent } from "../../rotation/codes.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import { planHashOf } from "../../rotation/plan.ts";
import type { Rotation } from "../../rotation/record.ts";
import type { State } from "../../rotation/states.ts";
import { isNewer } from "../../rotation/newer.ts";
import { commitAmend, commitMove } from "../commit.ts";
import type { Deps } from "../deps.ts";
import { planFor } from "../plans.ts";
import type { Group } from "./judge-targets.ts";
import { SCANNER } from "./open-due.ts";

const AFTER_APPROVAL: readonly State[] = ["awaiting_replacement", "verifying"];

/**
 * A key that others deactivated while a routine rotation of it waits: the rotation becomes urgent (R20). Its plan changes
 * with that, so an approval that is not given yet is asked for anew (R15); one that was given covers the less.
 */
export async function makeUrgent(deps: Deps, groups: readonly Group[]): Promise<void> {
  for (const { key, candidate } of groups) {
    if (candidate.active || candidate.openRotationId === null) continue;
    const open = await deps.rotations.load(candidate.openRotationId);
    if (open === null || isNewer(open) || open.outgoing.id !== key.id || isUrgent(open.reason)) continue;
    try {
      await replaceReason(deps, open);
    } catch (error) {
      // A worker or a person was faster; the next scan looks again.
      if (asKeyturnError(error).code !== "CONFLICT") throw error;
    }
  }
}

async function replaceReason(deps: Deps, open: Rotation): Promise<void> {
  const reason = "deactivated_elsewhere";
  const planned = planFor(deps.settings, open.plan.targets, open.outgoing.id, reason);
  // A plan that changed in other ways as well is the worker's business first.
  const onlyUrgency = planned !== null && planHashOf({ ...planned.plan, urgency: open.plan.urgency }) === open.planHash;
  if (planned === null || !onlyUrgency) return;
  const patch = { reason, plan: planned.plan, planHash: planHashOf(planned.plan) } as const;
  const signed = { actor: SCANNER.name, via: SCANNER.via };
  const evidence = { reason, before: open.reason };
  if (open.state === "awaiting_approval") {
    await commitMove(deps, open, { event: "plan_changed", at: deps.clock.now(), ...signed, patch }, evidence);
  } else if (AFTER_APPROVAL.includes(open.state)) {
    await commitAmend(
      deps,
      open,
      { ...patch, wakeAt: deps.clock.now() },
      { action: "rotation.reason_changed", ...signed, evidence },
    );
  }
}
