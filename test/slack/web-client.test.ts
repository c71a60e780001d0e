import { describe, expect, it } from "vitest";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { createWebClient } from "../../src/slack/web-client.ts";

const json = (body: object, init: { status?: number; headers?: Record<string, string> } = {}) =>
  new Response(JSON.stringify(body), { ...init, headers: { "content-type": "application/json", ...init.headers } });

describe("each call of Slack is told, for the metrics", () => {
  it.each([
    { what: "done", answer: () => json({ ok: true }), code: "ok" },
    { what: "refused", answer: () => json({ ok: false, error: "invalid_auth" }), code: "invalid_auth" },
    {
      what: "a text instead of a code",
      answer: () => json({ ok: false, error: "Is <b>this</b> a code?" }),
      code: "unreadable",
    },
    {
      what: "too often",
      answer: () => json({}, { status: 429, headers: { "retry-after": "7" } }),
      code: "ratelimited",
    },
    { what: "away", answer: () => new Response("", { status: 503 }), code: "http_503" },
  ])("$what: $code, with its method and seconds", async ({ answer, code }) => {
    const told: [string, string, number][] = [];
    const client = createWebClient({
      token: () => SecretText.from("a-bot-token"),
      apiUrl: "https://slack.example.com/api/",
      fetch: async () => answer(),
      onCall: (...call) => told.push(call),
    });
    const outcome = await client.call("chat.postMessage", {}, "post").catch((error: unknown) => error);
    expect(outcome instanceof KeyturnError).toBe(code !== "ok");
    expect(told).toEqual([["chat.postMessage", code, expect.any(Number)]]);
    expect(told[0]?.[2]).toBeGreaterThan(0);
  });
});
