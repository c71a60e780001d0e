import type { Instant, Rotation } from "../rotation/record.ts";
import { titleOf } from "./card-states.ts";
import { code, escaped, mentions, when } from "./escape.ts";
import { type Rendering, context, messageArgs, section } from "./message.ts";
import { type Delivery, lastApproverOf } from "./delivery.ts";
import { slackIdOf } from "./escape.ts";
import { saidOnce } from "./said-once.ts";
import { isRefusal } from "./trouble.ts";

/** A wait without a deadline (a compromised key) is urgent: reminded of after this. */
const URGENT_MS = 3_600_000;

/**
 * Reminds at half time of each wait for a person, and after `escalation.after` tells a second channel; once each. What was
 * told there is corrected when the wait is over.
 * @returns when the next of them is due
 */
export async function keepReminders(d: Delivery): Promise<Instant | null> {
  const { rotation: r, now } = d.bulletin;
  const { escalation } = d.parts;
  const waits = r.state === "awaiting_approval" || r.state === "awaiting_replacement";
  await closeEscalation(d, waits);
  if (!waits) return null;
  const due: Instant[] = [];
  // A card may have come late: whoever sees it for the first time is not reminded in the same breath.
  const from = Math.max(r.enteredAt, d.notes.memory.postedAt ?? 0);
  if (d.notes.memory.remindedOf !== r.enteredAt) {
    const at = r.deadline === null ? from + URGENT_MS : from + (r.deadline - from) / 2;
    if (now >= at) await remind(d);
    else due.push(at);
  }
  if (escalation !== null && d.notes.memory.escalation?.of !== r.enteredAt) {
    const left = r.deadline === null ? URGENT_MS : (r.deadline - from) / 4;
    const at = Math.max(r.enteredAt + escalation.afterMs, from + Math.min(escalation.afterMs, left, URGENT_MS));
    if (r.deadline !== null && at >= r.deadline) return earliestOf(due);
    if (now >= at) await escalate(d, escalation);
    else due.push(at);
  }
  return earliestOf(due);
}

const earliestOf = (due: readonly Instant[]): Instant | null => (due.length === 0 ? null : Math.ceil(Math.min(...due)));

const doing = (r: Rotation): string =>
  r.state === "awaiting_approval" ? "waits to be decided" : "waits for a replacement key";
const until = (r: Rotation): string => (r.deadline === null ? "" : `, until ${when(r.deadline)}`);

async function remind({ parts, bulletin, notes }: Delivery): Promise<void> {
  const { rotation: r } = bulletin;
  const { card } = notes.memory;
  if (card === null) return;
  const approver = lastApproverOf(r);
  const id = approver === null ? null : slackIdOf(approver.actor);
  const whom = r.state === "awaiting_replacement" && id !== null ? `<@${id}>` : mentions(parts.approvers);
  const text = `${whom === "" ? "" : `${whom}: `}this still ${doing(r)}${until(r)}.`;
  const args = { channel: card.channel, thread_ts: card.ts, ...messageArgs({ text, blocks: [section(text)] }, r.id) };
  await saidOnce(notes, { remindedOf: r.enteredAt }, () => parts.client.call("chat.postMessage", args, "post"));
}

async function escalate(
  { parts, bulletin, notes }: Delivery,
  { channel, group }: { channel: string; group: string | null },
): Promise<void> {
  const { rotation: r } = bulletin;
  const { card } = notes.memory;
  // Where Slack never said whether a card stands, people are told all the same.
  const link = card === null ? null : await permalink(parts.client, card);
  const text = `${group === null ? "" : `<!subteam^${group}>: `}*${escaped(titleOf(r), 150)}* It ${doing(r)} since ${when(r.enteredAt)}${until(r)}.`;
  const where = link === null ? "" : ` <${link}|Open the card>`;
  const rendering: Rendering = { text, blocks: [section(`${text}${where}`), context(code(r.id))] };
  const args = { channel, ...messageArgs(rendering, r.id) };
  const said = { channel, ts: "", of: r.enteredAt, open: false };
  const { ts } = await saidOnce(notes, { escalation: said }, () => parts.client.call("chat.postMessage", args, "post"));
  if (typeof ts === "string") await notes.note({ escalation: { ...said, ts, open: true } });
}

/** Nobody shall hurry to what is settled. */
async function closeEscalation({ parts, bulletin, notes }: Delivery, waits: boolean): Promise<void> {
  const { rotation: r } = bulletin;
  const { escalation } = notes.memory;
  if (escalation === null || !escalation.open || (waits && escalation.of === r.enteredAt)) return;
  const text = `*${escaped(titleOf(r), 150)}* Nothing is to be done here any more.`;
  const rendering: Rendering = { text, blocks: [section(text), context(code(r.id))] };
  const { channel, ts } = escalation;
  try {
    await parts.client.call("chat.update", { channel, ts, ...messageArgs(rendering, r.id) });
  } catch (error) {
    if (!isRefusal(error, "message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"))
      throw error;
  }
  await notes.note({ escalation: { ...escalation, open: false } });
}

/** null: not to be had; the message does without. */
async function permalink(
  client: Delivery["parts"]["client"],
  card: { channel: string; ts: string },
): Promise<string | null> {
  try {
    const answer = await client.call("chat.getPermalink", { channel: card.channel, message_ts: card.ts });
    const { permalink: link } = answer;
    return typeof link === "string" && /^https?:\/\/[^\s<>|]+$/.test(link) ? link : null;
  } catch {
    return null;
  }
}
