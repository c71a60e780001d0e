import { REASONS } from "../../rotation/codes.ts";
import { ERRORS, type KeyturnError, asKeyturnError } from "../../rotation/errors.ts";
import type { Instant, Rotation } from "../../rotation/record.ts";
import type { State } from "../../rotation/states.ts";

/*
 * What the desk says, as plain text. People of Slack are named `slack:U…`; the adapter shows such a name as a mention.
 */

/** The most that an answer may have; Slack takes 3,000 characters in a block. */
const LONGEST = 2500;

export const clipped = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 2)} …`);

/** `21 Nov 2026, 12:46 UTC`: the same words for everybody who reads them. */
export function timeWords(at: Instant): string {
  const date = new Date(at).toUTCString().slice(5, 16);
  return `${date}, ${new Date(at).toISOString().slice(11, 16)} UTC`;
}

/** `3 days`, for what was so long ago or is so far away. */
export function spanWords(ms: number): string {
  const of = (amount: number, unit: string) => `${amount} ${unit}${amount === 1 ? "" : "s"}`;
  const left = Math.max(0, ms);
  if (left >= 2 * 86_400_000) return of(Math.floor(left / 86_400_000), "day");
  if (left >= 2 * 3_600_000) return of(Math.floor(left / 3_600_000), "hour");
  return of(Math.max(1, Math.round(left / 60_000)), "minute");
}

/** A person or way in as others are told: `slack:U…` as it is, a terminal by its user, ourselves by name. */
export function personWords(actor: string): string {
  if (actor === "keyturn") return "Keyturn";
  if (actor.startsWith("cli:")) return `${actor.slice("cli:".length)} (command line)`;
  if (actor.startsWith("token:")) return `the API token ${actor.slice("token:".length)}`;
  if (actor.startsWith("oidc:")) return `${actor.slice("oidc:".length)} (signed in)`;
  return actor;
}

export const nameOf = (r: Rotation): string => r.target ?? r.outgoing.name;

/** Where a rotation stands, in words that follow "it is". */
export const STATE_WORDS: Record<State, string> = {
  awaiting_approval: "waiting for approval",
  revoking: "having its key deactivated now",
  awaiting_replacement: "approved and waiting for somebody to hand over the replacement key",
  verifying: "having the replacement key tested",
  promoting: "having the replacement key written to where applications read it",
  propagating: "waiting until every place shows the replacement key",
  draining: "waiting until the outgoing key is no longer used",
  deactivating: "about to deactivate the outgoing key",
  grace_period: "done but for the grace period, in which the outgoing key can still be reinstated",
  archiving: "archiving the outgoing key",
  reinstating: "making the outgoing key active again",
  reinstated: "reinstated; somebody has to say how it goes on",
  rolling_back: "being put back to the outgoing key",
  completed: "completed",
  rejected: "rejected",
  expired: "expired, because nobody acted in time",
  cancelled: "cancelled",
  rolled_back: "rolled back to the outgoing key",
  snoozed: "put off",
};

const DECIDED: Partial<Record<string, string>> = {
  approved: "Approved",
  rejected: "Rejected",
  snoozed: "Put off",
  cancelled: "Cancelled",
  revoke: "Revoked",
};

/** Who decided what and when, and where it stands now: the answer to a click that comes too late. */
export function standing(r: Rotation): string {
  if (r.state === "awaiting_approval") {
    const given = r.approvals.length;
    if (given === 0) return `${nameOf(r)} is waiting for approval.`;
    const by = r.approvals.map((a) => personWords(a.actor)).join(", ");
    return `${nameOf(r)} has ${given} of ${r.approvalsNeeded} approvals (${by}).`;
  }
  if (r.state === "expired") {
    const at = r.endedAt === null ? "" : ` on ${timeWords(r.endedAt)}`;
    const missed = r.approvals.length === 0 ? "decided on" : "handed a replacement key over for";
    const again =
      r.notBefore === null
        ? "The next scan proposes it again."
        : `Not proposed again before ${timeWords(r.notBefore)}.`;
    return `Nobody ${missed} ${nameOf(r)} in time, so it expired${at}. ${again}`;
  }
  const last = r.history.findLast((h) => DECIDED[h.event] !== undefined);
  const now = `${nameOf(r)} is ${STATE_WORDS[r.state]}.`;
  if (last === undefined) return now;
  const until = r.state === "snoozed" && r.notBefore !== null ? ` until ${timeWords(r.notBefore)}` : "";
  const who = last.event === "approved" ? approvers(r, last.actor) : personWords(last.actor);
  return `${DECIDED[last.event]} by ${who} on ${timeWords(last.at)}${until}. ${now}`;
}

function approvers(r: Rotation, last: string): string {
  const all = r.approvals.map((a) => personWords(a.actor));
  return all.length === 0 ? personWords(last) : [...new Set(all)].join(" and ");
}

/** Why it was raised, in the closed list's words. */
export const reasonWords = (r: Rotation): string => REASONS[r.reason];

/** What went wrong, for somebody who did nothing wrong. Never an unknown error's own text. */
export function troubleWords(error: unknown): string {
  const known = asKeyturnError(error);
  switch (known.code) {
    case "REDIS_UNAVAILABLE":
    case "REDIS_UNSAFE":
      return "Not saved, try again in a minute: Keyturn's database did not answer. Clicking twice does no harm.";
    case "CONFLICT":
      return "Not saved, try again: somebody else changed the rotation at the same moment.";
    case "DIRECTORY_UNAVAILABLE":
      if (known.next !== ERRORS.DIRECTORY_UNAVAILABLE.next)
        return `Not saved: ${known.message} Trying again does not help until this is put right: ${known.next} On a terminal, the keyturn command works without Slack.`;
      return "Not saved, try again in a minute: Slack did not say whether you may decide, and without that nothing is decided. On a terminal, the keyturn command works without Slack.";
    case "INTERNAL":
    case "ILLEGAL_TRANSITION":
      return "Not saved: something went wrong inside Keyturn. The log has the details.";
    case "NOT_AN_APPROVER":
      return sentences(known, "Nothing was changed.");
    default:
      return sentences(known, `Next: ${known.next}`);
  }
}

const sentences = (error: KeyturnError, more: string): string => `${error.message} ${more}`;
