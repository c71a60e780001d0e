import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Message } from "../../src/sandbox/slack/model.ts";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { POLICY } from "../e2e/installation.ts";
import type { Spawned } from "../support/cli.ts";
import { type Watched, watched } from "./watched.ts";
import { type Exchange, type Wire, startWire } from "./wire.ts";

/** An installation with all its ways for people, of which every byte that leaves is kept. */
export interface PeopleSite extends Watched {
  slack: SlackSandbox;
  /** Between Keyturn and Slack's API; between everybody and Keyturn; the receiver of webhooks. */
  wires: { slack: Wire; front: Wire; hooks: Wire };
  outgoing: { id: string; text: string };
  /** Of people and programs. */
  tokens: { signIn: string; api: string };
  server: Spawned;
  /** Asks Keyturn. */
  ask(path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }>;
  /** The token of the newest link that this person was given, in a message for them alone. */
  linkOf(person: string): string;
  /** Waits until something is there. */
  wait<T>(what: string, find: () => T | undefined | null | false | Promise<T | undefined | null | false>): Promise<T>;
  /** Where canaries are found, but for a link's token in the message to its person. Every link that was given is one. */
  found(places: readonly string[]): Promise<string[]>;
}

const token = (): string => randomBytes(32).toString("base64url");

/** @param name of the target; it stands wherever Keyturn tells of it */
export async function peopleSite(name: string): Promise<PeopleSite> {
  const at = await watched({ ...POLICY, gracePeriod: "1s" });
  const wires = { slack: await startWire(), front: await startWire(), hooks: await startWire() };
  const signingSecret = at.watch("Slack signing secret", randomBytes(16).toString("hex"));
  const slack = await startSlackSandbox({
    signingSecret,
    interactionsUrl: () => `${wires.front.url}/slack/interactions`,
    commandsUrl: () => `${wires.front.url}/slack/commands`,
  });
  wires.slack.to = slack.url;
  const tokens = { signIn: at.watch("sign-in token", token()), api: at.watch("API token", token()) };
  const secrets = {
    "slack-bot": at.watch("Slack bot token", slack.botToken),
    "slack-signing": signingSecret,
    "sign-in": tokens.signIn,
    "api-token": tokens.api,
    "hook-secret": at.watch("webhook secret", `${"whsec"}_${randomBytes(32).toString("base64")}`),
  };
  for (const [file, text] of Object.entries(secrets)) await writeFile(join(at.dir, file), text, { mode: 0o600 });
  const file = (secret: keyof typeof secrets) => `file:${join(at.dir, secret)}`;
  const outgoing = await at.target(name, 10);
  await at.target("payments", 10);
  await at.configure({
    http: { host: "127.0.0.1", port: 0, metricsPort: 0, publicUrl: wires.front.url },
    approvers: { slack: { groups: [slack.group] }, cli: ["*"] },
    slack: {
      botToken: file("slack-bot"),
      signingSecret: file("slack-signing"),
      channel: slack.channel,
      appId: slack.appId,
      apiUrl: `${wires.slack.url}/api/`,
    },
    webhooks: { hook: { url: `${wires.hooks.url}/hook`, secret: file("hook-secret") } },
    signIn: { token: file("sign-in") },
    api: { tokens: { robot: { token: file("api-token"), scopes: ["read", "decide", "emergency"] } } },
  });
  const server = at.start(["serve"]);
  const wait: PeopleSite["wait"] = async (what, find) => {
    for (const end = Date.now() + 45_000; ; await pause(30)) {
      const found = await find();
      if (found !== undefined && found !== null && found !== false) return found;
      if (server.process.exitCode !== null)
        throw new Error(`serve ended before ${what}: ${server.stderr().slice(-2000)}`);
      if (Date.now() > end) throw new Error(`not seen: ${what}`);
    }
  };
  wires.front.to = `http://127.0.0.1:${await wait("serve.ready", () => /"httpPort":(\d+)/.exec(server.stderr())?.[1])}`;

  const links = new Set<string>();
  const kept = new Set<string>();
  const watchLinks = (person: string | null, text: string) => {
    for (const link of linksIn(text)) {
      if (links.has(link)) continue;
      links.add(link);
      at.watch(`link token ${links.size} of ${person ?? "nobody"}`, link);
    }
  };
  const watchMessages = () => {
    for (const message of slack.workspace.messages) watchLinks(readerOf(message, slack), JSON.stringify(message));
  };
  return {
    ...at,
    slack,
    outgoing,
    wires,
    tokens,
    server,
    wait,
    ask: async (path, init = {}) => {
      const answer = await fetch(`${wires.front.url}${path}`, { redirect: "manual", ...init });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
    linkOf: (person) => {
      watchMessages();
      const newest = slack
        .messages(person)
        .toReversed()
        .flatMap((message) => linksIn(JSON.stringify(message)))[0];
      if (newest === undefined) throw new Error(`${person} has no link`);
      return newest;
    },
    found: async (places) => {
      watchMessages();
      for (const [way, wire] of Object.entries(wires)) {
        for (const one of wire.exchanges.splice(0)) {
          if (way === "slack") watchLinks(addresseeOf(one), decoded(one.body));
          for (const [where, bytes] of tracesOf(way, one)) at.keep(where, bytes);
        }
      }
      for (const message of slack.workspace.messages.filter((each) => !kept.has(JSON.stringify(each)))) {
        kept.add(JSON.stringify(message));
        const person = readerOf(message, slack);
        at.keep(
          person === null ? "a message in the channel" : `a private message to ${person}`,
          JSON.stringify(message),
        );
      }
      const all = await at.findings([...places, ...Object.keys(secrets)]);
      return [...new Set(all)].filter((line) => !isItsOwn(line));
    },
    close: async () => {
      await at.close();
      await slack.close();
      for (const wire of Object.values(wires)) await wire.close();
    },
  };
}

const linksIn = (text: string): string[] =>
  [...text.matchAll(/\/intake#([A-Za-z0-9_-]{43})/g)].map((match) => match[1] ?? "");

/** Who alone can read a message; null: everybody in the channel. */
const readerOf = (message: Message, slack: SlackSandbox): string | null =>
  message.onlyFor ?? slack.workspace.channels.get(message.channel)?.personId ?? null;

/** Whose private conversation a request to Slack is about; the simulation names it after the person. */
function addresseeOf({ body }: Exchange): string | null {
  const conversation = new URLSearchParams(body.toString("utf8")).get("channel") ?? "";
  return conversation.startsWith("D") ? `U${conversation.slice(1)}` : null;
}

/** A link is told to its person, and to nobody else. */
function isItsOwn(line: string): boolean {
  const person = /^link token \d+ of (\w+) /.exec(line)?.[1];
  return person !== undefined && line.endsWith(`in a private message to ${person}`);
}

/** What a form says; encoded bytes hide nothing. */
const decoded = (body: Buffer): string => [...new URLSearchParams(body.toString("utf8"))].flat().join("\n");

/** Of what Keyturn sent all but Slack's authorization header; of what it answered everything. */
function tracesOf(way: string, one: Exchange): [string, Buffer | string][] {
  const path = one.path.split("?")[0] ?? "";
  const answer = Buffer.concat([Buffer.from(`${one.answerHeaders.join("\n")}\n`), one.answer]);
  if (way === "front") return [[`the answer ${one.status} to ${one.method} ${path}`, answer]];
  const kept = one.headers.filter(
    (_, i, all) => way === "hooks" || all[i - (i % 2)]?.toLowerCase() !== "authorization",
  );
  const person = addresseeOf(one);
  const where = person === null ? `a request to ${path}` : `a private message to ${person}`;
  return [
    [where, Buffer.concat([Buffer.from(`${one.path}\n${kept.join("\n")}\n`), one.body])],
    [where, decoded(one.body)],
  ];
}
