import type { LoadedConfig } from "../config/load.ts";
import { resolveSecret } from "../config/secrets.ts";
import { issueLink } from "./app/intake/links.ts";
import type { Deps } from "./app/deps.ts";
import type { RedisClient } from "./redis/client.ts";
import { createRedisCardSlots } from "./redis/card-slots.ts";
import { createRedisLeases } from "./redis/leases.ts";
import { type SlackOutbound, openSlackOutbound } from "./slack/index.ts";
import type { OnCall } from "./slack/web-client.ts";

/**
 * What tells people in Slack, as the configuration says; null without `slack`. Nothing is read or called before it is used.
 * @param given.deps asked at use, since the dependencies have Slack's directory among them
 */
export function slackOutboundOf(
  { config, settings }: LoadedConfig,
  given: {
    redis: RedisClient;
    install: string;
    clock: Deps["clock"];
    log: Deps["log"];
    deps: () => Deps;
    wake?: (rotation: string) => Promise<void>;
    onCall?: OnCall;
  },
): SlackOutbound | null {
  const { slack, signIn } = config;
  if (slack === undefined) return null;
  const { redis, install, deps } = given;
  const { publicUrl, approvers } = settings;
  const { escalation } = slack;
  return openSlackOutbound({
    slack: {
      channel: slack.channel,
      teamId: slack.teamId ?? null,
      cardsAtOnce: slack.cardsAtOnce,
      escalation:
        escalation === undefined
          ? null
          : { afterMs: escalation.after, channel: escalation.channel, group: escalation.group ?? null },
      apiUrl: slack.apiUrl ?? null,
    },
    botToken: () => resolveSecret(slack.botToken, "slack.botToken"),
    targetChannels: new Map(
      Object.entries(config.targets).flatMap(([name, { channel }]) => (channel === undefined ? [] : [[name, channel]])),
    ),
    publicUrl,
    dashboard: signIn.token !== undefined || signIn.oidc !== undefined,
    approvers: approvers.slack,
    issueLink: async (rotation, person, issuedBy) =>
      publicUrl === null ? null : issueLink(deps(), rotation, person, issuedBy),
    load: (rotation) => deps().rotations.load(rotation),
    slots: createRedisCardSlots({ redis, install }),
    leases: createRedisLeases({ redis, install }),
    lastScan: () => deps().scanLog.lastSuccess(),
    clock: given.clock,
    log: given.log,
    ...(given.onCall === undefined ? {} : { onCall: given.onCall }),
    ...(given.wake === undefined ? {} : { wake: given.wake }),
  });
}
