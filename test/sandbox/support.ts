import { onTestFinished } from "vitest";
import { sandboxClient } from "../../src/sandbox/client.ts";
import type { SandboxClient } from "../../src/sandbox/client.ts";
import { startSandbox } from "../../src/sandbox/start.ts";
import type { Sandbox } from "../../src/sandbox/start.ts";

export interface Answered {
  status: number;
  headers: Headers;
  /** Parsed JSON; the text where it is none. */
  body: Body;
}
/** As much of an answer's shape as the tests look at. */
export interface Body {
  id?: string;
  status?: string;
  name?: string;
  workspace_id?: string | null;
  partial_key_hint?: string | null;
  data?: (Body & { starting_at?: string; usage?: { requests: number | null }; results?: Row[]; group?: Row })[];
  has_more?: boolean;
  first_id?: string | null;
  last_id?: string | null;
  next_page?: string | null;
  data_refreshed_at?: string | null;
  error?: { type: string; message: string; details?: { error_code: string } };
  request_id?: string | null;
}
type Row = Record<string, unknown>;

export interface World {
  sandbox: Sandbox;
  person: SandboxClient;
  /** Turns real time; simulated time follows. */
  clock: { at: number };
  call(key: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>;
  /** With the Admin key. */
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>;
  /** One billable call; only its status. */
  message(key: string): Promise<number>;
}

export const START = Date.UTC(2026, 10, 20, 12, 0, 0);
export const DAY = 86_400_000;
export const PING = { model: "claude-haiku-4-5", max_tokens: 1, messages: [{ role: "user", content: "ping" }] };
export const KEYS = "/v1/organizations/api_keys";

/** A sandbox with a clock of its own, gone when the test ends. */
export async function world(): Promise<World> {
  const clock = { at: START };
  const sandbox = await startSandbox({ now: () => clock.at });
  onTestFinished(() => sandbox.close());
  const call: World["call"] = async (key, method, path, body, headers) => {
    const response = await fetch(`${sandbox.url}${path}`, {
      method,
      headers: { "x-api-key": key, "anthropic-version": "2026-10-21", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) as Body };
  };
  return {
    sandbox,
    person: sandboxClient(sandbox.url),
    clock,
    call,
    admin: (method, path, body, headers) => call(sandbox.adminKey, method, path, body, headers),
    message: async (key) => (await call(key, "POST", "/v1/messages", PING)).status,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
