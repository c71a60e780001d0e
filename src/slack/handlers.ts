import type { App, AuthorizeResult, Logger } from "@slack/bolt";
import type { Log } from "../ports/notifier.ts";
import { KeyturnError, asKeyturnError } from "../rotation/errors.ts";
import { onClick } from "./clicks.ts";
import { onCommand } from "./commands.ts";
import { z } from "zod";
import type { PrivateMessage } from "./answers.ts";
import type { Ears, Heard } from "./heard.ts";
import { onForm } from "./modals.ts";
import type { SlackClient } from "./web-client.ts";

/** What a receiver adds to the context of a payload. */
export interface Arrival {
  /** Of `performance.now()`. */
  since: number;
  request: Heard["request"];
}
/** Under one name, so that it cannot collide with Bolt's own. */
export const ARRIVAL = "keyturnArrival";

/**
 * No token: an App with one asks `auth.test` at once, and when that single call fails every later click is answered 200
 * while no listener runs (facts: slack.md section 3).
 */
export const authorize = (): Promise<AuthorizeResult> => Promise.resolve({});

/** What is being answered at the moment, so that a connection is not ended under somebody who pressed something. */
export interface UnderWay {
  run(work: Promise<unknown>): Promise<void>;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

export function underWay(): UnderWay {
  const running = new Set<Promise<unknown>>();
  return {
    run: async (work) => {
      running.add(work);
      await work.finally(() => running.delete(work));
    },
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

/** The same handlers for both transports. Each pattern takes everything, so that no click stays without an answer. */
export function register(app: App, ears: Ears, client: SlackClient, { run } = underWay()): void {
  const heard = (given: {
    body: unknown;
    context: Record<string, unknown>;
    ack: (response?: never) => Promise<void>;
    respond?: (message: never) => Promise<unknown>;
  }): Heard => {
    const { since, request } = (given.context[ARRIVAL] as Arrival | undefined) ?? fresh();
    const { respond } = given;
    return {
      body: given.body,
      since,
      request,
      ack: (response) => given.ack(response as never),
      respond: respond === undefined ? null : (message) => respond(message as never),
      openModal: async (trigger, view) => {
        await client.call("views.open", { trigger_id: trigger, view }, "click");
      },
      tellOtherwise: (message) => tellOtherwise(client, given.body, message),
    };
  };
  app.action(/.*/, (args) => run(onClick(ears, heard(args))));
  app.command(/.*/, (args) => run(onCommand(ears, heard(args))));
  app.view({ callback_id: /.*/, type: "view_submission" }, (args) => run(onForm(ears, heard(args))));
  app.view({ callback_id: /.*/, type: "view_closed" }, ({ ack }) => ack());
  app.shortcut(/.*/, ({ ack }) => ack());
  app.error(async (error) => {
    ears.log.error({ event: "slack.handler_failed", err: asKeyturnError(error) }, "a click could not be handled");
  });
}

/** Where the person was, and who: of a click, a form or a command. */
const whereabouts = z.object({
  user: z.object({ id: z.string() }).optional(),
  user_id: z.string().optional(),
  channel: z.object({ id: z.string() }).nullish(),
  channel_id: z.string().optional(),
});

/** @throws SLACK_REFUSED, SLACK_UNAVAILABLE when there is no way to tell them */
async function tellOtherwise(client: SlackClient, body: unknown, { text, blocks }: PrivateMessage): Promise<void> {
  const { data } = whereabouts.safeParse(body);
  const [user, channel] = [data?.user?.id ?? data?.user_id, data?.channel?.id ?? data?.channel_id];
  if (user === undefined) throw new KeyturnError("SLACK_REFUSED", "(the payload names nobody)");
  if (channel !== undefined) {
    try {
      await client.call("chat.postEphemeral", { channel, user, text, blocks }, "post");
      return;
    } catch {
      // The app or the person is not in that channel; a private message needs neither.
    }
  }
  const opened = await client.call("conversations.open", { users: user });
  const own = (opened["channel"] as { id?: unknown } | undefined)?.id;
  if (typeof own !== "string") throw new KeyturnError("SLACK_UNAVAILABLE", "(conversations.open: unreadable)");
  await client.call(
    "chat.postMessage",
    { channel: own, text, blocks, unfurl_links: false, unfurl_media: false },
    "post",
  );
}

const fresh = (): Arrival => ({ since: performance.now(), request: "first" });

/**
 * Bolt's log, reduced to the beginning of its own sentences: what follows may quote a body, an address or a token.
 * @see facts: slack.md sections 2 and 4
 */
export function boltLog(log: Log, level: ReturnType<Logger["getLevel"]>): Logger {
  const at =
    (how: "warn" | "error") =>
    (...message: unknown[]) =>
      log[how]({ event: "slack.library", said: beginning(message[0]) }, "Slack's library reports trouble");
  const nothing = () => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: at("warn"),
    error: at("error"),
    setLevel: nothing,
    setName: nothing,
    getLevel: () => level,
  };
}

const beginning = (text: unknown): string =>
  typeof text === "string" ? (/^[A-Za-z ,.'-]{0,100}/.exec(text)?.[0].trim() ?? "") : "";
