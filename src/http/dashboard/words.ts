import { ATTENTION, type AttentionCode } from "../../rotation/codes.ts";
import type { Rotation } from "../../rotation/record.ts";
import { STATES, type State } from "../../rotation/states.ts";

interface StateWords {
  label: string;
  /** What it means, and what happens next. */
  says: (r: Rotation) => string;
}

const out = (r: Rotation): string => r.outgoing.name;
const into = (r: Rotation): string => r.replacement?.name ?? "the replacement";
const named = (r: Rotation): string =>
  r.plan.requiredName === null ? "a key" : `a key named “${r.plan.requiredName}”`;

/** Where a rotation stands, for people. */
const WORDS: Record<State, StateWords> = {
  awaiting_approval: {
    label: "Waiting for approval",
    says: (r) =>
      `Somebody who may decide approves the plan below, or rejects or snoozes it. Nothing was changed; ${out(r)} is in use.`,
  },
  revoking: {
    label: "Revoking",
    says: (r) => `${out(r)} is being deactivated now. Applications that read it fail until they get a replacement.`,
  },
  awaiting_replacement: {
    label: "Waiting for the replacement key",
    says: (r) => `A person creates ${named(r)} in the Claude Console and hands it over here.`,
  },
  verifying: {
    label: "Verifying",
    says: (r) => `${into(r)} is tried with a live call. Applications do not see it yet.`,
  },
  promoting: { label: "Promoting", says: (r) => `${into(r)} becomes what applications read. Both keys work.` },
  propagating: {
    label: "Propagating",
    says: (r) => `Waiting until every destination shows ${into(r)}. Both keys work.`,
  },
  draining: {
    label: "Draining",
    says: (r) => `Applications read ${into(r)}. Waiting until nobody uses ${out(r)} any more. Both keys work.`,
  },
  deactivating: {
    label: "Deactivating",
    says: (r) => `Every destination is checked once more; then ${out(r)} is deactivated.`,
  },
  grace_period: {
    label: "Grace period",
    says: (r) => `${out(r)} is inactive. Until the period ends, one click makes it active again; then it is archived.`,
  },
  archiving: { label: "Archiving", says: (r) => `${out(r)} is being archived, for good.` },
  reinstating: { label: "Reinstating", says: (r) => `${out(r)} is being made active again.` },
  reinstated: {
    label: "Reinstated",
    says: (r) => `${out(r)} is active again. A person goes on with the replacement, or puts the old value back.`,
  },
  rolling_back: {
    label: "Rolling back",
    says: () => "What is pending is discarded, and the old value is put back where it was replaced.",
  },
  completed: { label: "Completed", says: (r) => `${into(r)} is in use; ${out(r)} is archived.` },
  rejected: { label: "Rejected", says: () => "Somebody decided against it. Nothing was changed." },
  expired: { label: "Expired", says: () => "Nobody acted in time. The next scan may propose it again." },
  cancelled: { label: "Cancelled", says: () => "Somebody stopped it, and everything was put back." },
  rolled_back: {
    label: "Rolled back",
    says: (r) => `The replacement could not be used; ${out(r)} is in use as before.`,
  },
  snoozed: { label: "Snoozed", says: () => "Somebody put it off. It is proposed again later." },
};

export const labelOf = (r: Rotation): string => WORDS[r.state].label;

/** A revoked key of no target has no replacement, and an urgent one is not just old: both are said. */
export function summaryOf(r: Rotation): string {
  if (r.target === null && r.state === "grace_period")
    return `${out(r)} belongs to no target and is inactive. It stays so until somebody archives it in the Console, or reinstates it here.`;
  if (r.target === null && r.state === "completed") return `${out(r)} belonged to no target and is gone.`;
  if (r.reason === "compromised" && r.state === "awaiting_replacement")
    return `${out(r)} was revoked: its applications fail until they get a replacement. ${WORDS[r.state].says(r)}`;
  return WORDS[r.state].says(r);
}

const WAITS: Record<string, string> = {
  approver: "an approver",
  operator: "whoever hands the replacement key over",
  person: "a person",
  us: "Keyturn",
  consumers: "the destinations",
  clock: "time to pass",
};

/** Who has the next action; null after the end. */
export function waitsFor(r: Rotation): string | null {
  if (r.attention !== null) return "a person";
  const next = STATES[r.state];
  return next === null ? null : (WAITS[next] ?? null);
}

export const needsPerson = (r: Rotation): boolean =>
  r.attention !== null || ["approver", "operator", "person"].includes(STATES[r.state] ?? "");

export type Tone = "good" | "warn" | "bad" | "calm";

export function toneOf(r: Rotation): Tone {
  if (r.attention !== null || r.state === "revoking") return "bad";
  if (r.state === "completed") return "good";
  return needsPerson(r) ? "warn" : "calm";
}

/** Events of the history in words; those that are not here are shown by their name. */
const EVENTS: Record<string, string> = {
  opened: "Proposed",
  rebuilt: "Rebuilt after a loss of Redis",
  approved: "Approved",
  rejected: "Rejected",
  snoozed: "Snoozed",
  expired: "Nobody acted in time",
  cancelled: "Stopped",
  plan_changed: "The plan changed; approvals before it are void",
  staged: "Replacement key handed over and stored as pending",
  verified: "Replacement key answered live calls",
  key_rejected: "Replacement key was refused by the API and discarded",
  promoted: "Replacement key is what applications read",
  propagated: "Every destination shows the replacement key",
  drained: "Outgoing key is out of use",
  proceed: "A person decided to go on",
  outgoing_inactive: "Outgoing key deactivated",
  outgoing_active: "Outgoing key is active",
  outgoing_gone: "Outgoing key archived",
  elapsed: "Grace period over",
  held: "A hold stopped the next step",
  p1_lost: "A destination no longer holds the replacement key",
  replacement_dead: "Replacement key no longer works",
  revoke: "Revoked as compromised",
  reinstate: "Reinstatement asked for",
  retry: "Looked at again",
  done: "Rolled back",
  attention_cleared: "What needed a person is over",
};

export function eventWords(event: string): { text: string; attention: boolean } {
  const code = /^attention:(.*)$/.exec(event)?.[1];
  if (code !== undefined) return { text: code in ATTENTION ? ATTENTION[code as AttentionCode] : code, attention: true };
  return { text: EVENTS[event] ?? event.replaceAll("_", " "), attention: false };
}
