import { z } from "zod";
import type { Desk, DeskAnswer } from "../ports/desk.ts";
import type { Log } from "../ports/notifier.ts";
import type { Refusals } from "../ports/refusals.ts";
import type { Actor } from "../ports/settings.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { ModalView } from "@slack/types";
import { ALREADY, LATE, type PrivateMessage, UNKNOWN, inTime, privateMessage, supersededMessage } from "./answers.ts";
import type { Place } from "./direct-message.ts";
import type { ReplayGuard } from "./replay-guard.ts";

/** One payload from Slack, over whichever way it came. */
export interface Heard {
  body: unknown;
  /** Of `performance.now()`: Slack's 3 seconds run from here. */
  since: number;
  /** What the replay guard said of the request; Socket Mode has no requests. */
  request: "first" | "unknown";
  ack(response?: object): Promise<void>;
  /** Posts to the payload's response address; null where it has none. */
  respond: ((message: object) => Promise<unknown>) | null;
  openModal(trigger: string, view: ModalView): Promise<void>;
  /** Tells the person privately without the response address: beside where they clicked, else in a message of their own. */
  tellOtherwise(message: PrivateMessage): Promise<unknown>;
}

/** What the handlers work with. */
export interface Ears {
  desk: Desk;
  guard: ReplayGuard;
  refusals: Refusals;
  /** Our own app; null: any. */
  appId: string | null;
  /** Where this rotation's card stands, as remembered; null: nowhere. @throws REDIS_UNAVAILABLE */
  cardOf: (rotation: string) => Promise<Place | null>;
  log: Log;
}

/** Somebody pasted a key where words belong: it goes no further, into no log and no record (P3). */
export { containsKey as looksLikeKey } from "../rotation/contains-key.ts";
export const KEY_PASTED =
  "That looks like a key, and nothing was done with it. Slack has it now, so treat it as leaked: deactivate it in the Console. Keys go to the one-time page or the terminal only.";

export const userId = z.string().regex(/^[UW][A-Z0-9]{2,30}$/);
export const teamId = z.string().regex(/^[TE][A-Z0-9]{2,30}$/);

/** Who did it, as the signed payload says. */
export interface Doer {
  appId: string | undefined;
  team: string;
  user: string;
  /** Differs from `team` for guests of Slack Connect. */
  userTeam: string | undefined;
  /** Ids that name this deed among all deeds. */
  deed: readonly string[];
  rotation: string | null;
}

export const actorOf = (doer: Doer): Actor => ({
  name: `slack:${doer.user}`,
  via: "slack",
  slack: { teamId: doer.team, userId: doer.user },
});

/** What a person is told. `replaceCard`: what to put in the place of the message that was clicked. */
export type Told = DeskAnswer & { url?: string; replaceCard?: string };

/** null: it shows in another way (a form opened). */
export type Reply = Told | null;

/**
 * The checks before anything is decided, the same for each way in: our app, no guest, seen for the first time. Whether
 * the person may decide is the desk's question.
 */
export async function screened(
  ears: Ears,
  heard: Heard,
  doer: Doer,
  decide: (actor: Actor) => Promise<Reply>,
): Promise<Reply> {
  const actor = actorOf(doer);
  const refuse = async (reason: string, text: string): Promise<Reply> => {
    await ears.refusals.note(reason, { actor: actor.name, rotation: doer.rotation });
    return { ok: false, text };
  };
  if (ears.appId !== null && doer.appId !== ears.appId)
    return refuse("foreign_app", "Nothing was changed: this message belongs to another Slack app.");
  if (doer.userTeam !== undefined && doer.userTeam !== doer.team)
    return refuse("guest", "Nothing was changed: guests of another workspace may not decide here.");
  const sight = heard.request === "unknown" ? "unknown" : await ears.guard.action(doer.deed);
  if (sight === "unknown") {
    // Not waited for: the same database keeps the record.
    void ears.refusals.note("database_away", { actor: actor.name, rotation: doer.rotation });
    return UNKNOWN;
  }
  return sight === "again" ? ALREADY : decide(actor);
}

/**
 * Answers within Slack's 3 seconds: with the outcome, or, when something hangs, that nothing is saved yet; then the
 * outcome follows. The decision is saved before the acknowledgement, so a crash in between loses nothing.
 */
export async function answered(ears: Ears, heard: Heard, work: Promise<Reply>, how: Answering): Promise<void> {
  const safe = work.catch((error: unknown): Reply => {
    ears.log.error({ event: "slack.handler_failed", err: asKeyturnError(error) }, "a click could not be handled");
    return { ok: false, text: "Not saved: something went wrong inside Keyturn. The log has the details." };
  });
  // Wrapped, since null is an answer too.
  const outcome = await inTime(
    safe.then((reply) => ({ reply })),
    heard.since,
  );
  const reply = outcome === null ? LATE : outcome.reply;
  // The socket may be gone; the decision is saved all the same.
  await heard
    .ack(how.acknowledge(reply, outcome === null))
    .catch(() => ears.log.warn({ event: "slack.ack_failed" }, "Slack did not take an acknowledgement"));
  if (how.tellAfter && reply !== null) await tell(ears, heard, reply);
  if (outcome === null) {
    const late = await safe;
    if (late !== null) await tell(ears, heard, late);
  }
}

export interface Answering {
  /** What goes back with the acknowledgement. */
  acknowledge(reply: Reply, late: boolean): object | undefined;
  /** The acknowledgement of a click shows nothing: the words follow by the response address. */
  tellAfter: boolean;
}

/**
 * By the response address, once more after a failure, then by the Web API: nobody who clicked is left without an answer.
 * The address is a secret of its own: whoever has it can post, so it is never logged. Never throws.
 */
export async function tell(ears: Ears, heard: Heard, reply: Told): Promise<void> {
  const message = privateMessage(reply);
  const told = await responded(ears, heard, message);
  if (!told) {
    await heard.tellOtherwise(message).catch((error: unknown) => {
      const { code, reason } = asKeyturnError(error);
      ears.log.error({ event: "slack.answer_lost", code, reason }, "a person got no answer to a click");
    });
  }
  if (told && reply.replaceCard !== undefined) await responded(ears, heard, supersededMessage(reply.replaceCard));
}

async function responded(ears: Ears, heard: Heard, message: object): Promise<boolean> {
  for (let tries = 0; tries < 2 && heard.respond !== null; tries++) {
    try {
      await heard.respond(message);
      return true;
    } catch (error) {
      const status = error instanceof Error && "statusCode" in error ? error.statusCode : null;
      ears.log.warn(
        { event: "slack.answer_failed", status: typeof status === "number" ? status : null },
        "Slack did not take a private answer",
      );
    }
  }
  return false;
}
