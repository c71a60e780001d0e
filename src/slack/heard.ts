import { z } from "zod";
import type { Desk, DeskAnswer } from "../ports/desk.ts";
import type { Log } from "../ports/notifier.ts";
import type { Refusals } from "../ports/refusals.ts";
import type { Actor } from "../ports/settings.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import type { ModalView } from "@slack/types";
import { LATE, UNKNOWN, inTime, privateMessage } from "./answers.ts";
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
}

/** What the handlers work with. */
export interface Ears {
  desk: Desk;
  guard: ReplayGuard;
  refusals: Refusals;
  /** Our own app; null: any. */
  appId: string | null;
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

/** null: it was taken care of before (one action in two envelopes), or it shows in another way (a form opened). */
export type Reply = (DeskAnswer & { url?: string }) | null;

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
  return sight === "again" ? null : decide(actor);
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

/** Once more after a failure. The address is a secret of its own: whoever has it can post, so it is never logged. */
export async function tell(ears: Ears, heard: Heard, reply: DeskAnswer & { url?: string }): Promise<void> {
  for (let tries = 0; tries < 2 && heard.respond !== null; tries++) {
    try {
      await heard.respond(privateMessage(reply));
      return;
    } catch (error) {
      const status = error instanceof Error && "statusCode" in error ? error.statusCode : null;
      ears.log.warn(
        { event: "slack.answer_failed", status: typeof status === "number" ? status : null },
        "Slack did not take a private answer",
      );
    }
  }
}
