import { expectedQuietMs } from "../rotation/drain.ts";
import type { Rotation } from "../rotation/record.ts";
import type { State } from "../rotation/states.ts";
import type { CardSettings } from "./card.ts";
import { code, escaped, inWords, oneLine, personOf, slackIdOf, when } from "./escape.ts";

type Line = (r: Rotation, settings: CardSettings) => string[];

const nameOf = (r: Rotation): string => oneLine(r.target ?? r.outgoing.name, 70);

const TITLE: Record<State, (name: string) => string> = {
  awaiting_approval: (n) => `Replace the key of ${n}?`,
  revoking: (n) => `${n}: the key is being revoked`,
  awaiting_replacement: (n) => `${n}: waiting for the replacement key`,
  verifying: (n) => `${n}: checking the replacement key`,
  promoting: (n) => `${n}: switching to the replacement key`,
  propagating: (n) => `${n}: switching to the replacement key`,
  draining: (n) => `${n}: waiting until the outgoing key is out of use`,
  deactivating: (n) => `${n}: deactivating the outgoing key`,
  grace_period: (n) => `${n}: the outgoing key is deactivated`,
  archiving: (n) => `${n}: archiving the outgoing key`,
  reinstating: (n) => `${n}: reinstating the outgoing key`,
  reinstated: (n) => `${n}: the outgoing key is active again`,
  rolling_back: (n) => `${n}: putting things back`,
  completed: (n) => `${n}: done`,
  rejected: (n) => `${n}: rejected`,
  expired: (n) => `${n}: expired`,
  cancelled: (n) => `${n}: cancelled`,
  rolled_back: (n) => `${n}: rolled back`,
  snoozed: (n) => `${n}: snoozed`,
};

export function titleOf(r: Rotation): string {
  const urgent = r.reason === "compromised" || r.reason === "deactivated_elsewhere";
  return `${urgent && r.endedAt === null ? "Urgent: " : ""}${TITLE[r.state](nameOf(r))}`;
}

/** Who did the last thing of this kind, and when; null when the history does not tell. */
function lastOf(r: Rotation, event: string): string | null {
  const entry = r.history.findLast((h) => h.event === event);
  return entry === undefined ? null : `by ${personOf(entry.actor)} ${when(entry.at)}`;
}

const notBefore = (r: Rotation): string[] =>
  r.notBefore === null ? [] : [`Not proposed again before ${when(r.notBefore)}.`];

/** An approval does not survive a change of what it was given for (R15). */
function voided(r: Rotation): string[] {
  const move = r.history.findLast((h) => !h.event.startsWith("attention:"));
  if (move?.event !== "plan_changed") return [];
  return [`:warning: *The plan changed* ${when(move.at)}. Approvals given before are void: please look at it again.`];
}

/** Per state: what happens now, what comes next and when, and what a person does. */
const STANDS: Record<State, Line> = {
  awaiting_approval: (r, s) => [
    ...voided(r),
    ...(r.rebuilt === null ? [] : ["Rebuilt after Redis was lost: an earlier approval cannot be proved."]),
    r.plan.urgency === "urgent"
      ? "*Applications may be failing:* decide soon."
      : "Applications keep working throughout: the outgoing key is deactivated only when nothing uses it any more.",
    `*Next:* after ${r.approvalsNeeded > 1 ? `${r.approvalsNeeded} approvals` : "approval"} somebody creates a key in the Claude Console and hands it over within ${inWords(r.timing.replacementWithinMs)}; Keyturn checks it, writes it and watches.`,
    ...(r.deadline === null ? [] : [`Without a decision this expires ${when(r.deadline)}.`]),
    ...(s.publicUrl === null ? [`On the command line: ${code(`keyturn approve ${r.id}`)}`] : []),
  ],
  revoking: () => ["Keyturn deactivates the key now."],
  awaiting_replacement: (r, s) => {
    const approver = r.approvals.findLast((a) => slackIdOf(a.actor) !== null);
    const workspace = r.outgoing.workspaceId === null ? "" : `, in workspace ${code(r.outgoing.workspaceId)}`;
    const name = r.plan.requiredName === null ? "" : `, named exactly ${code(r.plan.requiredName)}`;
    return [
      `*Next:* somebody creates a key in the Claude Console${workspace}${name}, and hands it over. Never paste it here.`,
      s.publicUrl === null
        ? `On the command line: ${code(`keyturn submit ${r.id}`)}`
        : approver === undefined
          ? "An approver gets a one-time link with the button below."
          : `${personOf(approver.actor)} gets a private message with a one-time link; the buttons below make another.`,
      ...(r.deadline === null
        ? []
        : [`Without a replacement key this ends ${when(r.deadline)}, and nothing is changed.`]),
    ];
  },
  verifying: () => ["Keyturn calls the API with the replacement key. Applications do not see it yet."],
  promoting: () => ["Keyturn makes the replacement key what applications read. Both keys work."],
  propagating: () => ["Keyturn reads every destination back. Both keys work."],
  draining: (r) => [
    "The replacement key is in place. Both keys work.",
    `*Next:* the outgoing key is deactivated when it was unused for ${inWords(expectedQuietMs(r) ?? r.plan.drain.quietForMs)}${r.drainLimitAt === null ? "" : `; if it is still used ${when(r.drainLimitAt)}, a person decides`}.`,
  ],
  deactivating: () => ["Keyturn checks every destination once more, then deactivates the outgoing key."],
  grace_period: (r) => [
    `The outgoing key is inactive. ${code(`keyturn reinstate ${r.id}`)} makes it active again.`,
    ...(r.graceEndsAt === null ? [] : [`*Next:* it is archived, for good, ${when(r.graceEndsAt)}.`]),
  ],
  archiving: () => ["Keyturn archives the outgoing key, for good."],
  reinstating: () => ["Keyturn makes the outgoing key active again."],
  reinstated: (r) => [
    `Both keys are active. A person decides: ${code(`keyturn retry ${r.id}`)} goes on with the replacement key, ${code(`keyturn cancel ${r.id}`)} puts the old value back.`,
  ],
  rolling_back: () => ["Keyturn discards what is pending, and puts the old value back where it was replaced."],
  completed: (r) => [
    `The replacement key is in place and the outgoing one is gone${r.endedAt === null ? "" : `, since ${when(r.endedAt)}`}.`,
  ],
  rejected: (r) => [`Rejected ${lastOf(r, "rejected") ?? ""}. Nothing was changed.`, ...notBefore(r)],
  expired: (r) => [
    `Nobody ${r.approvals.length === 0 ? "decided" : "handed a replacement key over"} in time${r.endedAt === null ? "" : ` (${when(r.endedAt)})`}. Nothing was changed.`,
    ...notBefore(r),
  ],
  cancelled: (r) => [`Cancelled ${lastOf(r, "cancelled") ?? ""}. The outgoing key stays.`, ...notBefore(r)],
  rolled_back: (r) => [
    "The old value is back; the outgoing key stays.",
    `${code(`keyturn retry ${r.id}`)} or ${code(`keyturn rotate ${oneLine(r.target ?? r.outgoing.id)}`)} starts again.`,
  ],
  snoozed: (r) => [
    `Snoozed ${lastOf(r, "snoozed") ?? ""}.`,
    ...(r.notBefore === null ? [] : [`Asked again after ${when(r.notBefore)}.`]),
  ],
};

/** What the person who decided said about it. */
const noteOf = ({ note }: Rotation): string[] =>
  note ? [`*Reason given by ${personOf(note.actor)}:* ${escaped(note.text, 500)}`] : [];

export const standsAt: Line = (r, settings) => [...STANDS[r.state](r, settings), ...noteOf(r)];
