import type { CardSlots } from "../ports/card-slots.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directory } from "../ports/directory.ts";
import type { Log } from "../ports/notifier.ts";
import type { Channel } from "../ports/outbox.ts";
import type { Leases } from "../ports/rotations.ts";
import type { Instant, Rotation } from "../rotation/record.ts";
import type { SecretText } from "../rotation/secret.ts";
import { type DirectMessages, type IssueLink, createDirectMessages } from "./direct-message.ts";
import { createDirectory } from "./directory.ts";
import { createSlackChannel } from "./slack-channel.ts";
import { type OnCall, type SlackClient, createWebClient } from "./web-client.ts";

export interface SlackOutboundParts {
  /** Of the configuration; durations in milliseconds. */
  slack: {
    channel: string;
    teamId: string | null;
    cardsAtOnce: number;
    escalation: { afterMs: number; channel: string; group: string | null } | null;
    apiUrl: string | null;
  };
  /** Read anew for each call. @throws CONFIG_INVALID */
  botToken: () => SecretText;
  /** Channels of targets that have one of their own. */
  targetChannels: ReadonlyMap<string, string>;
  publicUrl: string | null;
  dashboard: boolean;
  approvers: { users: readonly string[]; groups: readonly string[] };
  issueLink: IssueLink;
  load: (rotation: string) => Promise<Rotation | null>;
  slots: CardSlots;
  leases: Leases;
  clock: Clock;
  log: Log;
  onCall?: OnCall;
  /** See SlackChannelParts. */
  lastScan?: () => Promise<Instant | null>;
  wake?: (rotation: string) => Promise<void>;
}

export interface SlackOutbound {
  client: SlackClient;
  directory: Directory;
  messages: DirectMessages;
  channel: Channel;
}

/** Everything that speaks to Slack by itself. Nothing is loaded, read or called before it is used. */
export function openSlackOutbound(parts: SlackOutboundParts): SlackOutbound {
  const { slack, targetChannels } = parts;
  const client = createWebClient({ token: parts.botToken, apiUrl: slack.apiUrl, onCall: parts.onCall });
  const directory = createDirectory(client, { teamId: slack.teamId });
  const { issueLink, load } = parts;
  const messages = createDirectMessages({ client, directory, issueLink, load });
  const channel = createSlackChannel({
    client,
    messages,
    slots: parts.slots,
    leases: parts.leases,
    publicUrl: parts.publicUrl,
    dashboard: parts.dashboard,
    approvers: parts.approvers,
    channelOf: (target) => (target === null ? undefined : targetChannels.get(target)) ?? slack.channel,
    cardsAtOnce: slack.cardsAtOnce,
    escalation: slack.escalation,
    clock: parts.clock,
    log: parts.log,
    ...(parts.lastScan === undefined ? {} : { lastScan: parts.lastScan }),
    ...(parts.wake === undefined ? {} : { wake: parts.wake }),
  });
  return { client, directory, messages, channel };
}
