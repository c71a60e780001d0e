import { ATTENTION, type AttentionCode } from "../rotation/codes.ts";
import { expectedQuietMs } from "../rotation/drain.ts";
import { impactOf } from "../rotation/impact.ts";
import type { HistoryEntry, Rotation } from "../rotation/record.ts";
import type { Event } from "../rotation/states.ts";
import { code, escaped, inWords, lines, personOf, when } from "./escape.ts";
import { LIMIT, type Rendering, context, section } from "./message.ts";

/** What one entry of the history says in the thread. `loud`: also shown in the channel itself. */
export interface Milestone extends Rendering {
  loud: boolean;
}

type Sentence = (r: Rotation, h: HistoryEntry) => string | null;
const by = (h: HistoryEntry): string => personOf(h.actor);

/** null: the card itself says it. */
const SENTENCES: Record<Event | "opened" | "rebuilt", Sentence> = {
  opened: () => null,
  rebuilt: () => "Redis was lost: this rotation was rebuilt from the audit log and the marks.",
  approved: (_r, h) => `Approved by ${by(h)}.`,
  rejected: (r, h) =>
    `Rejected by ${by(h)}.${r.notBefore === null ? "" : ` Not proposed again before ${when(r.notBefore)}.`}`,
  snoozed: (r, h) => `Snoozed by ${by(h)}${r.notBefore === null ? "" : ` until ${when(r.notBefore)}`}.`,
  expired: () => "Expired: nobody acted in time.",
  cancelled: (_r, h) => `Cancelled by ${by(h)}.`,
  plan_changed: () => "The plan changed: approvals given before are void, and the card asks anew.",
  revoke: (_r, h) => `Revoked as compromised by ${by(h)}: the outgoing key is deactivated before anything else.`,
  reinstate: (_r, h) => `${by(h)} asked for the outgoing key to be active again.`,
  staged: (_r, h) =>
    `A replacement key was accepted, handed over by ${by(h)}. It is kept where applications do not read.`,
  verified: () => "The replacement key answers live calls.",
  key_rejected: () => "The API rejects the replacement key: it is discarded, and another one is needed.",
  promoted: () => "Every destination holds the replacement key. Both keys work.",
  propagated: (r) =>
    `Every destination reads back the replacement key. Waiting until the outgoing one is unused for ${inWords(expectedQuietMs(r) ?? r.plan.drain.quietForMs)}.`,
  replacement_dead: () => "The replacement key no longer works: the old value is put back.",
  drained: () => "The outgoing key is out of use.",
  proceed: (_r, h) => `${by(h)} decided to go on.`,
  outgoing_inactive: (r) =>
    `The outgoing key is deactivated. ${code(`keyturn reinstate ${r.id}`)} makes it active again.`,
  outgoing_active: () => "The outgoing key is active again.",
  outgoing_gone: () => "The outgoing key is archived or expired: it cannot come back.",
  p1_lost: () => "A destination no longer holds a working replacement key: the outgoing key stays active for now.",
  held: () => "A hold stopped the archiving.",
  elapsed: () => "The grace period is over: the outgoing key is being archived.",
  retry: (_r, h) => `${by(h)} asked to try again.`,
  done: (r) =>
    r.state === "rolled_back" ? "Rolled back: the old value is in place." : "What was pending is discarded.",
};

const LOUD: ReadonlySet<string> = new Set(["replacement_dead", "key_rejected", "plan_changed"]);

/**
 * A thread reply for one entry, with the audit head as its anchor (R18); null when there is nothing to say.
 * @param latest whether it is the newest of its kind: only then an attention is loud
 */
export function renderMilestone(
  r: Rotation,
  h: HistoryEntry,
  head: { seq: number; hash: string } | null,
  latest: boolean,
): Milestone | null {
  const attention = /^attention:(\w+)$/.exec(h.event)?.[1];
  const text = attention === undefined ? sentenceOf(r, h) : attentionText(r, attention);
  if (text === null) return null;
  const stillSo = attention !== undefined && r.attention?.code === attention && latest;
  return {
    text: lines(text.split("\n"), LIMIT.section),
    blocks: [section(lines(text.split("\n"), LIMIT.section)), context(`${when(h.at)}${anchorOf(head)}`)],
    loud: stillSo || LOUD.has(h.event),
  };
}

/** What is fine again: the trouble that was told last before. */
function clearedText(r: Rotation, h: HistoryEntry): string {
  const before = r.history.slice(0, r.history.lastIndexOf(h)).findLast((each) => each.event.startsWith("attention:"));
  const name = before?.event.slice("attention:".length) ?? "";
  if (!Object.hasOwn(ATTENTION, name)) return "What needed attention is over: the rotation goes on.";
  return `Fine again: the rotation goes on. What needed attention is over: _${escaped(ATTENTION[name as AttentionCode], 300)}_`;
}

const sentenceOf = (r: Rotation, h: HistoryEntry): string | null => {
  if (h.event === "attention_cleared") return clearedText(r, h);
  return Object.hasOwn(SENTENCES, h.event)
    ? SENTENCES[h.event as keyof typeof SENTENCES](r, h)
    : `${escaped(h.event.replaceAll("_", " "))}, by ${by(h)}.`;
};

/** What happened, the impact, the next command; once it is over, only what happened. */
function attentionText(r: Rotation, name: string): string {
  if (!Object.hasOwn(ATTENTION, name)) return `Needed attention: ${escaped(name)}.`;
  const known = name as AttentionCode;
  if (r.attention?.code !== known) return `Needed attention, now over: ${escaped(ATTENTION[known], 300)}`;
  return [
    `:warning: *Needs attention.* ${escaped(r.attention.message, 400)}`,
    escaped(impactOf(known), 300),
    `*Next:* ${code(r.attention.next, 300)}`,
  ].join("\n");
}

/** So much of the hash is beyond anybody's means to meet by chance or force, and still fits one line. */
const ANCHOR_DIGITS = 32;

const anchorOf = (head: { seq: number; hash: string } | null): string =>
  head === null ? "" : ` · audit ${head.seq} ${code(head.hash.slice(0, ANCHOR_DIGITS))}`;

/**
 * Entries that were not told yet. Histories lose their oldest entries and are rebuilt, so the place is kept by what was
 * told last, not by a number.
 */
export function untold(history: readonly HistoryEntry[], told: { at: number; event: string } | null): HistoryEntry[] {
  if (told === null) return [];
  const last = history.findLastIndex((h) => h.at === told.at && h.event === told.event);
  return last >= 0 ? history.slice(last + 1) : history.filter((h) => h.at > told.at);
}
