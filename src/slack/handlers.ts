import type { App, AuthorizeResult, Logger } from "@slack/bolt";
import type { Log } from "../ports/notifier.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { onClick } from "./clicks.ts";
import { onCommand } from "./commands.ts";
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

/** The same handlers for both transports. Each pattern takes everything, so that no click stays without an answer. */
export function register(app: App, ears: Ears, client: SlackClient): void {
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
    };
  };
  app.action(/.*/, (args) => onClick(ears, heard(args)));
  app.command(/.*/, (args) => onCommand(ears, heard(args)));
  app.view({ callback_id: /.*/, type: "view_submission" }, (args) => onForm(ears, heard(args)));
  app.view({ callback_id: /.*/, type: "view_closed" }, ({ ack }) => ack());
  app.shortcut(/.*/, ({ ack }) => ack());
  app.error(async (error) => {
    ears.log.error({ event: "slack.handler_failed", err: asKeyturnError(error) }, "a click could not be handled");
  });
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
