import { resolveSecret } from "../config/secrets.ts";
import { createDesk } from "./app/desk/desk.ts";
import { createRefusals } from "./app/desk/refusals.ts";
import { issueLink } from "./app/intake/links.ts";
import type { App } from "./compose.ts";
import { slackRoutes } from "./http/slack.ts";
import type { Route } from "./http/server.ts";
import { createRedisOutbox } from "./redis/outbox.ts";
import { createRedisReplays } from "./redis/replays.ts";
import { KeyturnError } from "./rotation/errors.ts";
import type { SecretText } from "./rotation/secret.ts";
import { createDirectMessages } from "./slack/direct-message.ts";
import type { Ears } from "./slack/heard.ts";
import { readMemory } from "./slack/memory.ts";
import { ENDPOINTS, openHttpInbound } from "./slack/receiver.ts";
import { createReplayGuard } from "./slack/replay-guard.ts";
import { openSocketInbound } from "./slack/socket.ts";
import { type SlackClient, createWebClient } from "./slack/web-client.ts";

/** What takes people's clicks, forms and commands, and what ends with it. */
export interface SlackWayIn {
  routes: readonly Route[];
  parts: readonly { name: string; close(leftMs: number): Promise<unknown> }[];
  /** Socket Mode: resolves with the first connection. null: clicks come in another way, or not at all. */
  connected: Promise<void> | null;
}

/**
 * Clicks over HTTP, or over Socket Mode when `slack.appToken` is given; nothing without `slack`. The secrets are read now,
 * so that a missing one is told at the start.
 * @throws CONFIG_INVALID
 */
export async function openSlackWayIn({ deps, loaded, log, redisClient, counters }: App): Promise<SlackWayIn> {
  const { slack, redis, install } = loaded.config;
  if (slack === undefined) return { routes: [], parts: [], connected: null };
  const apiUrl = slack.apiUrl ?? null;
  const client = createWebClient({
    token: () => resolveSecret(slack.botToken, "slack.botToken"),
    apiUrl,
    onCall: (operation, code, seconds) => counters.request({ provider: "slack", operation, code }, seconds),
  });
  const refusals = createRefusals(deps);
  const namespace = redis.prefix ?? install;
  const outbox = createRedisOutbox({ redis: redisClient, install: namespace });
  const ears: Ears = {
    desk: createDesk({ deps, refusals, handover: handoverOf(deps, client) }),
    guard: createReplayGuard(createRedisReplays({ redis: redisClient, install: namespace })),
    refusals,
    appId: slack.appId ?? null,
    cardOf: async (rotation) => readMemory(await outbox.memory(rotation, "slack")).card,
    log,
  };
  const last = { name: "slack refusals", close: () => refusals.close() };
  if (slack.appToken !== undefined) {
    const appToken = resolveSecret(slack.appToken, "slack.appToken");
    const socket = await openSocketInbound({
      ears,
      client,
      appToken,
      apiUrl,
      clock: deps.clock,
      onConnected: (connected) => void (counters.socket.connected = connected),
    });
    const part = { name: "slack socket", close: (leftMs: number) => socket.close(leftMs) };
    return { routes: [], parts: [part, last], connected: socket.connected };
  }
  const inbound = await openHttpInbound({
    ears,
    client,
    secrets: signingSecrets(slack.signingSecret),
    clock: deps.clock,
  });
  const routes = slackRoutes(Object.values(ENDPOINTS), (...request) => inbound.handle(...request));
  return { routes, parts: [last], connected: null };
}

function signingSecrets(refs: string | readonly string[] | undefined): SecretText[] {
  if (refs === undefined) throw new KeyturnError("CONFIG_INVALID", "slack.signingSecret: is missing.");
  return typeof refs === "string"
    ? [resolveSecret(refs, "slack.signingSecret")]
    : refs.map((ref, i) => resolveSecret(ref, `slack.signingSecret[${i}]`));
}

function handoverOf(deps: App["deps"], client: SlackClient) {
  const { directory, settings } = deps;
  const issue = (rotation: string, person: Parameters<typeof issueLink>[2], issuedBy: string) =>
    issueLink(deps, rotation, person, issuedBy);
  const messages =
    directory === null
      ? null
      : createDirectMessages({
          client,
          directory,
          issueLink: async (...link) => (settings.publicUrl === null ? null : issue(...link)),
          load: (rotation) => deps.rotations.load(rotation),
        });
  return {
    issueLink: issue,
    sendLink:
      messages === null
        ? null
        : (userId: string, rotation: string, issuedBy: string) => messages.sendLink(userId, rotation, issuedBy),
  };
}
