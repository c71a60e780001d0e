import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import type { Log } from "../../src/anthropic/admin-client.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import {
  ADMIN_KEY,
  adminFor,
  everyKey,
  LIVE_KEY,
  NOW,
  page,
  refusalBody,
  type Scripted,
  scriptedApi,
  type ScriptedApi,
  shown,
  TestClock,
  verifierFor,
} from "./support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());

/** What must be found nowhere: the secret parts, plain and encoded. */
const CANARIES = [ADMIN_KEY, LIVE_KEY].flatMap((key) => {
  const secret = key.slice(18, -6);
  return [
    secret.slice(0, 12),
    Buffer.from(key).toString("base64").slice(24, 60),
    Buffer.from(secret).toString("hex").slice(0, 24),
  ];
});

/** Everything that can be seen of a value or of an error, hidden properties and causes included. */
const visible = (value: unknown): string =>
  inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null }) +
  (value instanceof Error ? (value.stack ?? "") : "");

function expectClean(values: unknown[]): void {
  const text = values.map(visible).join("\n");
  for (const canary of CANARIES) expect(text).not.toContain(canary);
}

/** A hostile other side, which says both keys wherever it can. */
const BOTH = `${ADMIN_KEY} ${LIVE_KEY}`;
const HEADERS = {
  "request-id": LIVE_KEY,
  "anthropic-organization-id": LIVE_KEY,
  "retry-after": LIVE_KEY,
  "x-echo": ADMIN_KEY,
};
const envelope = refusalBody("invalid_request_error", { code: LIVE_KEY, message: BOTH });
const ANSWERS: { when: string; answer: Scripted }[] = [
  ...[400, 401, 402, 403, 404, 409, 413, 421, 429, 500, 529].map((status) => ({
    when: `a ${status} that quotes the keys`,
    answer: { status, headers: HEADERS, body: envelope },
  })),
  { when: "text that quotes the keys", answer: { headers: { ...HEADERS, "content-type": "text/plain" }, body: BOTH } },
  { when: "a content type that quotes a key", answer: { headers: { "content-type": `text/${LIVE_KEY}` }, body: BOTH } },
  { when: "JSON that is not whole and quotes the keys", answer: { headers: HEADERS, body: BOTH } },
  { when: "keys that are called like keys", answer: { body: page([shown(LIVE_KEY, { name: BOTH, status: BOTH })]) } },
  {
    when: "a cursor that is a key",
    answer: { body: page([shown("apikey_1")], { has_more: true, last_id: LIVE_KEY }) },
  },
  {
    when: "names, hints and statuses that are keys",
    answer: { body: page([shown("apikey_1", { name: BOTH, partial_key_hint: LIVE_KEY, status: LIVE_KEY })]) },
  },
  { when: "a redirect to a place that names a key", answer: { status: 302, headers: { location: `/${LIVE_KEY}` } } },
  { when: "a broken connection", answer: { reset: true } },
  { when: "a body that breaks off", answer: { body: BOTH, cutOff: true } },
  { when: "no answer", answer: { hang: true } },
];

describe("no key text leaves the adapter (P3)", () => {
  it.each(ANSWERS)("after $when", async ({ answer }) => {
    api = await scriptedApi([answer]);
    const lines: unknown[] = [];
    const log: Log = { warn: (...line) => lines.push(line) };
    const clock = new TestClock();
    const admin = adminFor(api.url, clock, { log, limits: { tries: 2, attemptMs: 100 } });
    const verifier = verifierFor(api.url, clock, { limits: { attemptMs: 100 } });
    const key = SecretText.from(LIVE_KEY);
    const results = await Promise.allSettled([
      admin.organization(),
      everyKey(admin),
      admin.getKey("apikey_1"),
      admin.setKeyStatus("apikey_1", "inactive", { timeoutMs: 100, notAfter: NOW + 10_000_000 }),
      admin.usage("apikey_1", NOW - 60_000, NOW, "minute"),
      verifier.authenticate(key, { workspaceId: null }),
      verifier.infer(key, { workspaceId: "wrkspc_1" }),
    ]);
    expect(results).toHaveLength(7);
    expectClean([results, lines]);
  });

  it.each([
    { with: "a newline within", text: `${ADMIN_KEY}\nx: y` },
    { with: "a NUL", text: `${ADMIN_KEY}\0` },
    { with: "a letter beyond Latin-1", text: `${ADMIN_KEY}✓` },
  ])("when the Admin key has $with, which fetch would quote", async ({ text }) => {
    api = await scriptedApi([{ body: {} }]);
    const admin = adminFor(api.url, new TestClock(), { adminKey: () => SecretText.from(text) });
    const failures = await Promise.allSettled([
      admin.organization(),
      everyKey(admin),
      admin.setKeyStatus("apikey_1", "active", { timeoutMs: 100, notAfter: NOW + 1_000 }),
    ]);
    for (const failure of failures) {
      expect(failure).toMatchObject({
        reason: {
          code: "ADMIN_DENIED",
          message:
            "The Admin API refused the Admin key. It is not one line of printable characters, so it was not sent.",
        },
      });
    }
    expectClean(failures);
    expect(api.seen).toHaveLength(0);
  });

  it("when the Admin key cannot be read, and the reason quotes it", async () => {
    api = await scriptedApi([{ body: {} }]);
    const admin = adminFor(api.url, new TestClock(), {
      adminKey: () => {
        throw new Error(`cannot read ${ADMIN_KEY}`);
      },
    });
    const failures = await Promise.allSettled([admin.organization()]);
    expect(failures).toMatchObject([{ reason: { code: "INTERNAL" } }]);
    expectClean(failures);
  });

  it("when fetch itself throws the key", async () => {
    const thrower: typeof fetch = () =>
      Promise.reject(new TypeError(`Headers.append: "${LIVE_KEY}" is an invalid header value.`));
    const clock = new TestClock();
    const admin = adminFor("http://127.0.0.1:1", clock, { fetch: thrower });
    const verifier = verifierFor("http://127.0.0.1:1", clock, { fetch: thrower });
    const results = await Promise.allSettled([
      admin.organization(),
      verifier.authenticate(SecretText.from(LIVE_KEY), { workspaceId: null }),
    ]);
    expect(results.map((one) => one.status)).toEqual(["rejected", "fulfilled"]);
    expectClean(results);
  });
});
