import { afterEach, describe, expect, it } from "vitest";
import {
  ADMIN_KEY,
  adminFor,
  failureOf,
  NOW,
  refusalBody,
  type Scripted,
  scriptedApi,
  type ScriptedApi,
  shown,
  TestClock,
} from "./support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());
const SOON = { timeoutMs: 5_000, notAfter: NOW + 10_000 };
const PATH = "POST /v1/organizations/api_keys/apikey_1";
const UNAVAILABLE = `The Admin API did not answer as expected. ${PATH}`;
const REFUSED = `The Admin API refused the change. ${PATH}`;

describe("setting a status", () => {
  it("sends one POST with the status alone and answers with the key", async () => {
    api = await scriptedApi([{ body: shown("apikey_1", { status: "inactive" }) }]);
    const answer = await adminFor(api.url, new TestClock()).setKeyStatus("apikey_1", "inactive", SOON);
    expect(answer).toMatchObject({ value: { id: "apikey_1", status: "inactive" }, serverTime: NOW });
    const [request] = api.seen;
    expect(request).toMatchObject({
      method: "POST",
      path: "/v1/organizations/api_keys/apikey_1",
      body: '{"status":"inactive"}',
    });
    expect(request?.headers).toMatchObject({
      "x-api-key": ADMIN_KEY,
      "anthropic-version": "2026-10-21",
      "content-type": "application/json",
      "content-length": "21",
    });
    expect(request?.headers.authorization).toBeUndefined();
  });

  const cases: { when: string; answer: Scripted; code: string; says: string; retryAfterMs?: number | null }[] = [
    {
      when: "the organization's key limit",
      answer: { status: 400, body: refusalBody("invalid_request_error", { code: "org_api_key_limit_exceeded" }) },
      code: "KEY_LIMIT",
      says: `The organization or workspace is at its limit of active keys. ${PATH} answered 400 application/json org_api_key_limit_exceeded.`,
    },
    {
      when: "the workspace's key limit",
      answer: { status: 400, body: refusalBody("invalid_request_error", { code: "workspace_api_key_limit_exceeded" }) },
      code: "KEY_LIMIT",
      says: `The organization or workspace is at its limit of active keys. ${PATH} answered 400 application/json workspace_api_key_limit_exceeded.`,
    },
    {
      when: "a forbidden transition, with a code nobody knows",
      answer: { status: 400, body: refusalBody("invalid_request_error", { code: "key_is_archived" }) },
      code: "ADMIN_REFUSED",
      says: `${REFUSED} answered 400 application/json.`,
    },
    {
      when: "an unknown key",
      answer: { status: 404, body: refusalBody("not_found_error"), headers: { "request-id": "req_7" } },
      code: "ADMIN_REFUSED",
      says: `${REFUSED} answered 404 application/json (request req_7).`,
    },
    {
      when: "a dead Admin key",
      answer: { status: 401, body: refusalBody("authentication_error") },
      code: "ADMIN_DENIED",
      says: `The Admin API refused the Admin key. ${PATH} answered 401 application/json.`,
    },
    {
      when: "a role that may not",
      answer: { status: 403, body: refusalBody("permission_error") },
      code: "ADMIN_DENIED",
      says: `The Admin API refused the Admin key. ${PATH} answered 403 application/json.`,
    },
    {
      when: "a concurrent change",
      answer: { status: 409, body: refusalBody("conflict_error") },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered 409 application/json.`,
    },
    {
      when: "a rate limit",
      answer: { status: 429, headers: { "retry-after": "12" }, body: refusalBody("rate_limit_error") },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered 429 application/json.`,
      retryAfterMs: 12_000,
    },
    {
      when: "an outage",
      answer: { status: 500, body: refusalBody("api_error") },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered 500 application/json. The change may have been made.`,
    },
    {
      when: "a misdirected request, which fetch would repeat by itself",
      answer: { status: 421 },
      code: "ADMIN_REFUSED",
      says: `${REFUSED} answered 421 application/json.`,
    },
    {
      when: "a redirect",
      answer: { status: 307, headers: { location: "/elsewhere" } },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered 307 application/json.`,
    },
    {
      when: "a success that cannot be read",
      answer: { body: '{"id": "apikey_1", ' },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered 200 with a body that is not whole JSON. The change may have been made.`,
    },
    {
      when: "a success about another key",
      answer: { body: shown("apikey_2") },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE} answered with another key. The change may have been made.`,
    },
    {
      when: "a connection that breaks off",
      answer: { reset: true },
      code: "ADMIN_UNAVAILABLE",
      says: `${UNAVAILABLE}: the connection failed (UND_ERR_SOCKET). The change may have been made.`,
    },
  ];
  it.each(cases)("is sent once and never again after $when", async ({ answer, code, says, retryAfterMs = null }) => {
    api = await scriptedApi([answer, { body: shown("apikey_1") }]);
    const clock = new TestClock();
    const failure = await failureOf(adminFor(api.url, clock).setKeyStatus("apikey_1", "archived", SOON));
    expect({ code: failure.code, says: failure.message, retryAfterMs: failure.retryAfterMs }).toEqual({
      code,
      says,
      retryAfterMs,
    });
    expect(api.seen).toHaveLength(1);
    expect(clock.waits).toEqual([]);
  });

  it("done by the API but never answered: says nothing of the outcome", async () => {
    let status = "active";
    api = await scriptedApi((seen) => {
      if (seen.method === "GET") return { body: shown("apikey_1", { status }) };
      status = "inactive";
      return { hang: true };
    });
    const admin = adminFor(api.url, new TestClock());
    const failure = await failureOf(admin.setKeyStatus("apikey_1", "inactive", { ...SOON, timeoutMs: 50 }));
    expect(failure.code).toBe("ADMIN_UNAVAILABLE");
    expect(failure.message).toBe(`${UNAVAILABLE}: no whole answer within 50 ms. The change may have been made.`);
    expect((await admin.getKey("apikey_1")).value?.status).toBe("inactive");
  });

  it.each([
    { when: "is over", notAfter: NOW - 1 },
    { when: "is just over", notAfter: NOW },
    { when: "is not a time", notAfter: Number.NaN },
  ])("is not sent at all when its time $when (R9)", async ({ notAfter }) => {
    api = await scriptedApi([{ body: shown("apikey_1") }]);
    const admin = adminFor(api.url, new TestClock());
    const failure = await failureOf(admin.setKeyStatus("apikey_1", "inactive", { timeoutMs: 5_000, notAfter }));
    expect(failure.code).toBe("LOCK_HELD");
    expect(failure.message).toBe(
      "Another rotation or process holds it. The time for this call is over; nothing was sent.",
    );
    expect(api.seen).toHaveLength(0);
  });

  it("is given up when its time runs out under way, even if the timeout is longer (R9)", async () => {
    api = await scriptedApi([{ hang: true }]);
    const limits = { timeoutMs: 60_000, notAfter: NOW + 50 };
    const failure = await failureOf(adminFor(api.url, new TestClock()).setKeyStatus("apikey_1", "inactive", limits));
    expect(failure.message).toContain("no whole answer within 50 ms");
  });

  it("reads the clock after the Admin key, however long that takes", async () => {
    api = await scriptedApi([{ body: shown("apikey_1") }]);
    const clock = new TestClock();
    const { SecretText } = await import("../../src/rotation/secret.ts");
    const adminKey = () => {
      clock.set(NOW + 10_001);
      return SecretText.from(ADMIN_KEY);
    };
    const failure = await failureOf(adminFor(api.url, clock, { adminKey }).setKeyStatus("apikey_1", "inactive", SOON));
    expect(failure.code).toBe("LOCK_HELD");
    expect(api.seen).toHaveLength(0);
  });
});

describe("reading one key", () => {
  it("is null only when the API itself says that it does not exist", async () => {
    api = await scriptedApi([{ status: 404, body: refusalBody("not_found_error") }]);
    expect(await adminFor(api.url, new TestClock()).getKey("apikey_1")).toEqual({ value: null, serverTime: NOW });
  });

  it.each([
    {
      when: "a proxy's 404",
      answer: { status: 404, headers: { "content-type": "text/html" }, body: "<html>" },
      says: "answered 404 text/html, not in the API's error form: something may stand between.",
    },
    {
      when: "a gateway's 404 in JSON",
      answer: { status: 404, body: { message: "no Route matched" } },
      says: "answered 404 application/json, not in the API's error form: something may stand between.",
    },
    { when: "another key", answer: { body: shown("apikey_2") }, says: "answered with another key." },
    { when: "no key", answer: { body: [] }, says: "answered with a key that is not an object." },
  ])("is refused for $when", async ({ answer, says }) => {
    api = await scriptedApi([answer]);
    const failure = await failureOf(adminFor(api.url, new TestClock()).getKey("apikey_1"));
    expect(failure.message).toBe(
      `The Admin API answered with something Keyturn cannot read. GET /v1/organizations/api_keys/apikey_1 ${says}`,
    );
  });

  it.each(["../users", "apikey_1/../..", "", "a b", "apikey_1?x"])(
    "refuses the id %j without asking",
    async (keyId) => {
      api = await scriptedApi([{ body: shown("apikey_1") }]);
      const failure = await failureOf(adminFor(api.url, new TestClock()).getKey(keyId));
      expect(failure.message).toBe(
        "The organization has no key with this id. The id contains characters that no key id has.",
      );
      expect(api.seen).toHaveLength(0);
    },
  );
});
