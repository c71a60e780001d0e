import { asKeyturnError } from "../rotation/errors.ts";
import type { Actor } from "../ports/settings.ts";
import { ACTION, readMenuBlock } from "./actions.ts";
import { UNKNOWN } from "./answers.ts";
import type { Place } from "./direct-message.ts";
import type { Ears, Reply } from "./heard.ts";

/** These decide, so they count only on the card that Keyturn itself remembers to have posted (P10). */
const ON_CARD: ReadonlySet<string> = new Set([ACTION.approve, ACTION.reject, ACTION.snooze, ACTION.retry]);

/** Where something was clicked, as the signed payload says; null: it does not say. */
export interface Clicked {
  action: string;
  card: { rotation: string; planHash: string };
  blockId: string | undefined;
  place: Place | null;
  /** The rotation that the message's own metadata names. */
  about: unknown;
}

const STRANGER = "Nothing was changed: this button does not belong to its card. Use the newest card.";
const NO_CARD =
  "Nothing was changed: Keyturn does not know this card. Either it was posted only just now, then try again in a minute; or it is older than what Keyturn remembers, then use the newest card of the target, or /keyturn status. On a terminal, the keyturn command decides without a card.";
const OLDER = "Nothing was changed: this is an older card of the rotation. Please decide on the newest one.";
/** What is left of such a card. */
const SUPERSEDED = "This card is superseded: a newer one of the same rotation is in this channel.";

/**
 * Whether a button belongs to the message it stands in. Fails closed: without our own memory of the card nothing is
 * decided. @returns null when it does, else the answer; the refusal is on record
 */
export async function belongs(ears: Ears, actor: Actor, clicked: Clicked): Promise<Reply> {
  const { card, about } = clicked;
  const refuse = async (reason: string, text: string, evidence: Record<string, unknown> = {}) => {
    await ears.refusals.note(reason, { actor: actor.name, rotation: card.rotation, evidence });
    return { ok: false, text };
  };
  // The card says which rotation it is of; a button that names another one was not made by us.
  if (typeof about === "string" && about !== card.rotation) return refuse("cross_rotation", STRANGER, { card: about });
  if (!ON_CARD.has(clicked.action)) return null;
  const block = readMenuBlock(clicked.blockId);
  if (block === null || block.rotation !== card.rotation || block.planHash !== card.planHash)
    return refuse("cross_rotation", STRANGER);
  let known: Place | null;
  try {
    known = await ears.cardOf(card.rotation);
  } catch (error) {
    // Not waited for: the same database keeps the record.
    void refuse("card_unknown", NO_CARD, { code: asKeyturnError(error).code });
    return UNKNOWN;
  }
  if (known === null) return refuse("card_unknown", NO_CARD);
  if (clicked.place?.channel === known.channel && clicked.place.ts === known.ts) return null;
  // Only a message that says so itself is certainly an older card of the same rotation; any other is left as it is.
  if (about !== card.rotation) return refuse("other_message", STRANGER);
  return { ...(await refuse("older_card", OLDER)), replaceCard: SUPERSEDED };
}
