import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type SlackSandbox, startSlackSandbox } from "../../src/sandbox/slack/start.ts";
import { type Ran, keyturn } from "../support/cli.ts";
import { makeKey } from "../support/keys.ts";
import { type Lab, startLab } from "../support/lab.ts";

/** An installation with everything: Redis, organization, a secret, Slack, a public address, a webhook, a token. */
export interface Clinic {
  lab: Lab;
  slack: SlackSandbox;
  /** Bot scopes that Slack names with every answer; null: none are named. */
  scopes: string[] | null;
  /** What Slack answers to a method instead, or its HTTP status. */
  answers: Map<string, Record<string, unknown> | number>;
  /** What the public address answers at /livez. */
  livez: { status: number; body: string };
  publicUrl: string;
  key: { id: string; text: string };
  /** Every text that nobody may ever see. */
  secrets: string[];
  /** The healthy configuration, with top-level parts replaced; undefined takes one away. */
  configure(more?: Record<string, unknown>): Promise<void>;
  /** Writes a secret and answers with the reference to it. */
  secret(name: string, text: string): Promise<string>;
  doctor(...more: string[]): Promise<Ran>;
  close(): Promise<void>;
}

export const ALL_SCOPES = ["chat:write", "commands", "im:write", "users:read", "users:read.email", "usergroups:read"];

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Durations of a production installation, so that a healthy one has no warnings of its own. */
export const POLICY = { maxAge: "90d", drain: { quietFor: "24h", limit: "7d" } };

export async function openClinic(redisUrl: string): Promise<Clinic> {
  process.env["KEYTURN_LOG_LEVEL"] ??= "silent";
  const secrets: string[] = [];
  const slack = await startSlackSandbox({
    signingSecret: "s".repeat(32),
    interactionsUrl: () => "",
    commandsUrl: () => "",
  });
  const lab = await startLab(redisUrl, { policy: POLICY });
  const key = await lab.target("billing", 100);
  const clinic = { scopes: ALL_SCOPES, answers: new Map(), livez: { status: 200, body: '{"status":"ok"}' } } as Pick<
    Clinic,
    "scopes" | "answers" | "livez"
  >;
  // In front of the simulated Slack: headers that it does not send, and everything that goes wrong with a real one.
  const front = createServer((incoming, outgoing) => {
    void (async () => {
      let body = "";
      for await (const chunk of incoming) body += String(chunk);
      const method = (incoming.url ?? "").replace(/^.*\/api\//, "");
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (clinic.scopes !== null) headers["x-oauth-scopes"] = clinic.scopes.join(",");
      const instead = clinic.answers.get(method);
      if (typeof instead === "number") return outgoing.writeHead(instead, headers).end("{}");
      if (instead !== undefined) return outgoing.writeHead(200, headers).end(JSON.stringify(instead));
      const answer = await fetch(`${slack.apiUrl}${method}`, {
        method: "POST",
        body,
        headers: {
          authorization: incoming.headers.authorization ?? "",
          "content-type": incoming.headers["content-type"] ?? "",
        },
      });
      return outgoing.writeHead(answer.status, headers).end(await answer.text());
    })().catch(() => outgoing.destroy());
  });
  const apiUrl = `${await listen(front)}/api/`;
  const pages = createServer((_, outgoing) => {
    outgoing.writeHead(clinic.livez.status, { "content-type": "application/json" }).end(clinic.livez.body);
  });
  const publicUrl = await listen(pages);
  const secret = async (name: string, text: string): Promise<string> => {
    const file = join(lab.dir, name);
    await writeFile(file, text, { mode: 0o600 });
    if (text.length >= 8) secrets.push(text);
    return `file:${file}`;
  };
  const healthy = {
    policy: POLICY,
    slack: {
      botToken: await secret("bot-token", slack.botToken),
      signingSecret: await secret("signing-secret", "s".repeat(32)),
      channel: slack.channel,
      teamId: slack.teamId,
      apiUrl,
    },
    approvers: { slack: { users: [slack.people.ana.id], groups: [slack.group] } },
    webhooks: { pager: { url: "https://pager.example.com", secret: await secret("webhook", "w".repeat(40)) } },
    api: { tokens: { ops: { token: await secret("api-token", "t".repeat(40)), scopes: ["read"] } } },
    schedule: { scan: "*/15 * * * *" },
    http: { publicUrl },
  };
  secrets.push(key.text, lab.sandbox.adminKey);
  const configure = async (more: Record<string, unknown> = {}): Promise<void> => {
    await lab.configure({ ...healthy, ...more });
  };
  await configure();
  return Object.assign(clinic, {
    lab,
    slack,
    publicUrl,
    key,
    secrets,
    configure,
    secret,
    doctor: (...more: string[]) => keyturn(["doctor", ...more, "--config", lab.configFile]),
    close: async () => {
      for (const server of [front, pages]) {
        server.closeAllConnections();
        server.close();
      }
      await slack.close();
      await lab.close();
    },
  });
}

/** A key that is nobody's, for places where keys do not belong. */
export const STRAY = makeKey("doctor/stray");
