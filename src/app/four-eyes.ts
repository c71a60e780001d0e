import type { Settings } from "../ports/settings.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { Approval, Rotation } from "../rotation/record.ts";
import type { Deps } from "./deps.ts";

/** Everything that names one person; empty: somebody we know nothing of. */
export type Person = readonly string[];

/** Ways in that prove who is there. A terminal only asserts it, and a token is not a person (R21). */
const PROVEN: ReadonlySet<string> = new Set<Approval["via"]>(["slack", "oidc"]);
const isProven = (via: string): boolean => PROVEN.has(via);

/** What identifies a person wherever it appears, so that two values of one kind are two people. */
const KINDS = ["mail:", "slack:", "oidc:"] as const;

/**
 * Whether `approvers.fourEyes` still asks for somebody (R21). Enough is a broken glass; or a proven approval by a person
 * who is surely none of those who had the key in hand; or proven approvals by two people who are surely not one, since
 * then one of them is another person, whoever handed it over. What cannot be compared counts as the same person. A
 * revocation waits for nobody, and a policy without approvals has no approver to differ from.
 * @param people those who hand the key over, or made it; null while nothing was handed over
 */
export function lacksFourEyes(
  settings: Pick<Settings, "approvers">,
  r: Pick<Rotation, "reason" | "approvals">,
  people: readonly Person[] | null,
): boolean {
  if (!settings.approvers.fourEyes || r.reason === "compromised" || r.approvals.length === 0) return false;
  if (r.approvals.some((a) => a.breakGlass) || hasTwoPeople(r.approvals)) return false;
  return !r.approvals.some(
    (a) => isProven(a.via) && (people ?? []).every((person) => areTwoPeople(personOf(a), person)),
  );
}

/** Whether two proven approvals surely come from two people. */
export const hasTwoPeople = (approvals: readonly Approval[]): boolean => {
  const people = approvals.filter((a) => isProven(a.via)).map(personOf);
  return people.some((one, at) => people.slice(at + 1).some((other) => areTwoPeople(one, other)));
};

/** Whether one more approval, by a proven person, can make two people of the approvers while a key is awaited. */
export const canAddEyes = (
  settings: Pick<Settings, "approvers">,
  r: Pick<Rotation, "state" | "approvals">,
  via: string,
): boolean =>
  settings.approvers.fourEyes && r.state === "awaiting_replacement" && isProven(via) && !hasTwoPeople(r.approvals);

/** Surely two: both carry an identity of one kind, with different values, and share none. */
export function areTwoPeople(one: Person, other: Person): boolean {
  if (one.some((identity) => other.includes(identity))) return false;
  return KINDS.some((kind) => [one, other].every((person) => person.some((identity) => identity.startsWith(kind))));
}

const personOf = (a: Approval): Person => a.identities ?? [a.actor];

/** Who had the accepted replacement in hand; null: there is none yet. */
export const handsOn = (r: Pick<Rotation, "replacement" | "handedOverBy" | "submittedBy">): readonly Person[] | null =>
  r.replacement === null ? null : (r.handedOverBy ?? [r.submittedBy === null ? [] : [r.submittedBy]]);

/** Both ways out of what four eyes refuse, for whoever is to hand the key over. */
export const TWO_WAYS_OUT =
  "Another person hands it over on the one-time page or the dashboard, or one more person approves on the dashboard.";

/** @param about who cannot be told from the approver, such as "you" */
export const tooFewEyes = (about: string): KeyturnError =>
  new KeyturnError("NOT_AN_APPROVER", `approvers.fourEyes: ${about} must surely be another person than who approved.`, {
    reason: "four_eyes",
    next: TWO_WAYS_OUT,
  });

/**
 * Everything that names the person who made a key in the Console: the id of the record, and the address that the Admin API
 * has for it. Empty where the record does not tell. @throws ADMIN_* when the API cannot be asked: then nobody knows
 */
export async function creatorOf(deps: Pick<Deps, "admin">, createdBy: string | null): Promise<Person> {
  if (createdBy === null) return [];
  const email = createdBy.startsWith("user_") ? await deps.admin.userEmail(createdBy) : null;
  return email === null ? [createdBy] : [createdBy, `mail:${email}`];
}
