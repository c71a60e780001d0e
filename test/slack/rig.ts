import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createDesk } from "../../src/app/desk/desk.ts";
import { createRefusals } from "../../src/app/desk/refusals.ts";
import type { Deps } from "../../src/app/deps.ts";
import { slackRoutes } from "../../src/http/slack.ts";
import { type HttpServer, startHttpServer } from "../../src/http/server.ts";
import type { Desk } from "../../src/ports/desk.ts";
import type { Replays } from "../../src/ports/replays.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { cardValue, menuBlock } from "../../src/slack/actions.ts";
import type { Ears } from "../../src/slack/heard.ts";
import { ENDPOINTS, openHttpInbound } from "../../src/slack/receiver.ts";
import { createReplayGuard } from "../../src/slack/replay-guard.ts";
import type { SlackClient } from "../../src/slack/web-client.ts";
import { TEAM } from "../support/doubles/memory-directory.ts";
import { listeningLog } from "../support/quiet-log.ts";

export const SIGNING = "a-signing-secret-of-this-test";
export const PREVIOUS = "the-signing-secret-before-it";

/** Remembers in this process, as Redis does for all. */
export function memoryReplays(): Replays & { down: boolean; hang: boolean } {
  const seen = new Set<string>();
  const replays = {
    down: false,
    hang: false,
    firstSight: (key: string) => {
      if (replays.hang) return new Promise<never>(() => undefined);
      if (replays.down) return Promise.reject(new Error("away"));
      const first = !seen.has(key);
      seen.add(key);
      return Promise.resolve(first);
    },
  };
  return replays;
}

/** What the person who clicked sees. */
export interface PrivateText {
  text: string;
  blocks: unknown[];
  response_type: string;
  replace_original: boolean;
}

/** A server that takes what is posted to response addresses. */
export interface ResponseBox {
  url(): string;
  posts: PrivateText[];
  /** Answers so many posts with 500 first. */
  failNext: { times: number };
  close(): Promise<void>;
}

export async function responseBox(): Promise<ResponseBox> {
  const posts: PrivateText[] = [];
  const failNext = { times: 0 };
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (failNext.times-- > 0) return response.writeHead(500).end();
      posts.push(JSON.parse(Buffer.concat(parts).toString()) as PrivateText);
      return response.writeHead(200).end("ok");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: () => `http://127.0.0.1:${port}/actions/${randomUUID()}`,
    posts,
    failNext,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Calls of the Web API that our side made; `fail` makes them throw. */
export function recordingClient(): SlackClient & {
  calls: { method: string; args: Record<string, unknown> }[];
  fail: boolean;
  /** Methods that fail. */
  failing: Set<string>;
} {
  const client = {
    calls: [] as { method: string; args: Record<string, unknown> }[],
    fail: false,
    failing: new Set<string>(),
    call: async (method: string, args: Readonly<Record<string, unknown>>) => {
      if (client.fail || client.failing.has(method)) throw new Error("no");
      client.calls.push({ method, args: { ...args } });
      return method === "conversations.open" ? { ok: true, channel: { id: "D0DIRECT" } } : { ok: true };
    },
  };
  return client;
}

export interface Signing {
  secret?: string;
  /** Added to the timestamp, in seconds. */
  skewS?: number;
  headers?: Record<string, string | undefined>;
  /** Sent instead of what was signed. */
  body?: string;
}

export interface SlackRig {
  ears: Ears;
  desk: Desk;
  client: ReturnType<typeof recordingClient>;
  replays: ReturnType<typeof memoryReplays>;
  box: ResponseBox;
  log: ReturnType<typeof listeningLog>;
  links: { issued: string[]; sent: string[] };
  /** Where the channel remembers cards; what is not named here stands at CARD_PLACE. `lost`: it cannot be read. */
  cards: { of: Map<string, { channel: string; ts: string } | null>; lost: boolean };
  url: string;
  /** A signed request; @returns what Slack gets. */
  post(path: string, fields: Record<string, string>, signing?: Signing): Promise<{ status: number; body: string }>;
  interact(payload: object, signing?: Signing): Promise<{ status: number; body: string }>;
  command(
    user: string,
    text: string,
    more?: Record<string, string>,
  ): Promise<{ status: number; answer: PrivateText | null }>;
  close(): Promise<void>;
}

/** The real Bolt receivers behind our own server, over the use cases of `deps`. */
export async function slackRig(
  deps: Deps,
  given: { appId?: string; secrets?: string[]; replays?: ReturnType<typeof memoryReplays>; desk?: Desk } = {},
): Promise<SlackRig> {
  const log = listeningLog();
  const box = await responseBox();
  const client = recordingClient();
  const replays = given.replays ?? memoryReplays();
  const refusals = createRefusals({ clock: deps.clock, audit: deps.audit, log });
  const links = { issued: [] as string[], sent: [] as string[] };
  const handover = {
    issueLink: async (rotation: string, person: { name: string }) => {
      links.issued.push(`${rotation} ${person.name}`);
      return { url: "https://keyturn.example/intake#token", expiresAt: deps.clock.now() + 900_000 };
    },
    sendLink: async (userId: string, rotation: string) => void links.sent.push(`${rotation} ${userId}`),
  };
  const desk = given.desk ?? createDesk({ deps, refusals, handover });
  const cards: SlackRig["cards"] = { of: new Map(), lost: false };
  const ears: Ears = {
    desk,
    guard: createReplayGuard(replays),
    refusals,
    appId: given.appId ?? null,
    cardOf: async (rotation) => {
      if (cards.lost) throw new Error("away");
      return cards.of.has(rotation) ? (cards.of.get(rotation) ?? null) : CARD_PLACE;
    },
    log,
  };
  const secrets = (given.secrets ?? [SIGNING]).map((text) => SecretText.from(text));
  const inbound = await openHttpInbound({ ears, client, secrets, clock: { now: () => Date.now() } });
  const server: HttpServer = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    routes: slackRoutes(Object.values(ENDPOINTS), (...request) => inbound.handle(...request)),
    log,
  });
  const url = `http://127.0.0.1:${server.port}`;
  const post = async (path: string, fields: Record<string, string>, signing: Signing = {}) => {
    const body = new URLSearchParams(fields).toString();
    const headers = { ...signed(body, signing), ...signing.headers };
    const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const response = await fetch(`${url}${path}`, { method: "POST", headers: given, body: signing.body ?? body });
    return { status: response.status, body: await response.text() };
  };
  return {
    ears,
    desk,
    client,
    replays,
    box,
    log,
    links,
    cards,
    url,
    post,
    interact: (payload, signing) => post(ENDPOINTS.interactions, { payload: JSON.stringify(payload) }, signing),
    command: async (user, text, more = {}) => {
      const fields = {
        command: "/keyturn",
        text,
        team_id: TEAM,
        user_id: user,
        channel_id: "C0CHANNEL",
        trigger_id: randomUUID(),
        response_url: box.url(),
        api_app_id: "A0APP",
      };
      const { status, body } = await post(ENDPOINTS.commands, { ...fields, ...more });
      return { status, answer: body === "" ? null : (JSON.parse(body) as PrivateText) };
    },
    close: async () => {
      await server.close(200);
      await box.close();
    },
  };
}

/** The headers that Slack sends. */
export function signed(body: string, { secret = SIGNING, skewS = 0 }: Signing = {}): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000) + skewS;
  return {
    "content-type": "application/x-www-form-urlencoded",
    "x-slack-request-timestamp": String(timestamp),
    "x-slack-signature": `v0=${createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex")}`,
  };
}

let stamps = 1_700_000_000;

export interface ClickFields {
  user?: string;
  action: string;
  value?: string | undefined;
  block?: string;
  option?: string;
  chosenUser?: string;
  team?: string;
  userTeam?: string;
  appId?: string;
  /** The card whose message it is. */
  card?: string | undefined;
  ts?: string;
  /** Of the message; otherwise CARD_PLACE. */
  place?: { channel: string; ts: string };
  /** No response address. */
  mute?: boolean;
}

export const CARD_PLACE = { channel: "C0CHANNEL", ts: "1700000000.000100" };

/** A `block_actions` payload as Slack sends it, to be answered in the box. */
export const aClick = (box: ResponseBox, c: ClickFields): Record<string, unknown> => ({
  type: "block_actions",
  api_app_id: c.appId ?? "A0APP",
  team: { id: c.team ?? TEAM, domain: "test" },
  user: { id: c.user ?? "U0BEN", username: "ben", team_id: c.userTeam ?? c.team ?? TEAM },
  channel: { id: c.place?.channel ?? CARD_PLACE.channel, name: "keys" },
  container: {
    type: "message",
    message_ts: c.place?.ts ?? CARD_PLACE.ts,
    channel_id: c.place?.channel ?? CARD_PLACE.channel,
  },
  trigger_id: randomUUID(),
  ...(c.mute === true ? {} : { response_url: box.url() }),
  message: {
    ts: c.place?.ts ?? CARD_PLACE.ts,
    text: "card",
    ...(c.card === undefined ? {} : { metadata: { event_type: "keyturn", event_payload: { rotation: c.card } } }),
  },
  actions: [
    {
      type: "button",
      block_id: c.block ?? menuBlock("keyturn_card", c.value ?? ""),
      action_id: c.action,
      action_ts: c.ts ?? `${++stamps}.000200`,
      ...(c.value === undefined ? {} : { value: c.value }),
      ...(c.option === undefined ? {} : { selected_option: { value: c.option } }),
      ...(c.chosenUser === undefined ? {} : { selected_user: c.chosenUser }),
    },
  ],
});

export const valueOf = (r: Rotation): string => cardValue(r.id, r.planHash);
