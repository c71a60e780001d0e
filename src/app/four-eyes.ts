import type { Settings } from "../ports/settings.ts";
import type { Approval, Rotation } from "../rotation/record.ts";

/** Ways in that prove who is there. A terminal only asserts it, and a token is not a person (R21). */
const PROVEN: ReadonlySet<Approval["via"]> = new Set(["slack", "oidc"]);

/**
 * Whether `approvers.fourEyes` still asks for somebody (R21): no approval came from a proven person other than the
 * submitter. A broken glass always counts. A revocation waits for nobody, and a policy without approvals has no approver to
 * differ from.
 * @param submitter everything that names who hands the key over, or made it; null while nothing was handed over
 */
export function lacksFourEyes(
  settings: Pick<Settings, "approvers">,
  r: Pick<Rotation, "reason" | "approvals">,
  submitter: readonly string[] | null,
): boolean {
  if (!settings.approvers.fourEyes || r.reason === "compromised" || r.approvals.length === 0) return false;
  return !r.approvals.some((a) => a.breakGlass || (PROVEN.has(a.via) && !isOneOf(a, submitter ?? [])));
}

const isOneOf = (approval: Approval, person: readonly string[]): boolean =>
  (approval.identities ?? [approval.actor]).some((identity) => person.includes(identity));
