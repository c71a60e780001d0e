import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

/** What became of a live call. */
export interface LiveCall {
  /** null: no answer at all. */
  status: number | null;
}

const MESSAGE = { model: "claude-haiku-4-5", max_tokens: 4, messages: [{ role: "user", content: "Good morning" }] };
const EVERY_MS = 1000;
const CALL_MS = 10_000;

/** One request with a key, as an application makes it. Never throws. */
export async function callLive(key: string, baseUrl: string, request: "models" | "message"): Promise<LiveCall> {
  const headers = { "anthropic-version": "2023-06-01", "content-type": "application/json" };
  const call = request === "models" ? { method: "GET" } : { method: "POST", body: JSON.stringify(MESSAGE) };
  try {
    const response = await fetch(`${baseUrl}/v1/${request === "models" ? "models" : "messages"}`, {
      ...call,
      headers: { ...headers, "x-api-key": key },
      signal: AbortSignal.timeout(CALL_MS),
    });
    await response.arrayBuffer();
    return { status: response.status };
  } catch {
    return { status: null };
  }
}

export interface ApplicationReport {
  ok: number;
  failed: number;
  /** Milliseconds since 1970; null while the key is the first one. */
  switchedAt: number | null;
  /** The last call with the first key. */
  firstKeyLastUsedAt: number | null;
}

/** A program that uses a key: reads it where it is kept and makes a call, every second. */
export interface Application {
  report(): ApplicationReport;
  /** After the call that is under way. Safe to repeat. */
  stop(): Promise<void>;
}

/** @param readKey from where the application keeps it; each time anew */
export function startApplication(readKey: () => string | Promise<string>, baseUrl: string): Application {
  const stopping = new AbortController();
  const seen: ApplicationReport = { ok: 0, failed: 0, switchedAt: null, firstKeyLastUsedAt: null };
  // Only whether it is the same key is remembered.
  let first: string | null = null;
  const once = async (): Promise<void> => {
    const key = await readKey();
    const at = Date.now();
    const digest = createHash("sha256").update(key).digest("hex");
    first ??= digest;
    if (digest !== first) seen.switchedAt ??= at;
    const { status } = await callLive(key, baseUrl, "message");
    if (digest === first) seen.firstKeyLastUsedAt = at;
    if (status === 200) seen.ok += 1;
    else seen.failed += 1;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // A key that cannot be read is a failure of the application like any other.
      await once().catch(() => (seen.failed += 1));
      await pause(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    report: () => ({ ...seen }),
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** Several applications as one: switched when the last one is. */
export function together(applications: readonly Application[]): Application {
  const latest = (times: readonly (number | null)[]): number | null =>
    times.reduce<number | null>((a, b) => (b === null ? a : Math.max(a ?? b, b)), null);
  return {
    report: () => {
      const all = applications.map((each) => each.report());
      const switches = all.map((each) => each.switchedAt);
      return {
        ok: all.reduce((sum, each) => sum + each.ok, 0),
        failed: all.reduce((sum, each) => sum + each.failed, 0),
        switchedAt: switches.includes(null) ? null : latest(switches),
        firstKeyLastUsedAt: latest(all.map((each) => each.firstKeyLastUsedAt)),
      };
    },
    stop: async () => void (await Promise.all(applications.map((each) => each.stop()))),
  };
}
