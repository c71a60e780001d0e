import { afterEach, describe, expect, it } from "vitest";
import type { LiveAnswer } from "../../src/ports/key-admin.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import {
  LIVE_KEY,
  refusalBody,
  type Scripted,
  scriptedApi,
  type ScriptedApi,
  TestClock,
  verifierFor,
} from "./support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());

const OWNER = { "anthropic-organization-id": "org-1", "anthropic-workspace-id": "wrkspc_1", "request-id": "req_1" };
const MODELS: Scripted = {
  headers: OWNER,
  body: { data: [{ type: "model", id: "claude-haiku-4-5" }], has_more: true },
};
const MESSAGE: Scripted = {
  headers: OWNER,
  body: { type: "message", content: [{ type: "text", text: "P" }], usage: { input_tokens: 8, output_tokens: 1 } },
};
const refused = (
  status: number,
  type: string,
  more: { code?: string; message?: string; headers?: Record<string, string> } = {},
): Scripted => ({
  status,
  headers: more.headers ?? {},
  body: refusalBody(type, more),
});
const HTML = (status: number): Scripted => ({
  status,
  headers: { "content-type": "text/html" },
  body: "<html>Sign in</html>",
});
const doubt = (cause: string, more: object = {}): LiveAnswer => ({
  verdict: "inconclusive",
  cause,
  authenticated: false,
  organizationId: null,
  workspaceId: null,
  retryAfterMs: null,
  ...more,
});

async function ask(call: "authenticate" | "infer", script: Scripted[], workspaceId: string | null = null) {
  api = await scriptedApi(script);
  const clock = new TestClock();
  const verifier = verifierFor(api.url, clock, { limits: { attemptMs: 200 } });
  const answer = await verifier[call](SecretText.from(LIVE_KEY), { workspaceId });
  return { answer, seen: api.seen, waits: clock.waits };
}

describe("a live call with a good key", () => {
  it("asks for one model, at no cost", async () => {
    const { answer, seen } = await ask("authenticate", [MODELS]);
    expect(answer).toEqual({
      verdict: "ok",
      organizationId: "org-1",
      workspaceId: "wrkspc_1",
      requestId: "req_1",
      tokens: 0,
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: "GET", path: "/v1/models" });
    expect(seen[0]?.query.toString()).toBe("limit=1");
    expect(seen[0]?.headers).toMatchObject({ "x-api-key": LIVE_KEY, "anthropic-version": "2026-10-21" });
    expect(seen[0]?.headers["anthropic-workspace-id"]).toBeUndefined();
  });

  it("asks for one token and counts what it cost", async () => {
    const { answer, seen } = await ask("infer", [MESSAGE]);
    expect(answer).toMatchObject({ verdict: "ok", tokens: 9 });
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({
      model: "claude-haiku-4-5",
      max_tokens: 1,
      messages: [{ role: "user", content: "ping" }],
    });
  });

  it("names the workspace when the key has none", async () => {
    const { seen } = await ask("infer", [MESSAGE], "wrkspc_7");
    expect(seen[0]?.headers["anthropic-workspace-id"]).toBe("wrkspc_7");
  });

  it("does not repeat headers that are no ids", async () => {
    const odd = { "anthropic-organization-id": LIVE_KEY, "anthropic-workspace-id": "a b", "request-id": LIVE_KEY };
    const { answer } = await ask("authenticate", [{ ...MODELS, headers: odd }]);
    expect(answer).toEqual({ verdict: "ok", organizationId: null, workspaceId: null, requestId: null, tokens: 0 });
  });
});

const authenticated = { authenticated: true };
const CASES: { when: string; call?: "authenticate" | "infer"; answer: Scripted; is: LiveAnswer }[] = [
  { when: "401", answer: refused(401, "authentication_error"), is: { verdict: "rejected", status: 401 } },
  { when: "403", answer: refused(403, "permission_error"), is: { verdict: "not_permitted", status: 403 } },
  { when: "a proxy's 401", answer: HTML(401), is: doubt("not_the_api") },
  { when: "a 401 of another type", answer: refused(401, "unauthorized"), is: doubt("not_the_api") },
  { when: "a proxy's 403", answer: HTML(403), is: doubt("not_the_api") },
  { when: "a proxy's sign-in page with 200", answer: HTML(200), is: doubt("not_the_api") },
  { when: "JSON that is not the API's, with 200", answer: { body: { ok: true } }, is: doubt("not_the_api") },
  { when: "a redirect", answer: { status: 302, headers: { location: "/x" } }, is: doubt("not_the_api") },
  { when: "407 from a proxy", answer: HTML(407), is: doubt("network") },
  { when: "402", answer: refused(402, "billing_error"), is: doubt("billing", authenticated) },
  {
    when: "400 for want of credit",
    answer: refused(400, "invalid_request_error", { message: "Your credit balance is too low to access the API." }),
    is: doubt("billing", authenticated),
  },
  {
    when: "400 for the spend limit one has set",
    answer: refused(400, "invalid_request_error", { message: "You have reached your specified API usage limits." }),
    is: doubt("billing", authenticated),
  },
  {
    when: "400 for want of the workspace header",
    answer: refused(400, "invalid_request_error", {
      message: "anthropic-workspace-id is required for an identity-linked key.",
    }),
    is: doubt("workspace_header_missing", authenticated),
  },
  {
    when: "400 because the organization is on hold",
    answer: refused(400, "invalid_request_error", { code: "organization_on_hold" }),
    is: doubt("organization_on_hold", authenticated),
  },
  { when: "any other 400", answer: refused(400, "invalid_request_error"), is: doubt("bad_request") },
  {
    when: "429 for a spend limit, with the owner told",
    answer: refused(429, "rate_limit_error", { code: "contract_spend_limit_reached", headers: OWNER }),
    is: doubt("contract_spend_limit_reached", { ...authenticated, organizationId: "org-1", workspaceId: "wrkspc_1" }),
  },
  {
    when: "429 with a long retry-after",
    answer: refused(429, "rate_limit_error", { headers: { "retry-after": "60" } }),
    is: doubt("rate_limited", { ...authenticated, retryAfterMs: 60_000 }),
  },
  { when: "a proxy's 429", answer: HTML(429), is: doubt("not_the_api") },
  { when: "413", answer: refused(413, "request_too_large"), is: doubt("status_413") },
  {
    when: "500",
    answer: refused(500, "api_error", { headers: OWNER }),
    is: doubt("status_500", { organizationId: "org-1", workspaceId: "wrkspc_1" }),
  },
  { when: "a proxy's 503", answer: HTML(503), is: doubt("status_503") },
  { when: "529", answer: refused(529, "overloaded_error"), is: doubt("status_529") },
  { when: "no answer", answer: { hang: true }, is: doubt("timeout") },
  { when: "a broken connection", answer: { reset: true }, is: doubt("network") },
  { when: "404 on models", call: "authenticate", answer: refused(404, "not_found_error"), is: doubt("not_found") },
  {
    when: "404 on a message, authenticated",
    call: "infer",
    answer: refused(404, "not_found_error", { headers: OWNER }),
    is: doubt("model_not_found", { ...authenticated, organizationId: "org-1", workspaceId: "wrkspc_1" }),
  },
  {
    when: "404 on a message, owner unknown",
    call: "infer",
    answer: refused(404, "not_found_error"),
    is: doubt("model_not_found"),
  },
];

describe("only the API's own 401 rejects a key (P12):", () => {
  const both = CASES.flatMap((row) =>
    (row.call === undefined ? (["authenticate", "infer"] as const) : [row.call]).map((call) => ({ ...row, call })),
  );
  it.each(both)("$when on $call", async ({ call, answer, is }) => {
    expect((await ask(call, [answer])).answer).toEqual(is);
  });
});

describe("a live call is repeated once", () => {
  it.each([
    { call: "authenticate" as const, first: refused(500, "api_error"), second: MODELS },
    { call: "authenticate" as const, first: { reset: true }, second: MODELS },
    { call: "authenticate" as const, first: { hang: true }, second: MODELS },
    { call: "infer" as const, first: refused(529, "overloaded_error"), second: MESSAGE },
    {
      call: "infer" as const,
      first: refused(429, "rate_limit_error", { headers: { "retry-after": "3" } }),
      second: MESSAGE,
    },
  ])("($call)", async ({ call, first, second }) => {
    const { answer, seen } = await ask(call, [first, second]);
    expect(answer.verdict).toBe("ok");
    expect(seen).toHaveLength(2);
  });

  it.each([
    { when: "401", call: "authenticate" as const, first: refused(401, "authentication_error") },
    {
      when: "a spend limit",
      call: "infer" as const,
      first: refused(429, "rate_limit_error", { code: "enforced_spend_limit_reached" }),
    },
    {
      when: "a long retry-after",
      call: "infer" as const,
      first: refused(429, "rate_limit_error", { headers: { "retry-after": "6" } }),
    },
    { when: "a message that may have been billed unseen", call: "infer" as const, first: { hang: true } },
    { when: "a message whose answer was lost", call: "infer" as const, first: { reset: true } },
  ])("but not after $when", async ({ call, first }) => {
    const { seen, waits } = await ask(call, [first, MODELS]);
    expect(seen).toHaveLength(1);
    expect(waits).toEqual([]);
  });
});

describe("a text that is no key", () => {
  it.each([
    { with: "a newline within", text: `${LIVE_KEY}\nX-Other: 1` },
    { with: "a newline at the end", text: `${LIVE_KEY}\n` },
    { with: "a NUL", text: `${LIVE_KEY}\0` },
    { with: "a letter beyond ASCII", text: `${LIVE_KEY}é` },
    { with: "a space", text: `${LIVE_KEY} x` },
    { with: "nothing at all", text: "" },
    { with: "far too much", text: "k".repeat(1025) },
  ])("with $with is rejected without being sent", async ({ text }) => {
    api = await scriptedApi([MODELS]);
    const answer = await verifierFor(api.url, new TestClock()).authenticate(SecretText.from(text), {
      workspaceId: null,
    });
    expect(answer).toEqual({ verdict: "rejected", status: 401 });
    expect(api.seen).toHaveLength(0);
  });

  it("because it was wiped is our mistake, and no verdict on the key", async () => {
    api = await scriptedApi([MODELS]);
    const key = SecretText.from(LIVE_KEY);
    key.wipe();
    await expect(verifierFor(api.url, new TestClock()).infer(key, { workspaceId: null })).rejects.toMatchObject({
      code: "INTERNAL",
    });
    expect(api.seen).toHaveLength(0);
  });
});
