import { messageArgs } from "./message.ts";
import { renderMilestone, untold } from "./milestones.ts";
import type { Delivery } from "./delivery.ts";
import { saidOnce } from "./said-once.ts";
import { isRefusal } from "./trouble.ts";

/** Tells what the history has beyond what was told, one reply each, in order; each at most once. */
export async function tellMilestones({ parts, bulletin, notes }: Delivery): Promise<void> {
  const { rotation, auditHead } = bulletin;
  const { card, told } = notes.memory;
  if (card === null) return;
  const entries = untold(rotation.history, told);
  for (const [i, entry] of entries.entries()) {
    const latest = !entries.slice(i + 1).some((later) => later.event === entry.event);
    const milestone = renderMilestone(rotation, entry, auditHead, latest);
    if (milestone !== null) {
      const args = {
        channel: card.channel,
        thread_ts: card.ts,
        ...messageArgs(milestone, rotation.id),
        ...(milestone.loud ? { reply_broadcast: true } : {}),
      };
      try {
        await saidOnce(notes, { told: { at: entry.at, event: entry.event } }, () =>
          parts.client.call("chat.postMessage", args, "post"),
        );
      } catch (error) {
        // The card was deleted, its thread with it: the next card carries on.
        if (!isRefusal(error, "thread_not_found", "message_not_found")) throw error;
        if (rotation.endedAt === null) await notes.note({ card: null });
        return;
      }
    } else await notes.note({ told: { at: entry.at, event: entry.event } });
  }
}
