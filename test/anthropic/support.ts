import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientLimits } from "../../src/anthropic/admin-client.ts";
import { createKeyAdmin, type KeyAdminOptions } from "../../src/anthropic/key-admin.ts";
import { createKeyVerifier, type KeyVerifierOptions } from "../../src/anthropic/key-verifier.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { KeyAdmin, KeyVerifier } from "../../src/ports/key-admin.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { makeAdminKey, makeKey } from "../support/keys.ts";

/** 2026-11-20, 12:00 UTC: when every test plays. */
export const NOW = Date.UTC(2026, 10, 20, 12);
export const DATE = new Date(NOW).toUTCString();
export const ADMIN_KEY = makeAdminKey("adapter");
export const LIVE_KEY = makeKey("adapter");

/** Time that stands still but for the waits asked of it, which are over at once and written down. */
export class TestClock implements Clock {
  readonly waits: number[] = [];
  #now = NOW;

  now(): number {
    return this.#now;
  }
  set(now: number): void {
    this.#now = now;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.waits.push(Math.round(ms));
    this.#now += ms;
  }
}

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: string;
}
export interface Scripted {
  status?: number;
  headers?: Record<string, string>;
  /** Objects are sent as JSON, strings as they are. */
  body?: object | string;
  /** Promise more bytes than are sent, then break the connection off. */
  cutOff?: boolean;
  /** Never answer. */
  hang?: boolean;
  /** Break the connection off without an answer. */
  reset?: boolean;
}
export type Script = readonly Scripted[] | ((seen: Seen, index: number) => Scripted);

export interface ScriptedApi {
  url: string;
  seen: Seen[];
  close(): Promise<void>;
}

/** A server that answers as told, request by request; the last answer is repeated. */
export async function scriptedApi(script: Script): Promise<ScriptedApi> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://localhost");
      const body = Buffer.concat(chunks).toString("utf8");
      const one = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
      };
      seen.push(one);
      const index = seen.length - 1;
      const last = typeof script === "function" ? script(one, index) : (script[index] ?? script.at(-1));
      reply(response, last ?? {});
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, seen, close };
}

function reply(response: ServerResponse, scripted: Scripted): void {
  if (scripted.hang) return;
  if (scripted.reset) {
    response.socket?.destroy();
    return;
  }
  const bytes = Buffer.from(typeof scripted.body === "string" ? scripted.body : JSON.stringify(scripted.body ?? {}));
  response.sendDate = false;
  response.writeHead(scripted.status ?? 200, {
    date: DATE,
    "content-type": "application/json",
    ...scripted.headers,
    ...(scripted.cutOff ? { "content-length": bytes.length + 100 } : {}),
  });
  if (scripted.cutOff) response.write(bytes, () => response.socket?.destroy());
  else response.end(bytes);
}

export const QUICK: Partial<ClientLimits> = { tries: 3, attemptMs: 5_000 };

export const adminFor = (url: string, clock: Clock, more: Partial<KeyAdminOptions> = {}): KeyAdmin =>
  createKeyAdmin({
    baseUrl: url,
    adminKey: () => SecretText.from(ADMIN_KEY),
    clock,
    random: () => 0,
    limits: QUICK,
    ...more,
  });

export const verifierFor = (url: string, clock: Clock, more: Partial<KeyVerifierOptions> = {}): KeyVerifier =>
  createKeyVerifier({ baseUrl: url, model: "claude-haiku-4-5", clock, random: () => 0, ...more });

/** What was thrown, which must be ours. */
export async function failureOf(promise: Promise<unknown>): Promise<KeyturnError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KeyturnError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export async function everyKey(admin: KeyAdmin) {
  const keys = [];
  for await (const page of admin.listKeys()) keys.push(...page);
  return keys;
}

/** A key as the API shows it. */
export const shown = (id: string, more: object = {}) => ({
  type: "api_key",
  id,
  name: "billing-worker prod",
  status: "active",
  created_at: "2026-08-14T09:12:44.120031Z",
  created_by: { type: "user", id: "user_01Example" },
  expires_at: null,
  partial_key_hint: "sk-ant-api03-Qz7...wQAA",
  principal: null,
  scope: { type: "workspace", workspace_id: "wrkspc_01Example" },
  ...more,
});

export const page = (keys: readonly object[], more: object = {}) => ({
  data: keys,
  first_id: null,
  last_id: null,
  has_more: false,
  ...more,
});

/** An error in the API's own form. */
export const refusalBody = (type: string, more: { code?: string; message?: string } = {}) => ({
  type: "error",
  error: {
    type,
    message: more.message ?? "Some text.",
    ...(more.code === undefined ? {} : { details: { error_code: more.code } }),
  },
  request_id: "req_01Example",
});
