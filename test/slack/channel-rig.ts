import type { ChannelMemory } from "../../src/ports/outbox.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import type { SlackChannelParts } from "../../src/slack/delivery.ts";
import { type IssueLink, createDirectMessages } from "../../src/slack/direct-message.ts";
import { createDirectory } from "../../src/slack/directory.ts";
import { createSlackChannel } from "../../src/slack/slack-channel.ts";
import { createWebClient } from "../../src/slack/web-client.ts";
import { MemoryCardSlots } from "../support/doubles/memory-card-slots.ts";
import { MemoryRedis } from "../support/doubles/memory-redis.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { DAY, NOON, aRotation } from "../support/records.ts";
import { type SlackApi, type SlackMessage, slackApi } from "../support/slack-api.ts";
import { turnedClock } from "../support/turned-clock.ts";

let slack: SlackApi;
let people: Map<string, string>;
let spare = 0;

/** Opens Slack for a test file; call `slack.stop()` at its end. */
export async function openSlack(): Promise<SlackApi> {
  slack = await slackApi();
  const { members } = (await slack.ask("users.list", {})) as { members: { id: string; name: string }[] };
  people = new Map(members.map((m) => [m.name, m.id]));
  return slack;
}
/** The id of a person of this Slack. */
export const idOf = (name: string): string => people.get(name) ?? "";

/** A channel of its own for each test, so that none sees another's messages. */
export async function setUp(more: Partial<SlackChannelParts> = {}) {
  const created = await slack.ask("conversations.create", { name: `keys-${++spare}` });
  const keys = (created.channel as { id: string }).id;
  const clock = turnedClock(NOON);
  const log = listeningLog();
  const timeouts = { post: 1000, edit: 1000, click: 1000 };
  const client = createWebClient({ token: () => SecretText.from(slack.token), apiUrl: slack.url, timeouts });
  const directory = createDirectory(client, { teamId: null });
  const links: { rotation: string; person: string; identities: readonly string[]; issuedBy: string }[] = [];
  const records = new Map<string, Rotation>();
  const issue: { how: IssueLink } = {
    how: async (rotation, person, issuedBy) => {
      links.push({ rotation, person: person.name, identities: person.identities, issuedBy });
      return {
        url: `https://keyturn.example.com/intake#${"t".repeat(30)}${links.length}`,
        expiresAt: clock.now() + 900_000,
      };
    },
  };
  const messages = createDirectMessages({
    client,
    directory,
    issueLink: (...args) => issue.how(...args),
    load: async (id) => records.get(id) ?? null,
  });
  const woken: string[] = [];
  const redis = new MemoryRedis({
    now: () => clock.now(),
    writes: { push: () => undefined } as never,
    audit: () => undefined,
  });
  const parts: SlackChannelParts = {
    client,
    messages,
    slots: new MemoryCardSlots(),
    leases: redis.leases,
    channelOf: () => keys,
    publicUrl: "https://keyturn.example.com",
    dashboard: true,
    approvers: { users: [people.get("ada") ?? ""], groups: ["S01"] },
    cardsAtOnce: 5,
    escalation: null,
    clock,
    log,
    wake: async (id) => void woken.push(id),
    ...more,
  };
  const channel = createSlackChannel(parts);
  const memories = new Map<string, ChannelMemory>();
  let deaf = false;
  const deliver = (r: Rotation, holds: string[] = [], clicksReach = true) => {
    records.set(r.id, r);
    return channel.deliver(
      { rotation: r, holds, now: clock.now(), auditHead: { seq: 7, hash: "ab".repeat(32) }, clicksReach },
      structuredClone(memories.get(r.id) ?? null),
      async (memory) => {
        if (deaf) throw new Error("killed");
        memories.set(r.id, structuredClone(memory));
      },
    );
  };
  slack.calls.length = 0;
  slack.mend();
  return {
    keys,
    clock,
    log,
    parts,
    deliver,
    memories,
    messages,
    links,
    issue,
    woken,
    records,
    die: (now: boolean) => (deaf = now),
    cards: () => slack.messages(keys),
    card: async () => (await slack.messages(keys)).at(0) as SlackMessage,
    thread: async () => slack.replies(keys, (await slack.messages(keys)).at(0)?.ts ?? ""),
  };
}
export type World = Awaited<ReturnType<typeof setUp>>;

export const told = (messages: SlackMessage[]) => messages.map((m) => m.text);
export const buttons = (message: SlackMessage | undefined) =>
  (message?.blocks ?? [])
    .filter((b) => b.type === "actions")
    .flatMap((b) => (b.elements as { action_id: string }[]).map((e) => e.action_id));
export const posts = () => slack.calls.filter((c) => c.method === "chat.postMessage").length;
export const entry = (n: number, event: string, actor = "keyturn") => ({ at: NOON + n, event, actor, via: "worker" });
export const opened = (more: Partial<Rotation> = {}): Rotation => aRotation({ history: [entry(0, "opened")], ...more });
export const ada = (): string => `slack:${people.get("ada")}`;

/** The record after a move, as the use cases leave it. */
export function after(r: Rotation, event: string, state: Rotation["state"], more: Partial<Rotation> = {}): Rotation {
  const at = NOON + r.history.length;
  const history = [...r.history, { at, event, actor: more.submittedBy ?? "keyturn", via: "worker" }];
  return { ...r, revision: r.revision + 1, state, history, enteredAt: at, ...more };
}
export const approved = (r: Rotation): Rotation =>
  after(r, "approved", "awaiting_replacement", {
    deadline: NOON + 7 * DAY,
    approvals: [
      {
        actor: ada(),
        via: "slack",
        at: NOON,
        planHash: r.planHash,
        breakGlass: false,
        identities: [ada(), "mail:ada@example.com"],
      },
    ],
  });
export const ended = (r: Rotation, event: string, state: Rotation["state"]): Rotation =>
  after(r, event, state, { endedAt: NOON + DAY, deadline: null });
