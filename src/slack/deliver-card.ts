import { hashOf, renderCard } from "./card.ts";
import { messageArgs } from "./message.ts";
import type { Delivery } from "./delivery.ts";
import { isRefusal, wasNotDone } from "./trouble.ts";

/** The card can be edited no more: deleted, of an earlier app, or too old for the workspace's rules. */
const GONE = ["message_not_found", "cant_update_message", "edit_window_closed"] as const;

/**
 * Posts the card, or edits it when it would look different. The intent is noted before a post: after a crash or a lost
 * answer nobody knows whether it stands, so it is posted again and the card says so; a click on the older one is answered.
 */
export async function keepCard(d: Delivery): Promise<void> {
  const { parts, bulletin, notes } = d;
  const { rotation, holds } = bulletin;
  const { card } = notes.memory;
  if (card === null) return post(d);
  const rendering = renderCard(rotation, parts, holds, notes.memory.older);
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
    parts.log.info({ event: "slack.card_gone", rotation: rotation.id }, "the card cannot be edited any more");
    // After the end nobody has to see a new one.
    if (rotation.endedAt !== null) return notes.note({ card: { ...card, hash } });
    await notes.note({ card: null, older: notes.memory.older || stands });
    return post(d);
  }
  await notes.note({ card: { ...card, hash } });
}

async function post({ parts, bulletin, notes }: Delivery): Promise<void> {
  const { rotation, holds, now } = bulletin;
  const channel = parts.channelOf(rotation.target);
  const older = notes.memory.older || notes.memory.posting !== null;
  const rendering = renderCard(rotation, parts, holds, older);
  await notes.note({ posting: now, older });
  let answer: Record<string, unknown>;
  try {
    answer = await parts.client.call("chat.postMessage", { channel, ...messageArgs(rendering, rotation.id) }, "post");
  } catch (error) {
    if (wasNotDone(error)) await notes.note({ posting: null });
    throw error;
  }
  // What led here stands on the card itself; the thread goes on from it.
  const last = rotation.history.at(-1);
  const told = notes.memory.told ?? { at: last?.at ?? rotation.createdAt, event: last?.event ?? "opened" };
  await notes.note({
    posting: null,
    told,
    card: {
      channel: typeof answer.channel === "string" ? answer.channel : channel,
      ts: typeof answer.ts === "string" ? answer.ts : "",
      hash: hashOf(rendering),
    },
  });
}
