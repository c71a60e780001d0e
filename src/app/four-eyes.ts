import type { Settings } from "../ports/settings.ts";
import type { Approval, Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";

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

/**
 * Everything that names the person who made a key in the Console: the id of the record, and the address that the Admin API
 * has for it. Empty where the record does not tell. @throws ADMIN_* when the API cannot be asked: then nobody knows
 */
export async function creatorOf(deps: Pick<Deps, "admin">, createdBy: string | null): Promise<readonly string[]> {
  if (createdBy === null) return [];
  const email = createdBy.startsWith("user_") ? await deps.admin.userEmail(createdBy) : null;
  return email === null ? [createdBy] : [createdBy, `mail:${email}`];
}

const isOneOf = (approval: Approval, person: readonly string[]): boolean =>
  (approval.identities ?? [approval.actor]).some((identity) => person.includes(identity));
