import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { createEmulator } from "emulate";

/** What the next call of a method meets instead of, or after, Slack. */
export type Fault =
  | { kind: "error"; error: string }
  | { kind: "status"; status: number; retryAfter?: number; body?: string }
  /** Slack does it, and the answer is lost. */
  | { kind: "silent" }
  | { kind: "answer"; body: object };

export interface SlackCall {
  method: string;
  args: Record<string, string>;
  /** Of the answer: Slack's error code, `ok`, or what the fault was. */
  outcome: string;
}

export interface SlackMessage {
  ts: string;
  text: string;
  user?: string;
  thread_ts?: string;
  blocks?: Record<string, unknown>[];
  metadata?: { event_type: string; event_payload: Record<string, unknown> };
}

export interface SlackApi {
  /** For `slackApiUrl`. */
  url: string;
  token: string;
  calls: SlackCall[];
  /** For the next calls of this method, in order. */
  fault(method: string, ...faults: Fault[]): void;
  /** Forgets those that no call met. */
  mend(): void;
  /** Group id to user ids; the emulator has no user groups. A group that is not here does not exist. */
  groups: Map<string, string[]>;
  /** Asks Slack itself, as somebody looking at it. */
  ask(method: string, args: Record<string, string>): Promise<Record<string, unknown>>;
  channel(name: string): Promise<string>;
  /** Of a channel without threads, oldest first. */
  messages(channel: string): Promise<SlackMessage[]>;
  replies(channel: string, ts: string): Promise<SlackMessage[]>;
  stop(): Promise<void>;
}

/** Built here, so that no file holds the form of a token. */
export const BOT_TOKEN = ["xoxb", "1", "test"].join("-");

/** An independent Slack (emulate) with a layer in front that makes the faults it cannot. */
export async function slackApi(): Promise<SlackApi> {
  const emulator = await listen();
  const calls: SlackCall[] = [];
  const faults = new Map<string, Fault[]>();
  const groups = new Map<string, string[]>();
  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing, { emulator: emulator.url, calls, faults, groups }).catch(() => outgoing.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const ask = async (method: string, args: Record<string, string>) =>
    JSON.parse((await forward(emulator.url, method, new URLSearchParams(args).toString())).body) as Record<
      string,
      unknown
    >;
  const list = async (method: string, args: Record<string, string>) => {
    const { messages } = (await ask(method, args)) as { messages: SlackMessage[] };
    return messages.toSorted((a, b) => Number(a.ts) - Number(b.ts));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    token: BOT_TOKEN,
    calls,
    groups,
    fault: (method, ...next) => void faults.set(method, [...(faults.get(method) ?? []), ...next]),
    mend: () => faults.clear(),
    ask,
    channel: async (name) => {
      const { channels } = (await ask("conversations.list", { limit: "100" })) as {
        channels: { id: string; name: string }[];
      };
      return channels.find((c) => c.name === name)?.id ?? "";
    },
    messages: async (channel) =>
      (await list("conversations.history", { channel, limit: "200" })).filter(
        (m) => m.thread_ts === undefined || m.thread_ts === m.ts,
      ),
    replies: async (channel, ts) =>
      (await list("conversations.replies", { channel, ts, limit: "200" })).filter((m) => m.ts !== ts),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await emulator.close();
    },
  };
}

/** On a free port; another process may take it in between, then on the next. */
async function listen() {
  for (let tries = 0; ; tries++) {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    try {
      return await createEmulator({
        service: "slack",
        port,
        seed: {
          slack: {
            team: { name: "Example", domain: "example" },
            users: [{ name: "ada" }, { name: "grace" }, { name: "linus" }],
            channels: [{ name: "keys" }, { name: "alarm" }, { name: "billing" }],
            bots: [{ name: "keyturn" }],
            tokens: [
              {
                token: BOT_TOKEN,
                type: "bot",
                scopes: [
                  "chat:write",
                  "users:read",
                  "im:write",
                  "channels:read",
                  "channels:history",
                  "im:history",
                  "channels:manage",
                  "channels:write",
                ],
              },
            ],
          },
        },
      });
    } catch (error) {
      if (tries >= 3) throw error;
    }
  }
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  slack: { emulator: string; calls: SlackCall[]; faults: Map<string, Fault[]>; groups: Map<string, string[]> },
): Promise<void> {
  let body = "";
  for await (const chunk of incoming) body += String(chunk);
  const method = (incoming.url ?? "").replace(/^.*\/api\//, "");
  const args = Object.fromEntries(new URLSearchParams(body));
  const call: SlackCall = { method, args, outcome: "ok" };
  slack.calls.push(call);
  const answer = (status: number, text: string, headers: Record<string, string> = {}) => {
    outgoing.writeHead(status, { "content-type": "application/json", ...headers });
    outgoing.end(text);
  };
  const fault = slack.faults.get(method)?.shift();
  if (fault?.kind === "error") {
    call.outcome = fault.error;
    return answer(200, JSON.stringify({ ok: false, error: fault.error }));
  }
  if (fault?.kind === "status") {
    call.outcome = String(fault.status);
    const after = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
    return answer(fault.status, fault.body ?? "no", after);
  }
  if (fault?.kind === "answer") return answer(200, JSON.stringify(fault.body));
  if (method === "usergroups.users.list") {
    const users = slack.groups.get(args.usergroup ?? "");
    call.outcome = users === undefined ? "no_such_subteam" : "ok";
    return answer(200, JSON.stringify(users === undefined ? { ok: false, error: call.outcome } : { ok: true, users }));
  }
  const real = await forward(slack.emulator, method, body, incoming.headers.authorization);
  call.outcome = (JSON.parse(real.body) as { error?: string }).error ?? "ok";
  if (fault?.kind === "silent") {
    call.outcome = "silent";
    return; // the caller's patience ends
  }
  answer(real.status, real.body);
}

function forward(
  url: string,
  method: string,
  body: string,
  authorization = `Bearer ${BOT_TOKEN}`,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", authorization };
    const asked = request(`${url}/api/${method}`, { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
