import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { makeKey } from "../../support/keys.ts";
import { type Api, anApi } from "./support.ts";

let api: Api;
let id = "";
beforeEach(async () => {
  api = await anApi();
  api.world.setTarget("billing", api.world.org.addKey({ name: "billing-key", ageDays: 100 }));
  id = String((await api.call("POST", "/targets/billing/rotate")).json["id"]);
});
afterEach(() => api.close());

/** The state of everything that a request could have changed. */
const untouched = async () => JSON.stringify([await api.world.rotation(id), await api.world.deps.holds.list()]);

describe("who may", () => {
  it.each([
    { what: "without a token", as: null },
    { what: "with an unknown token", as: "x".repeat(40) },
    { what: "with a token's name", as: "reader" + "\u00A0" },
    { what: "with a token and a letter more", as: `${"bot-".repeat(8)}x` },
    { what: "with an empty token", as: "" },
  ])("$what: 401, whatever is asked, and nothing is told about it", async ({ as }) => {
    const before = await untouched();
    const asked = ["/rotations", `/rotations/${id}`, "/rotations/rot_nothing"];
    const texts = new Set<string>();
    for (const path of asked) {
      const headers: Record<string, string> = as === null ? {} : { authorization: `Bearer ${encodeURI(as)}` };
      const reply = await api.call("GET", path, { as: null, headers });
      expect(reply.status).toBe(401);
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer realm="keyturn"/);
      texts.add(reply.text);
    }
    expect(texts.size).toBe(1);
    const post = await api.call("POST", `/rotations/${id}/approve`, {
      as: as === null ? null : encodeURI(as),
      body: "{",
    });
    expect(post.status).toBe(401);
    expect(await untouched()).toBe(before);
  });

  it.each(["Basic Ym90OmJvdA==", "Bearer", "bot", "Bearer a b"])(
    "authorization: %s is no token",
    async (authorization) => {
      expect((await api.call("GET", "/rotations", { as: null, headers: { authorization } })).status).toBe(401);
    },
  );

  const NEEDS = [
    { scope: "read", method: "GET", paths: ["/rotations", "/rotations/{id}"] },
    {
      scope: "decide",
      method: "POST",
      paths: [
        ...["approve", "reject", "snooze", "cancel", "retry"].map((a) => `/rotations/{id}/${a}`),
        "/targets/billing/rotate",
      ],
    },
    {
      scope: "emergency",
      method: "POST",
      paths: ["/rotations/{id}/reinstate", "/holds", "/holds/billing/lift", "/revocations"],
    },
  ];
  const HAVE: Record<string, string> = { read: "reader", decide: "decider", emergency: "pager" };
  const CASES = NEEDS.flatMap(({ scope, method, paths }) =>
    paths.flatMap((path) =>
      Object.entries(HAVE)
        .filter(([has]) => has !== scope)
        .map(([has, as]) => ({ has, as, method, path })),
    ),
  );
  it.each(CASES)("P10: the scope $has is not enough for $method $path", async ({ as, method, path }) => {
    const before = await untouched();
    const reply = await api.call(method, path.replace("{id}", id), { as });
    expect([reply.status, reply.json.error?.code]).toEqual([403, "FORBIDDEN"]);
    expect(reply.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
    expect(await untouched()).toBe(before);
  });

  it("a replaced token works at once, and the old one no longer", async () => {
    const old = api.tokens["reader"] ?? "";
    api.tokens["reader"] = "another token, forty characters long ….".padEnd(40, "z").replaceAll(/[^\x21-\x7e]/g, "_");
    expect((await api.call("GET", "/rotations", { as: "reader" })).status).toBe(200);
    expect((await api.call("GET", "/rotations", { as: old })).status).toBe(401);
  });

  it("a token whose source is empty or short lets nobody in", async () => {
    api.tokens["reader"] = "short";
    expect((await api.call("GET", "/rotations", { as: "short" })).status).toBe(401);
    expect((await api.call("GET", "/rotations", { as: "bot" })).status).toBe(200);
  });

  it("guessing is slowed down by address and logged a bounded number of times; valid tokens still pass", async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 40; n++)
      statuses.push((await api.call("GET", "/rotations", { as: `${"guess".repeat(8)}${n}` })).status);
    expect(statuses.filter((s) => s === 401)).toHaveLength(20);
    expect(statuses.filter((s) => s === 429)).toHaveLength(20);
    expect((await api.call("GET", "/rotations")).status).toBe(200);
    const lines = api.world.log.lines.filter((line) => line.fields["event"] === "api.unauthenticated");
    expect(lines).toHaveLength(20);
    expect(JSON.stringify(lines)).not.toContain("guess");
    api.world.clock.set(api.world.clock.now() + 60_000);
    expect((await api.call("GET", "/rotations", { as: null })).status).toBe(401);
  });
});

describe("what may be sent", () => {
  const key = makeKey("abuse");
  const escaped = `{"reason":"${key.replace("-", "\\u002d")}"}`;
  it.each([
    { what: "a key as reason", path: "/rotations/{id}/reject", body: { reason: `leaked: ${key}` } },
    { what: "an escaped key", path: "/rotations/{id}/reject", body: escaped },
    { what: "a key as a field's name", path: "/rotations/{id}/reject", body: { [key]: 1 } },
    {
      what: "a key that a second field hides",
      path: "/rotations/{id}/reject",
      body: `{"reason":"${key}","reason":"x"}`,
    },
    { what: "a key as subject", path: "/revocations", body: { subject: key } },
    { what: "a key in the path", path: `/holds/${key}/lift`, body: {} },
    { what: "a key in the query", path: `/rotations/{id}/retry?x=${key}`, body: {} },
    { what: "an encoded key in the query", path: `/rotations/{id}/retry?x=${key.replaceAll("-", "%2D")}`, body: {} },
  ])("P3: $what is refused, changes nothing, and is not repeated anywhere", async ({ path, body }) => {
    const before = await untouched();
    const reply = await api.call("POST", path.replace("{id}", id), { body });
    expect(reply.status).toBe(400);
    expect(reply.json.error?.code ?? reply.text).toMatch(/^KEY_IN_REQUEST$|^This address looks as if it had a key/);
    expect(await untouched()).toBe(before);
    const kept = JSON.stringify([reply.text, [...reply.headers], api.world.log.lines, api.world.audit.sink]);
    expect(kept).not.toContain(key.slice(16, 30));
  });

  it.each([
    { what: "no JSON", body: "{reason", says: "JSON" },
    { what: "a list", body: "[]", says: "JSON object" },
    { what: "a text", body: '"x"', says: "JSON object" },
    { what: "null", body: "null", says: "JSON object" },
    { what: "an unknown field", body: { reason: "x", force: true }, says: "force" },
    { what: "a field of another type", body: { reason: 1 }, says: "body.reason" },
    { what: "an empty reason", body: { reason: "" }, says: "body.reason" },
    { what: "a reason without end", body: { reason: "x".repeat(501) }, says: "body.reason" },
    { what: "a prototype", body: '{"__proto__":{"reason":"x"}}', says: "__proto__" },
  ])("$what: 400 that says where", async ({ body, says }) => {
    const before = await untouched();
    const reply = await api.call("POST", `/rotations/${id}/reject`, { body });
    expect([reply.status, reply.json.error?.code]).toEqual([400, "USAGE"]);
    expect(reply.json.error?.message).toContain(says);
    expect(await untouched()).toBe(before);
  });

  it.each([
    "?limit=0",
    "?limit=101",
    "?limit=-1",
    "?limit=1e1",
    "?state=nowhere",
    "?all=yes",
    "?cursor=!!",
    "?cursor=AAAA",
    "?unknown=1",
    "?limit=1&limit=2",
    "?target=",
  ])("GET /rotations%s: 400", async (query) => {
    const reply = await api.call("GET", `/rotations${query}`);
    expect([reply.status, reply.json.error?.code]).toEqual([400, "USAGE"]);
  });

  it("an id that is none never reaches Redis", async () => {
    for (const bad of ["rot_%2e%2e", "x", "rot_", `rot_${"a".repeat(61)}`, "rot_%00"])
      expect((await api.call("GET", `/rotations/${bad}`)).status).toBe(400);
  });

  it("other types than JSON: 415; without a body none is needed", async () => {
    const form = { body: "reason=x", headers: { "content-type": "application/x-www-form-urlencoded" } };
    expect((await api.call("POST", `/rotations/${id}/reject`, form)).status).toBe(415);
    expect((await api.call("POST", `/rotations/${id}/retry`)).status).toBe(200);
  });

  it("more than 16 KiB: 413, also when the size is not announced", async () => {
    const big = JSON.stringify({ reason: "x".repeat(17_000) });
    expect((await api.call("POST", `/rotations/${id}/reject`, { body: big })).status).toBe(413);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(api.server.port, "127.0.0.1");
      let text = "";
      socket.on("data", (part) => (text += part.toString()));
      socket.on("close", () => resolve(text));
      socket.on("error", (error: NodeJS.ErrnoException) => (text === "" ? reject(error) : resolve(text)));
      socket.write(
        `POST /api/v1/rotations/${id}/reject HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${api.tokens["bot"]}\r\n` +
          "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
      );
      for (let n = 0; n < 20; n++) socket.write(`400\r\n${"x".repeat(1024)}\r\n`);
      socket.write("0\r\n\r\n");
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect((await api.world.rotation(id)).state).toBe("awaiting_approval");
  });

  it("what is not UTF-8 is refused, not mended", async () => {
    const bytes = Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const response = await fetch(`${api.url}/api/v1/rotations/${id}/reject`, {
      method: "POST",
      headers: { authorization: `Bearer ${api.tokens["bot"]}`, "content-type": "application/json" },
      body: bytes,
    });
    expect(response.status).toBe(400);
  });

  it("another method: 405 with those that there are; nothing is deleted", async () => {
    const reply = await api.call("DELETE", `/rotations/${id}`);
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET"]);
  });
});

describe("what goes wrong behind it", () => {
  it.each([
    { code: "REDIS_UNAVAILABLE", status: 503 },
    { code: "CONFLICT", status: 409 },
    { code: "INTERNAL", status: 500 },
  ] as const)("$code is $status, and says what to do", async ({ code, status }) => {
    api.world.deps.rotations.load = () => Promise.reject(new KeyturnError(code, undefined, { retryAfterMs: 1500 }));
    const response = await fetch(`${api.url}/api/v1/rotations/${id}`, {
      headers: { authorization: `Bearer ${api.tokens["bot"]}` },
    });
    const { error } = (await response.json()) as { error: { code: string; next: string } };
    expect([response.status, error.code, response.headers.get("retry-after")]).toEqual([status, code, "2"]);
    expect(error.next.length).toBeGreaterThan(5);
  });

  it("an unknown error keeps its words to itself", async () => {
    const key = makeKey("inside");
    api.world.deps.rotations.load = () => Promise.reject(new Error(`vendor: ${key}`));
    const response = await fetch(`${api.url}/api/v1/rotations/${id}`, {
      headers: { authorization: `Bearer ${api.tokens["bot"]}` },
    });
    const everything = (await response.text()) + JSON.stringify(api.world.log.lines);
    expect(response.status).toBe(500);
    expect(everything).not.toContain(key.slice(0, 20));
  });
});
