import type { Settings } from "../ports/settings.ts";
import type { Rotation } from "../rotation/record.ts";

/**
 * Whether `approvers.fourEyes` still asks for somebody (R21): no approval came from a proven person other than the
 * submitter. A terminal only asserts who is there, so its approvals never count here; a broken glass always does. A
 * revocation waits for nobody, and a policy without approvals has no approver to differ from.
 * @param submitter null while nothing was handed over
 */
export function lacksFourEyes(
  settings: Settings,
  r: Pick<Rotation, "reason" | "approvals">,
  submitter: string | null,
): boolean {
  if (!settings.approvers.fourEyes || r.reason === "compromised" || r.approvals.length === 0) return false;
  return !r.approvals.some((a) => a.breakGlass || (a.via !== "cli" && a.via !== "policy" && a.actor !== submitter));
}
