import type { ModalView } from "@slack/types";
import { z } from "zod";
import type { DeskAnswer } from "../ports/desk.ts";
import { MODAL, cardValue, readCardValue } from "./actions.ts";
import { LATE, asWritten, resultView } from "./answers.ts";
import {
  type Doer,
  type Ears,
  type Heard,
  KEY_PASTED,
  type Reply,
  answered,
  looksLikeKey,
  screened,
  teamId,
  userId,
} from "./heard.ts";

const REASON = { block: "keyturn_reason", action: "text" } as const;

/** Asks for the reason. The card's value travels with the form, and is checked again when it comes back. */
export const rejectForm = (rotation: string, planHash: string): ModalView => ({
  type: "modal",
  callback_id: MODAL.reject,
  private_metadata: cardValue(rotation, planHash),
  title: { type: "plain_text", text: "Reject this rotation" },
  submit: { type: "plain_text", text: "Reject" },
  close: { type: "plain_text", text: "Cancel" },
  blocks: [
    {
      type: "input",
      block_id: REASON.block,
      label: { type: "plain_text", text: "Why?" },
      hint: { type: "plain_text", text: "Shown on the card and kept in the audit log. Never paste a key here." },
      element: { type: "plain_text_input", action_id: REASON.action, multiline: true, min_length: 3, max_length: 500 },
    },
  ],
});

/** Names what would break; only its submission revokes. @param impact as the desk says it */
export const revokeForm = (subject: string, impact: string): ModalView => ({
  type: "modal",
  callback_id: MODAL.revoke,
  private_metadata: subject,
  title: { type: "plain_text", text: "Revoke this key now?" },
  submit: { type: "plain_text", text: "Revoke now" },
  close: { type: "plain_text", text: "Cancel" },
  blocks: [asWritten(impact)],
});

/** A `view_submission` payload: only what we read. */
const submission = z.object({
  api_app_id: z.string().optional(),
  team: z.object({ id: teamId }),
  user: z.object({ id: userId, team_id: teamId.optional() }),
  trigger_id: z.string().optional(),
  view: z.object({
    id: z.string(),
    hash: z.string().optional(),
    callback_id: z.string(),
    private_metadata: z.string(),
    state: z
      .object({ values: z.record(z.string(), z.record(z.string(), z.object({ value: z.string().nullish() }))) })
      .optional(),
  }),
});
type Submission = z.infer<typeof submission>;

/** A form came back. It stays open while nothing is saved yet, so that what was typed is not lost. */
export async function onForm(ears: Ears, heard: Heard): Promise<void> {
  const read = submission.safeParse(heard.body);
  await answered(ears, heard, read.data === undefined ? unreadable(ears) : take(ears, heard, read.data), {
    acknowledge: (reply) => acknowledgement(reply, read.data?.view.callback_id === MODAL.reject),
    tellAfter: false,
  });
}

function acknowledgement(reply: Reply, hasInput: boolean): object | undefined {
  if (reply === null) return undefined;
  const again = reply === LATE || reply.text.startsWith("Not saved");
  return again && hasInput
    ? { response_action: "errors", errors: { [REASON.block]: reply.text } }
    : { response_action: "update", view: resultView(reply) };
}

async function unreadable(ears: Ears): Promise<Reply> {
  await ears.refusals.note("unreadable", { actor: null });
  return { ok: false, text: "Nothing was changed: Keyturn cannot read what this form sent." };
}

function take(ears: Ears, heard: Heard, { view, ...body }: Submission): Promise<Reply> {
  const card = view.callback_id === MODAL.reject ? readCardValue(view.private_metadata) : null;
  const doer: Doer = {
    appId: body.api_app_id,
    team: body.team.id,
    user: body.user.id,
    userTeam: body.user.team_id,
    // A form that stayed open is sent again with another trigger.
    deed: [view.id, view.hash ?? "", body.user.id, body.trigger_id ?? ""],
    rotation: card?.rotation ?? null,
  };
  return screened(ears, heard, doer, async (actor): Promise<DeskAnswer> => {
    if (view.callback_id === MODAL.revoke) return ears.desk.revoke(actor, view.private_metadata);
    if (card === null) {
      await ears.refusals.note("unknown_form", { actor: actor.name });
      return { ok: false, text: "Nothing was changed: Keyturn does not know this form." };
    }
    const reason = view.state?.values[REASON.block]?.[REASON.action]?.value?.trim() ?? "";
    if (looksLikeKey(reason)) {
      await ears.refusals.note("key_pasted", { actor: actor.name, rotation: card.rotation });
      return { ok: false, text: KEY_PASTED };
    }
    return ears.desk.reject({ actor, ...card }, reason);
  });
}
