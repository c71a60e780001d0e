import { z } from "zod";
import type { Actor } from "../ports/settings.ts";
import { ACTION, SNOOZE_HOURS, readCardValue, readMenuBlock } from "./actions.ts";
import { belongs } from "./belongs.ts";
import { type Doer, type Ears, type Heard, type Reply, answered, screened, teamId, userId } from "./heard.ts";
import type { Place } from "./direct-message.ts";
import { rejectForm } from "./modals.ts";

/** A `block_actions` payload: only what we read (facts: slack.md section 8). */
const clickBody = z.object({
  api_app_id: z.string().optional(),
  team: z.object({ id: teamId }),
  user: z.object({ id: userId, team_id: teamId.optional() }),
  trigger_id: z.string().optional(),
  channel: z.object({ id: z.string() }).nullish(),
  container: z.object({ channel_id: z.string().optional(), message_ts: z.string().optional() }).nullish(),
  message: z
    .object({
      ts: z.string().optional(),
      metadata: z
        .object({ event_payload: z.object({ rotation: z.unknown() }).partial() })
        .partial()
        .nullish(),
    })
    .nullish(),
  actions: z
    .array(
      z.object({
        action_id: z.string(),
        block_id: z.string().optional(),
        action_ts: z.string().optional(),
        value: z.string().optional(),
        selected_option: z.object({ value: z.string() }).nullish(),
        selected_user: userId.nullish(),
      }),
    )
    .min(1),
});
type Click = z.infer<typeof clickBody>;
type Deed = Click["actions"][number];

/** A button or menu of a card was used. */
export async function onClick(ears: Ears, heard: Heard): Promise<void> {
  const read = clickBody.safeParse(heard.body);
  const action = read.data?.actions[0];
  // A button that only opens an address: nothing is decided, and the address is the answer.
  if (action?.action_id === ACTION.open) {
    await heard.ack().catch(() => undefined);
    return;
  }
  await answered(
    ears,
    heard,
    read.data === undefined || action === undefined ? unreadable(ears) : take(ears, heard, read.data, action),
    {
      acknowledge: () => undefined,
      tellAfter: true,
    },
  );
}

async function unreadable(ears: Ears): Promise<Reply> {
  await ears.refusals.note("unreadable", { actor: null });
  return { ok: false, text: "Nothing was changed: Keyturn cannot read what this button sent." };
}

async function take(ears: Ears, heard: Heard, body: Click, action: Deed): Promise<Reply> {
  const card = readCardValue(action.value) ?? readMenuBlock(action.block_id);
  const doer: Doer = {
    appId: body.api_app_id,
    team: body.team.id,
    user: body.user.id,
    userTeam: body.user.team_id,
    deed: [card?.rotation ?? "", body.user.id, action.action_id, action.action_ts ?? body.trigger_id ?? ""],
    rotation: card?.rotation ?? null,
  };
  return screened(ears, heard, doer, async (actor) => {
    if (card === null) return refused(ears, actor, "unknown_button", null);
    const stranger = await belongs(ears, actor, {
      action: action.action_id,
      card,
      blockId: action.block_id,
      place: placeOf(body),
      about: body.message?.metadata?.event_payload?.rotation,
    });
    if (stranger !== null) return stranger;
    return decide(ears, heard, { ...card, actor }, body, action);
  });
}

function placeOf({ channel, container, message }: Click): Place | null {
  const [at, ts] = [channel?.id ?? container?.channel_id, message?.ts ?? container?.message_ts];
  return at === undefined || ts === undefined ? null : { channel: at, ts };
}

async function refused(ears: Ears, actor: Actor, reason: string, rotation: string | null): Promise<Reply> {
  await ears.refusals.note(reason, { actor: actor.name, rotation });
  return { ok: false, text: "Nothing was changed: this button does not belong to its card. Use the newest card." };
}

function decide(
  ears: Ears,
  heard: Heard,
  click: { actor: Actor; rotation: string; planHash: string },
  body: Click,
  action: Deed,
): Promise<Reply> {
  const { desk } = ears;
  switch (action.action_id) {
    case ACTION.approve:
      return desk.approve(click);
    case ACTION.snooze:
      return snooze(ears, click, action.selected_option?.value);
    case ACTION.reject:
      return openRejection(ears, heard, click, body.trigger_id);
    case ACTION.retry:
      return desk.retry(click);
    case ACTION.link:
      return desk.link(click.actor, click.rotation);
    case ACTION.delegate:
      if (typeof action.selected_user !== "string")
        return Promise.resolve({ ok: false, text: "Nothing was changed: nobody was chosen." });
      return desk.delegate(click.actor, click.rotation, action.selected_user);
    default:
      return refused(ears, click.actor, "unknown_button", click.rotation);
  }
}

function snooze(
  ears: Ears,
  click: { actor: Actor; rotation: string; planHash: string },
  chosen: string | undefined,
): Promise<Reply> {
  const hours = SNOOZE_HOURS.find((choice) => String(choice) === chosen);
  if (hours === undefined) return refused(ears, click.actor, "unknown_choice", click.rotation);
  return ears.desk.snooze(click, hours * 3_600_000);
}

async function openRejection(
  ears: Ears,
  heard: Heard,
  click: { actor: Actor; rotation: string; planHash: string },
  trigger: string | undefined,
): Promise<Reply> {
  const may = await ears.desk.consider(click);
  if (!may.ok) return may;
  try {
    await heard.openModal(trigger ?? "", rejectForm(click.rotation, click.planHash));
    return null;
  } catch {
    ears.log.warn({ event: "slack.form_failed", rotation: click.rotation }, "a form could not be opened");
    return { ok: false, text: "Nothing was changed: Slack did not open the form in time. Please click again." };
  }
}
