import { afterEach, describe, expect, it } from "vitest";
import {
  adminFor,
  everyKey,
  failureOf,
  page,
  refusalBody,
  type Script,
  scriptedApi,
  type ScriptedApi,
  shown,
  TestClock,
} from "./support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());

const INVALID = "The Admin API answered with something Keyturn cannot read. GET /v1/organizations/api_keys";
const UNAVAILABLE = "The Admin API did not answer as expected. GET /v1/organizations/api_keys";
const DENIED = "The Admin API refused the Admin key. GET /v1/organizations/api_keys";
const HTML = { headers: { "content-type": "text/html; charset=utf-8" }, body: "<html>Sign in</html>" };

const CASES: { when: string; script: Script; code: string; says: string; requests?: number }[] = [
  {
    when: "a body that ends in the middle",
    script: [{ body: '{"data": [{"id": "apikey_1", ' }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with a body that is not whole JSON.`,
  },
  {
    when: "an empty body",
    script: [{ body: "" }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with an empty body.`,
  },
  {
    when: "a connection that breaks off within the body, each time",
    script: [{ body: page([shown("apikey_1")]), cutOff: true }],
    code: "ADMIN_UNAVAILABLE",
    says: "the connection failed",
    requests: 3,
  },
  {
    when: "a proxy's HTML with status 200",
    script: [HTML],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with text/html instead of application/json.`,
  },
  {
    when: "JSON under the wrong content type",
    script: [{ headers: { "content-type": "text/plain" }, body: page([]) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with text/plain instead of application/json.`,
  },
  {
    when: "a content type that makes no sense",
    script: [{ headers: { "content-type": "<script>" }, body: page([]) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with an odd content type instead of application/json.`,
  },
  {
    when: "a body beyond the limit",
    script: [{ body: JSON.stringify(page([shown("apikey_1", { name: "x".repeat(20_000) })])) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 200 with an answer that is far too long.`,
  },
  {
    when: "a redirect, which would carry the Admin key elsewhere",
    script: [{ status: 302, headers: { location: "/elsewhere" } }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 302, a redirect, which is never followed.`,
  },
  {
    when: "a list without has_more",
    script: [{ body: { data: [shown("apikey_1")], last_id: "apikey_1" } }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a page without \`has_more\`.`,
  },
  {
    when: "has_more that is not a boolean",
    script: [{ body: page([], { has_more: "false" }) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a page without \`has_more\`.`,
  },
  {
    when: "a list without data",
    script: [{ body: { has_more: false } }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a page without \`data\`.`,
  },
  {
    when: "more keys, but no cursor",
    script: [{ body: page([shown("apikey_1")], { has_more: true }) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered that there are more keys, but without a usable \`last_id\`.`,
  },
  {
    when: "the same page again and again",
    script: [{ body: page([shown("apikey_1")], { has_more: true, last_id: "apikey_1" }) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a cursor for the second time.`,
    requests: 2,
  },
  {
    when: "new cursors for ever, but no new keys",
    script: (_, index) => ({ body: page([shown("apikey_1")], { has_more: true, last_id: `apikey_c${index}` }) }),
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a page that holds no new key but says there are more.`,
    requests: 2,
  },
  {
    when: "a key without an id",
    script: [{ body: page([{ name: "x" }]) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with a key without a usable \`id\`.`,
  },
  {
    when: "a key whose creation time has no zone",
    script: [{ body: page([shown("apikey_1", { created_at: "2026-08-14T09:12:44" })]) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with key apikey_1 without a readable \`created_at\`.`,
  },
  {
    when: "a key with an expiry that is no time",
    script: [{ body: page([shown("apikey_1", { expires_at: "never" })]) }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered with key apikey_1 with an unreadable \`expires_at\`.`,
  },
  {
    when: "401 from the API",
    script: [{ status: 401, headers: { "request-id": "req_01ABC" }, body: refusalBody("authentication_error") }],
    code: "ADMIN_DENIED",
    says: `${DENIED} answered 401 application/json (request req_01ABC).`,
  },
  {
    when: "403 from a sandboxed network",
    script: [{ status: 403, body: refusalBody("permission_error", { code: "sandbox_egress_restricted" }) }],
    code: "ADMIN_DENIED",
    says: `${DENIED} answered 403 application/json sandbox_egress_restricted.`,
  },
  {
    when: "403 from a proxy",
    script: [{ ...HTML, status: 403 }],
    code: "ADMIN_DENIED",
    says: `${DENIED} answered 403 text/html, not in the API's error form: something may stand between.`,
  },
  {
    when: "404 for the list",
    script: [{ status: 404, body: refusalBody("not_found_error") }],
    code: "ADMIN_INVALID",
    says: `${INVALID} answered 404 application/json.`,
  },
  {
    when: "a spend limit, which waiting does not cure",
    script: [{ status: 429, body: refusalBody("rate_limit_error", { code: "enforced_spend_limit_reached" }) }],
    code: "ADMIN_UNAVAILABLE",
    says: `${UNAVAILABLE} answered 429 application/json enforced_spend_limit_reached.`,
  },
  {
    when: "429 without retry-after, each time",
    script: [{ status: 429, body: refusalBody("rate_limit_error") }],
    code: "ADMIN_UNAVAILABLE",
    says: `${UNAVAILABLE} answered 429 application/json, after 3 tries.`,
    requests: 3,
  },
  {
    when: "a proxy's 503, each time",
    script: [{ ...HTML, status: 503 }],
    code: "ADMIN_UNAVAILABLE",
    says: `${UNAVAILABLE} answered 503 text/html, after 3 tries.`,
    requests: 3,
  },
  {
    when: "529, each time",
    script: [{ status: 529, body: refusalBody("overloaded_error") }],
    code: "ADMIN_UNAVAILABLE",
    says: `${UNAVAILABLE} answered 529 application/json, after 3 tries.`,
    requests: 3,
  },
];

describe("listing keys refuses", () => {
  it.each(CASES)("$when", async ({ script, code, says, requests = 1 }) => {
    api = await scriptedApi(script);
    const admin = adminFor(api.url, new TestClock(), { limits: { tries: 3, attemptMs: 5_000, maxBytes: 10_000 } });
    const failure = await failureOf(everyKey(admin));
    expect(failure.code).toBe(code);
    if (says.startsWith("The Admin API")) expect(failure.message).toBe(says);
    else expect(failure.message).toContain(says);
    expect(api.seen).toHaveLength(requests);
  });

  it("an API that never answers, within the time for the attempts", async () => {
    api = await scriptedApi([{ hang: true }]);
    const admin = adminFor(api.url, new TestClock(), { limits: { tries: 2, attemptMs: 50 } });
    const failure = await failureOf(everyKey(admin));
    expect(failure.message).toBe(`${UNAVAILABLE}: no whole answer within 50 ms, after 2 tries.`);
    expect(failure.code).toBe("ADMIN_UNAVAILABLE");
  });

  it("an address where nothing listens", async () => {
    api = await scriptedApi([]);
    await api.close();
    const failure = await failureOf(everyKey(adminFor(api.url, new TestClock())));
    expect(failure.message).toBe(`${UNAVAILABLE}: the connection failed (ECONNREFUSED), after 3 tries.`);
  });
});

describe("listing keys accepts", () => {
  it("ids that come again over a page border, once", async () => {
    api = await scriptedApi([
      { body: page([shown("apikey_1"), shown("apikey_2")], { has_more: true, last_id: "apikey_2" }) },
      { body: page([shown("apikey_2"), shown("apikey_3")], { has_more: true, last_id: "apikey_3" }) },
      { body: page([shown("apikey_1"), shown("apikey_4")]) },
    ]);
    const keys = await everyKey(adminFor(api.url, new TestClock()));
    expect(keys.map((key) => key.id)).toEqual(["apikey_1", "apikey_2", "apikey_3", "apikey_4"]);
    expect(api.seen.map(({ query }) => query.toString())).toEqual([
      "limit=1000",
      "limit=1000&after_id=apikey_2",
      "limit=1000&after_id=apikey_3",
    ]);
  });

  it("keys without a hint, with the same hint, or with a status nobody knows yet", async () => {
    api = await scriptedApi([
      {
        body: page([
          shown("apikey_1", { partial_key_hint: null }),
          shown("apikey_2"),
          shown("apikey_3", { status: "suspended" }),
        ]),
      },
    ]);
    const keys = await everyKey(adminFor(api.url, new TestClock()));
    expect(keys.map(({ hint, status }) => [hint, status])).toEqual([
      [null, "active"],
      ["sk-ant-api03-Qz7...wQAA", "active"],
      ["sk-ant-api03-Qz7...wQAA", "unknown:suspended"],
    ]);
  });

  it("an organization without keys", async () => {
    api = await scriptedApi([{ body: page([]) }]);
    expect(await everyKey(adminFor(api.url, new TestClock()))).toEqual([]);
  });

  it("a wish to stop: the reason of the signal is thrown and the page under way is let go", async () => {
    api = await scriptedApi((_, index) =>
      index === 0 ? { body: page([shown("apikey_1")], { has_more: true, last_id: "apikey_1" }) } : { hang: true },
    );
    const stop = new AbortController();
    const pages = adminFor(api.url, new TestClock()).listKeys(stop.signal)[Symbol.asyncIterator]();
    expect((await pages.next()).value).toHaveLength(1);
    stop.abort(new Error("the scan was stopped"));
    await expect(pages.next()).rejects.toThrow("the scan was stopped");
  });

  it("a caller who has seen enough: the page under way is let go", async () => {
    api = await scriptedApi((_, index) =>
      index === 0 ? { body: page([shown("apikey_1")], { has_more: true, last_id: "apikey_1" }) } : { hang: true },
    );
    for await (const keys of adminFor(api.url, new TestClock()).listKeys()) {
      expect(keys).toHaveLength(1);
      break;
    }
    expect(api.seen.length).toBeLessThanOrEqual(2);
  });

  it("a slow caller: the next page's failure waits for him", async () => {
    api = await scriptedApi((_, index) =>
      index === 0 ? { body: page([shown("apikey_1")], { has_more: true, last_id: "apikey_1" }) } : { status: 401 },
    );
    const pages = adminFor(api.url, new TestClock()).listKeys()[Symbol.asyncIterator]();
    await pages.next();
    await expect.poll(() => api?.seen.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 50)); // an unhandled rejection would end the test run here
    await expect(pages.next()).rejects.toMatchObject({ code: "ADMIN_DENIED" });
  });
});
