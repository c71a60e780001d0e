import { aboutOf } from "../rotation/about.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { type Place, renderHandedOver } from "./direct-message.ts";
import { slackIdOf } from "./escape.ts";
import { messageArgs } from "./message.ts";
import { type Delivery, lastApproverOf } from "./delivery.ts";
import { isRefusal, wasNotDone } from "./trouble.ts";

/**
 * While a replacement key is awaited, the last approver has a private message with a one-time link, one per wait; afterwards that
 * message says that it is over.
 */
export async function keepHandover({ parts, bulletin, notes }: Delivery): Promise<void> {
  const { rotation: r } = bulletin;
  const { handover, linkFor } = notes.memory;
  const waits = r.state === "awaiting_replacement";
  if (handover?.open === true && (!waits || linkFor !== r.enteredAt)) {
    const { channel, ts } = handover;
    try {
      await parts.client.call("chat.update", { channel, ts, ...messageArgs(renderHandedOver(r), r.id) });
    } catch (error) {
      if (!isRefusal(error, "message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"))
        throw error;
    }
    await notes.note({ handover: { ...handover, open: false } });
  }
  if (!waits || linkFor === r.enteredAt || parts.publicUrl === null) return;
  // The page behind a link is served by the process that hears clicks.
  if (bulletin.clicksReach === false) return;
  const approval = lastApproverOf(r);
  const userId = approval === null ? null : slackIdOf(approval.actor);
  if (approval === null || userId === null) return;
  const person = { name: approval.actor, via: "slack" as const, identities: approval.identities ?? [approval.actor] };
  let place: Place | null = null;
  let saying = false;
  // Noted right before it is sent: what Slack took without answering is not sent again.
  const beforePost = async () => {
    saying = true;
    await notes.note({ linkFor: r.enteredAt });
  };
  try {
    place = await parts.messages.toApprover(r, person, userId, "keyturn", beforePost);
  } catch (error) {
    if (saying && !wasNotDone(error)) throw error;
    if (saying) await notes.note({ linkFor });
    const known = asKeyturnError(error);
    // What waiting mends is tried again; anything else (Slack lets us not write to them, the wait is over by now) would
    // only end one link after another, and the card has a button for another.
    if (known.fixedBy === "waiting") throw error;
    const fields = { event: "slack.no_private_message", ...aboutOf(r), code: known.code, reason: known.reason };
    parts.log.warn({ ...fields, next: known.next }, "the one-time link was not sent");
  }
  await notes.note({ linkFor: r.enteredAt, handover: place === null ? null : { ...place, open: true } });
}
