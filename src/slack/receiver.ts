import type { IncomingMessage, ServerResponse } from "node:http";
import type { App, AppOptions, HTTPReceiver } from "@slack/bolt";
import type { Clock } from "../ports/clock.ts";
import type { Refusals } from "../ports/refusals.ts";
import type { SecretText } from "../rotation/secret.ts";
import { ARRIVAL, type Arrival, type UnderWay, authorize, boltLog, register } from "./handlers.ts";
import type { Ears } from "./heard.ts";
import { verifySignature } from "./signature.ts";
import type { SlackClient } from "./web-client.ts";

/** Where Slack posts to; the app's manifest names them (docs/slack/). */
export const ENDPOINTS = { interactions: "/slack/interactions", commands: "/slack/commands" } as const;
const FORM = "application/x-www-form-urlencoded";
/** Slack gives up at 3 s; ours is answered before. */
const UNHANDLED_AFTER_MS = 2900;
/** For one post to a response address (milliseconds). */
const RESPOND_WITHIN_MS = 5000;

export interface SlackInbound {
  /**
   * Takes one request: verified here, then given to Bolt, which writes the response itself.
   * @returns what to answer instead, with nothing in the body: nobody who forges learns why
   */
  handle(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<{ status: number } | undefined>;
}

/** Request to arrival; Bolt hands the request to the receiver's extractor. */
const arrivals = new WeakMap<object, Arrival>();

/**
 * Bolt behind our own server, one of its HTTP receivers for each signing secret. In front of it stands what it lacks:
 * timestamps of the future, replays, and a content type with a charset (facts: slack.md section 4).
 * @param given.clock for the age of a signature
 */
export async function openHttpInbound(given: {
  ears: Ears;
  client: SlackClient;
  secrets: readonly SecretText[];
  clock: Pick<Clock, "now">;
}): Promise<SlackInbound> {
  const { ears, secrets } = given;
  const { HTTPReceiver: Receiver, LogLevel } = await import("@slack/bolt");
  const logger = boltLog(ears.log, LogLevel.ERROR);
  const receivers = secrets.map((secret) =>
    secret.use(
      (signingSecret) =>
        new Receiver({
          signingSecret,
          endpoints: Object.values(ENDPOINTS),
          logger,
          unhandledRequestTimeoutMillis: UNHANDLED_AFTER_MS,
          customPropertiesExtractor: (request) => ({ [ARRIVAL]: arrivals.get(request) }),
        }),
    ),
  );
  const [first, ...others] = receivers;
  if (first === undefined) throw new Error("no signing secret");
  const app = await openApp(first, ears, given.client);
  for (const other of others) other.init(app);
  return {
    handle: async (request, response, body) => {
      const since = performance.now();
      const verdict = verifySignature(request.headers, body, secrets, given.clock.now());
      if (!verdict.genuine) return refuse(ears.refusals, verdict.why);
      if ((request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() !== FORM)
        return refuse(ears.refusals, "content_type");
      const sight = await ears.guard.request(verdict.signature);
      if (sight === "again") return refuse(ears.refusals, "replayed");
      // Bolt compares the content type exactly, and takes a body that was read already.
      request.headers["content-type"] = FORM;
      arrivals.set(request, { since, request: sight });
      (receivers[verdict.by] as HTTPReceiver).requestListener(Object.assign(request, { rawBody: body }), response);
      return undefined;
    },
  };
}

async function refuse(refusals: Refusals, reason: string): Promise<{ status: number }> {
  await refusals.note(reason, { actor: null });
  return { status: 401 };
}

/** One Bolt app with our handlers on the given receiver. */
export async function openApp(
  receiver: NonNullable<AppOptions["receiver"]>,
  ears: Ears,
  client: SlackClient,
  underWay?: UnderWay,
): Promise<App> {
  const { App: BoltApp, LogLevel } = await import("@slack/bolt");
  const app = new BoltApp({
    receiver,
    authorize,
    logger: boltLog(ears.log, LogLevel.ERROR),
    ignoreSelf: false,
    convoStore: false,
    clientOptions: {
      allowAbsoluteUrls: false,
      fetch: (input, init) =>
        fetch(input, { ...init, redirect: "error", signal: init?.signal ?? AbortSignal.timeout(RESPOND_WITHIN_MS) }),
    },
  });
  register(app, ears, client, underWay);
  return app;
}
