import leven from "leven";
import { z } from "zod";
import type { Actor } from "../ports/settings.ts";
import { privateMessage } from "./answers.ts";
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
import { revokeForm } from "./modals.ts";

/** A slash command's form fields: only what we read. */
const commandBody = z.object({
  api_app_id: z.string().optional(),
  team_id: teamId,
  user_id: userId,
  command: z.string(),
  text: z.string().max(3000).prefault(""),
  trigger_id: z.string().optional(),
});
type CommandBody = z.infer<typeof commandBody>;

const WORDS = ["status", "rotate", "revoke", "hold", "unhold", "help"] as const;

const HELP = (command: string): string =>
  [
    `${command} status [target or rotation]: what is open, and who is next`,
    `${command} rotate <target> [reason]: ask for a replacement key now, whatever the old one's age`,
    `${command} revoke <target or key id>: deactivate a leaked key now; asks before it does`,
    `${command} hold <target or key id>: nothing of it is deactivated or archived`,
    `${command} unhold <target or key id>: lift that again`,
    `${command} help: this`,
    "Never paste a key here: new keys go to the one-time page or the terminal.",
  ].join("\n");

/** `/keyturn …`: answered privately. */
export async function onCommand(ears: Ears, heard: Heard): Promise<void> {
  const read = commandBody.safeParse(heard.body);
  await answered(ears, heard, read.data === undefined ? unreadable(ears) : take(ears, heard, read.data), {
    acknowledge: (reply) => (reply === null ? undefined : privateMessage(reply)),
    tellAfter: false,
  });
}

async function unreadable(ears: Ears): Promise<Reply> {
  await ears.refusals.note("unreadable", { actor: null });
  return { ok: false, text: "Nothing was changed: Keyturn cannot read this command." };
}

function take(ears: Ears, heard: Heard, body: CommandBody): Promise<Reply> {
  const doer: Doer = {
    appId: body.api_app_id,
    team: body.team_id,
    user: body.user_id,
    userTeam: undefined,
    deed: ["command", body.user_id, body.trigger_id ?? ""],
    rotation: null,
  };
  return screened(ears, heard, doer, (actor) => order(ears, heard, body, actor));
}

async function order(ears: Ears, heard: Heard, body: CommandBody, actor: Actor): Promise<Reply> {
  const { desk } = ears;
  if (looksLikeKey(body.text)) {
    await ears.refusals.note("key_pasted", { actor: actor.name });
    return { ok: false, text: KEY_PASTED };
  }
  const [word = "help", subject, ...rest] = body.text.trim().split(/\s+/).filter(Boolean);
  const name = word.toLowerCase();
  const missing = (what: string): Reply => ({ ok: false, text: `Which one? ${body.command} ${name} <${what}>` });
  switch (name) {
    case "help":
      return { ok: true, text: HELP(body.command) };
    case "status":
      return desk.status(actor, subject ?? null);
    case "rotate":
      if (subject === undefined) return missing("target");
      return desk.rotate(actor, subject, rest.length === 0 ? null : rest.join(" ").slice(0, 500));
    case "revoke":
      if (subject === undefined) return missing("target or key id");
      return askRevoke(ears, heard, actor, subject, body.trigger_id);
    case "hold":
      return subject === undefined ? missing("target or key id") : desk.hold(actor, subject);
    case "unhold":
      return subject === undefined ? missing("target or key id") : desk.unhold(actor, subject);
    default:
      return { ok: false, text: `There is no "${word.slice(0, 40)}".${nearest(name)}\n${HELP(body.command)}` };
  }
}

async function askRevoke(
  ears: Ears,
  heard: Heard,
  actor: Actor,
  subject: string,
  trigger: string | undefined,
): Promise<Reply> {
  const impact = await ears.desk.revokeImpact(actor, subject);
  if (!impact.ok) return impact;
  try {
    await heard.openModal(trigger ?? "", revokeForm(subject, impact.text));
    return null;
  } catch {
    ears.log.warn({ event: "slack.form_failed" }, "a form could not be opened");
    const how = `On a terminal: keyturn revoke ${subject}`;
    return { ok: false, text: `Nothing was revoked: Slack did not open the question in time. Try again. ${how}` };
  }
}

function nearest(given: string): string {
  const best = WORDS.map((word) => ({ word, far: leven(given, word) })).toSorted((a, b) => a.far - b.far)[0];
  return best !== undefined && best.far <= 2 ? ` Did you mean "${best.word}"?` : "";
}
