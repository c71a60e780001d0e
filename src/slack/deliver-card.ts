import { aboutOf } from "../rotation/about.ts";
import type { Instant } from "../rotation/record.ts";
import { type CardSettings, hashOf, renderCard, renderSuperseded } from "./card.ts";
import type { Delivery } from "./delivery.ts";
import { findCards } from "./find-cards.ts";
import { messageArgs } from "./message.ts";
import { isRefusal, wasNotDone } from "./trouble.ts";

/** The card can be edited no more: deleted, of an earlier app, or too old for the workspace's rules. */
const GONE = ["message_not_found", "cant_update_message", "edit_window_closed"] as const;
/** What Slack took shows in its history by then. */
const SHOWS_MS = 10_000;
/** When it cannot be seen whether a card stands, the second comes soon, since most often none does; the third late … */
const DOUBT_MS = [10_000, 5 * 60_000] as const;
/** … and no more than so many in all: each would have live buttons. */
const MOST_CARDS = 3;

/**
 * Posts the card, or edits it when it would look different. The intent is noted before a post: after a crash or a lost
 * answer nobody knows whether it stands. Then Slack's history is looked at; where that is not possible, another one comes
 * later, rarely, and says that an older one may stand.
 * @returns when to look again; null: at the next change
 */
export async function keepCard(d: Delivery): Promise<Instant | null> {
  if (d.notes.memory.card === null && doubtsOf(d).length > 0) {
    const again = await resolveDoubt(d);
    if (again !== "post") return again;
  }
  if (d.notes.memory.card === null) await post(d);
  else await edit(d, d.notes.memory.card);
  return null;
}

async function edit(d: Delivery, card: { channel: string; ts: string; hash: string }): Promise<void> {
  const { parts, bulletin, notes } = d;
  const { rotation, holds } = bulletin;
  const rendering = renderCard(rotation, settingsOf(d), holds, notes.memory.older);
  const hash = hashOf(rendering);
  if (hash === card.hash) return;
  try {
    await parts.client.call("chat.update", {
      channel: card.channel,
      ts: card.ts,
      ...messageArgs(rendering, rotation.id),
    });
  } catch (error) {
    if (!isRefusal(error, ...GONE)) throw error;
    const stands = !isRefusal(error, "message_not_found");
    parts.log.info({ event: "slack.card_gone", ...aboutOf(rotation) }, "the card cannot be edited any more");
    // After the end nobody has to see a new one.
    if (rotation.endedAt !== null) return notes.note({ card: { ...card, hash } });
    await notes.note({ card: null, older: notes.memory.older || stands });
    return post(d);
  }
  await notes.note({ card: { ...card, hash } });
}

const settingsOf = ({ parts, bulletin }: Delivery): CardSettings => ({
  ...parts,
  clicksReach: bulletin.clicksReach !== false,
});

const doubtsOf = ({ notes }: Delivery): readonly Instant[] => {
  const { doubts, posting } = notes.memory;
  return posting === null || doubts.includes(posting) ? doubts : [...doubts, posting];
};

/** "post": it is time for another card; else as `keepCard`, with the card that was found in the memory. */
async function resolveDoubt(d: Delivery): Promise<"post" | Instant | null> {
  const { parts, bulletin, notes } = d;
  const { rotation, now } = bulletin;
  const doubts = doubtsOf(d);
  const [first, last] = [Math.min(...doubts), Math.max(...doubts)];
  const channel = parts.channelOf(rotation.target);
  const found = await findCards(parts.client, channel, rotation.id, first);
  const [newest, ...older] = found ?? [];
  if (newest !== undefined) {
    for (const ts of older) await supersede(d, channel, ts);
    await notes.note({ ...asPosted(d), card: { channel, ts: newest, hash: "" } });
    return "post";
  }
  if (found !== null && now < last + SHOWS_MS) return last + SHOWS_MS;
  if (found !== null) {
    await notes.note({ posting: null, doubts: [] });
    return "post";
  }
  if (doubts.length >= MOST_CARDS) {
    const fields = { event: "slack.card_unknown", ...aboutOf(rotation) };
    parts.log.warn(fields, "Slack did not answer three times: whether a card stands is not known, no other is posted");
    return null;
  }
  const next = last + (doubts.length === 1 ? DOUBT_MS[0] : DOUBT_MS[1]);
  return now < next ? next : "post";
}

/** So that of several cards one alone has buttons. */
async function supersede({ parts, bulletin }: Delivery, channel: string, ts: string): Promise<void> {
  const args = { channel, ts, ...messageArgs(renderSuperseded(bulletin.rotation), bulletin.rotation.id) };
  try {
    await parts.client.call("chat.update", args);
  } catch (error) {
    if (!isRefusal(error, ...GONE)) throw error;
  }
}

async function post(d: Delivery): Promise<void> {
  const { parts, bulletin, notes } = d;
  const { rotation, holds, now } = bulletin;
  const channel = parts.channelOf(rotation.target);
  const doubts = doubtsOf(d);
  const older = notes.memory.older || doubts.length > 0;
  const rendering = renderCard(rotation, settingsOf(d), holds, older);
  await notes.note({ posting: now, doubts: [...doubts, now] });
  let answer: Record<string, unknown>;
  try {
    answer = await parts.client.call("chat.postMessage", { channel, ...messageArgs(rendering, rotation.id) }, "post");
  } catch (error) {
    if (wasNotDone(error)) await notes.note({ posting: doubts.at(-1) ?? null, doubts });
    throw error;
  }
  await notes.note({
    ...asPosted(d),
    older,
    card: {
      channel: typeof answer.channel === "string" ? answer.channel : channel,
      ts: typeof answer.ts === "string" ? answer.ts : "",
      hash: hashOf(rendering),
    },
  });
}

/** What led here stands on the card itself; the thread goes on from it. */
function asPosted({ bulletin: { rotation, now }, notes }: Delivery) {
  const last = rotation.history.at(-1);
  const told = notes.memory.told ?? { at: last?.at ?? rotation.createdAt, event: last?.event ?? "opened" };
  return { posting: null, doubts: [], told, postedAt: notes.memory.postedAt ?? now };
}
