import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cancel } from "../../../src/app/decisions.ts";
import { linkHashOf } from "../../../src/app/intake/link-token.ts";
import type { IntakeOptions } from "../../../src/http/intake/routes.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { type Drive, ana } from "../../support/drive.ts";
import { drives } from "../../support/drives.ts";
import { makeKey } from "../../support/keys.ts";
import { BEN, FROM_US, PUBLIC_URL, type Visit, framed, linkFor, visit, waiting } from "./kit.ts";

const config = { policy: { gracePeriod: "1s", replacementWithin: "7d" } };
const start = drives();
const visits: Visit[] = [];
afterEach(() => Promise.all(visits.splice(0).map((v) => v.close())));

interface Scene {
  d: Drive;
  id: string;
  token: string;
  v: Visit;
}
let scene: Scene;
const open = async (more: Partial<IntakeOptions> = {}): Promise<Scene> => {
  const d = await start({ config });
  const { id, token } = await waiting(d);
  const v = await visit(d.deps, more);
  visits.push(v);
  return { d, id, token, v };
};
/** The link still works, with all its attempts. */
const untouched = async ({ d, v, token }: Scene, headers = FROM_US) => {
  const look = await v.look(token, headers);
  expect([look.status, look.says["attemptsLeft"]]).toEqual([200, 5]);
  expect(await d.audit()).not.toContainEqual(expect.objectContaining({ action: "intake.refused" }));
};
const octets = { "content-type": "application/octet-stream", ...FROM_US };

describe("abuse of a one-time link: refused with its sentence, and nothing is consumed", () => {
  beforeEach(async () => {
    scene = await open();
  });

  it("a robot that previews the link fetches the same bytes as everyone, as often as it likes", async () => {
    const { v } = scene;
    const pages = [];
    for (const agent of ["Slackbot-LinkExpanding 1.0", "Mozilla/5.0", "curl/8"]) {
      pages.push((await v.get("/intake", { headers: { "user-agent": agent } })).text);
      expect((await v.get("/intake", { method: "HEAD", headers: { "user-agent": agent } })).status).toBe(200);
    }
    expect(new Set(pages).size).toBe(1);
    for (let i = 0; i < 10; i++) expect((await v.look(scene.token)).status).toBe(200);
    await untouched(scene);
  });

  it.each<{ what: string; headers: Record<string, string> }>([
    { what: "another site's page", headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" } },
    { what: "our name on another port", headers: { origin: `${PUBLIC_URL}:8443`, "sec-fetch-site": "same-site" } },
    { what: "our name over http", headers: { origin: "http://keyturn.example.com", "sec-fetch-site": "cross-site" } },
    { what: "a subdomain of ours", headers: { origin: "https://x.keyturn.example.com" } },
    { what: "an opaque origin", headers: { origin: "null", "sec-fetch-site": "same-origin" } },
    { what: "no origin at all", headers: {} },
    { what: "no origin, but same-origin", headers: { "sec-fetch-site": "same-origin" } },
    { what: "our origin, but cross-site", headers: { origin: PUBLIC_URL, "sec-fetch-site": "cross-site" } },
    { what: "our origin, but typed in", headers: { origin: PUBLIC_URL, "sec-fetch-site": "none" } },
  ])("CSRF: $what is refused, for looking and for handing over", async ({ headers }) => {
    const { v, token, d } = scene;
    const key = await d.make();
    for (const asked of [await v.look(token, headers), await v.hand(token, key.secret, {}, headers)]) {
      expect([asked.status, asked.says.state]).toEqual([403, "from_elsewhere"]);
      expect(asked.says.say).toMatch(/own page/);
      expect(asked.headers.get("access-control-allow-origin")).toBeNull();
    }
    await untouched(scene);
  });

  it.each<{
    what: string;
    status: number;
    state: string;
    send: (s: Scene, key: string) => Promise<Awaited<ReturnType<Visit["get"]>>>;
  }>([
    {
      what: "an oversized body",
      status: 413,
      state: "too_large",
      send: ({ v, token }) => v.hand(token, "x".repeat(5000)),
    },
    {
      what: "an oversized body without a length",
      status: 413,
      state: "too_large",
      send: ({ v, token }) =>
        v.get("/intake", {
          method: "POST",
          headers: octets,
          body: framed(token, "x".repeat(5000)).stream(),
          duplex: "half",
        } as RequestInit),
    },
    {
      what: "an oversized look",
      status: 413,
      state: "too_large",
      send: ({ v }) => v.look("x".repeat(1100)),
    },
    {
      what: "a binary body",
      status: 400,
      state: "not_text",
      send: ({ v, token }) => v.hand(token, new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff])),
    },
    {
      what: "invalid UTF-8",
      status: 400,
      state: "not_text",
      send: ({ v, token }) => v.hand(token, new Uint8Array([0x73, 0x6b, 0xc3, 0x28])),
    },
    {
      what: "a form",
      status: 415,
      state: "wrong_type",
      send: ({ v, token }, key) =>
        v.post("/intake", new URLSearchParams({ token, key }).toString(), {
          "content-type": "application/x-www-form-urlencoded",
          ...FROM_US,
        }),
    },
    {
      what: "JSON with the key in it",
      status: 415,
      state: "wrong_type",
      send: ({ v, token }, key) =>
        v.post("/intake", JSON.stringify({ token, key }), { "content-type": "application/json", ...FROM_US }),
    },
    {
      what: "a look as a form",
      status: 415,
      state: "wrong_type",
      send: ({ v, token }) => v.post("/intake/look", `token=${token}`, { "content-type": "text/plain", ...FROM_US }),
    },
    {
      what: "the key alone, without a token",
      status: 400,
      state: "malformed",
      send: ({ v }, key) => v.post("/intake", key, octets),
    },
    {
      what: "a key where JSON belongs",
      status: 400,
      state: "malformed",
      send: ({ v }, key) => v.post("/intake", `${key}\n${key}`, octets),
    },
    {
      what: "an option nobody knows",
      status: 400,
      state: "malformed",
      send: ({ v, token }, key) => v.hand(token, key, { force: true }),
    },
    {
      what: "a key id that is none",
      status: 400,
      state: "malformed",
      send: ({ v, token }, key) => v.hand(token, key, { keyId: "../users/1" }),
    },
    {
      what: "a key in the query of a look",
      status: 400,
      state: "query",
      send: ({ v, token }, key) =>
        v.post(`/intake/look?key=${key}`, JSON.stringify({ token }), {
          "content-type": "application/json",
          ...FROM_US,
        }),
    },
    {
      what: "a key in the query of a submission",
      status: 400,
      state: "query",
      send: ({ v, token }, key) => v.post(`/intake?key=${key}`, framed(token, key), octets),
    },
  ])("$what: $status", async ({ status, state, send }) => {
    const { d } = scene;
    const { secret } = await d.make();
    const asked = await send(scene, secret);
    expect([asked.status, asked.says.state]).toEqual([status, state]);
    expect(asked.says.say).not.toBe("");
    expect(asked.says.next).not.toBe("");
    await untouched(scene);
  });

  it("a query on the page is answered with a page that says so and repeats nothing of it; nothing is logged", async () => {
    const { d, v } = scene;
    const { secret } = await d.make();
    const page = await v.get(`/intake?key=${secret}`);
    expect(page.status).toBe(400);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.text).toMatch(/disable that key in the Console/);
    expect(page.text).not.toContain(secret.slice(0, 20));
    expect(d.log.lines.filter((line) => JSON.stringify(line).includes("intake"))).toEqual([]);
    await untouched(scene);
  });

  it.each(["PUT", "DELETE", "PATCH", "OPTIONS"])("%s is not allowed", async (method) => {
    const { v } = scene;
    for (const path of ["/intake", "/intake/look"]) {
      const asked = await v.get(path, { method, headers: FROM_US });
      expect(asked.status).toBe(405);
      expect([...asked.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    expect((await v.get("/intake/look")).status).toBe(405);
    await untouched(scene);
  });

  it("framing, caching, sniffing and scripts of others: the headers forbid them on every answer", async () => {
    const { v, token } = scene;
    const paths = ["/intake", "/intake?x", "/intake.mjs", "/intake-view.mjs", "/intake.css"];
    const answers = [...(await Promise.all(paths.map((path) => v.get(path)))), await v.look(token), await v.look("x")];
    for (const { headers } of answers) {
      const policy = headers.get("content-security-policy");
      expect(policy).toMatch(
        /^default-src 'none'; script-src '(self|none)'; style-src 'self'; connect-src '(self|none)'; /,
      );
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'");
      expect(policy).not.toContain("unsafe");
      expect(Object.fromEntries(headers)).toMatchObject({
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-origin",
        "x-robots-tag": "noindex, nofollow",
      });
    }
  });

  it("guessed tokens are unknown, then slowed down and reported once; the real link still works", async () => {
    const { d, v } = scene;
    const answers = new Map<number, number>();
    for (let i = 0; i < 70; i++) {
      const guess = Buffer.alloc(32, i).toString("base64url");
      const asked = i % 2 === 0 ? await v.look(guess) : await v.hand(guess, "x");
      answers.set(asked.status, (answers.get(asked.status) ?? 0) + 1);
    }
    expect(Object.fromEntries(answers)).toEqual({ 404: 60, 429: 10 });
    expect(d.log.events().filter((event) => event === "intake.guessing")).toHaveLength(1);
    await untouched(scene);
  });

  it("Redis away: an answer that says so, and nothing is consumed", async () => {
    const { d, v, token } = scene;
    const { links } = d.deps;
    const away = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
    d.deps.links = { ...links, look: away, begin: away };
    const key = await d.make();
    for (const asked of [await v.look(token), await v.hand(token, key.secret)]) {
      expect([asked.status, asked.says.state]).toEqual([503, "failed"]);
      expect(asked.says.say).toMatch(/storage does not answer/);
    }
    d.deps.links = links;
    await untouched(scene);
    expect((await v.hand(token, key.secret)).says.state).toBe("accepted");
  });
});

describe("a link that is of no use any more says why", () => {
  it("used twice at once by two processes: one key is accepted, the other is told that it is busy or used", async () => {
    const { d, id, token, v } = await open();
    const other = await visit(await d.again());
    visits.push(other);
    const keys = [await d.make({ name: "one" }), await d.make({ name: "two" })];
    const both = await Promise.all([v.hand(token, keys[0]!.secret), other.hand(token, keys[1]!.secret)]);
    expect(both.filter((asked) => asked.says.state === "accepted")).toHaveLength(1);
    expect(both.filter((asked) => ["busy", "used"].includes(asked.says.state ?? ""))).toHaveLength(1);
    const moves = (await d.audit()).filter((entry) => entry.rotation === id && entry.action === "rotation.staged");
    expect(moves).toHaveLength(1);
  });

  it("used: later use is an alert on record; the very key that was accepted is accepted again, without alert", async () => {
    const { d, id, token, v } = await open();
    const key = await d.make();
    const first = await v.hand(token, key.secret);
    expect(first.says).toMatchObject({ ok: true, alreadyAccepted: false, key: { name: "replacement" } });
    expect(first.headers.get("clear-site-data")).toBe('"cache", "storage"');
    expect((await v.hand(token, key.secret)).says).toMatchObject({ ok: true, alreadyAccepted: true });
    expect((await v.look(token)).says).toMatchObject({
      state: "used",
      handedOver: (await d.load(id)).replacement?.hint,
    });
    expect(d.log.events()).not.toContain("intake.link_reused");
    const again = await v.hand(token, (await d.make({ name: "thief" })).secret);
    expect([again.status, again.says.say]).toEqual([410, "This link was already used."]);
    expect(d.log.events()).toContain("intake.link_reused");
    expect((await d.audit()).map((entry) => entry.action)).toContain("intake.link_reused");
    expect((await d.load(id)).replacement?.id).toBe(key.key.id);
  });

  it("expired after 15 minutes to the millisecond, not before", async () => {
    const { d, token, v } = await open();
    const key = await d.make();
    const { says } = await v.look(token);
    const left = Date.parse(says["expiresAt"] as string) - Date.parse(says["now"] as string);
    expect(left).toBeGreaterThan(14 * 60_000);
    expect(left).toBeLessThanOrEqual(15 * 60_000);
    await d.turn(left);
    for (const asked of [await v.look(token), await v.hand(token, key.secret)])
      expect([asked.status, asked.says.say]).toEqual([410, "This link has expired: links work for 15 minutes."]);
  });

  it("replaced by a newer one", async () => {
    const { d, id, token, v } = await open();
    const newer = await linkFor(d.deps, id);
    const key = await d.make();
    for (const asked of [await v.look(token), await v.hand(token, key.secret)])
      expect([asked.status, asked.says.state]).toEqual([410, "replaced"]);
    expect((await v.hand(newer, key.secret)).says.state).toBe("accepted");
  });

  it("exhausted after five refused keys, each refusal counted and on record", async () => {
    const { d, token, v } = await open();
    for (let left = 4; left >= 0; left--) {
      const asked = await v.hand(token, makeKey(`guess ${left}`));
      expect([asked.status, asked.says["code"], asked.says["attemptsLeft"]]).toEqual([422, "unknown_key", left]);
    }
    const key = await d.make();
    for (const asked of [await v.look(token), await v.hand(token, key.secret)])
      expect([asked.status, asked.says.state]).toEqual([410, "exhausted"]);
    expect((await d.audit()).filter((entry) => entry.action === "intake.refused")).toHaveLength(5);
    expect(d.log.events()).toContain("intake.link_exhausted");
  });

  it("the rotation no longer waits: nothing is consumed", async () => {
    const { d, id, token, v } = await open();
    await cancel(d.deps, id, ana, null);
    const key = await d.make();
    for (const asked of [await v.look(token), await v.hand(token, key.secret)])
      expect([asked.status, asked.says.say]).toEqual([409, "This rotation no longer waits for a key."]);
    expect((await d.deps.links.look(linkHashOf(token), d.deps.clock.now())).state).toBe("open");
  });
});

describe("P10: with signing in, the link alone is not enough", () => {
  const as = (identities: readonly string[] | null): Partial<IntakeOptions> => ({
    signInPath: "/auth/sign-in",
    sessionOf: async () =>
      identities === null ? null : { actor: { name: identities[0] ?? "", via: "oidc", identities } },
  });

  it("nobody signed in: 401 and where to do so, nothing consumed", async () => {
    const { d, token, v } = await open(as(null));
    for (const asked of [await v.look(token), await v.hand(token, (await d.make()).secret)]) {
      expect([asked.status, asked.says.state]).toEqual([401, "sign_in"]);
      expect(asked.says["signIn"]).toBe("/auth/sign-in");
    }
  });

  it("the wrong person: 403, on record with both names, nothing consumed", async () => {
    const { d, id, token, v } = await open(as(["oidc:eve", "mail:eve@example.com"]));
    for (const asked of [await v.look(token), await v.hand(token, (await d.make()).secret)])
      expect([asked.status, asked.says.say]).toEqual([403, "This link was made for somebody else."]);
    expect((await d.audit()).filter((entry) => entry.action === "intake.wrong_person")[0]).toMatchObject({
      rotation: id,
      actor: "oidc:eve",
      evidence: { expected: BEN.name },
    });
    const right = await visit(d.deps, as(["oidc:ben", "mail:ben@example.com"]));
    visits.push(right);
    await untouched({ d, id, token, v: right });
  });

  it("a sign-in without an address: says why, and leads to the page that needs no link", async () => {
    const more = { ...as(["oidc:ben"]), rotationPath: (id: string) => `/rotations/${id}` };
    const { d, id, token, v } = await open(more);
    for (const asked of [await v.look(token), await v.hand(token, (await d.make()).secret)]) {
      expect([asked.status, asked.says.state, asked.says["rotationPath"]]).toEqual([
        403,
        "no_address",
        `/rotations/${id}`,
      ]);
      expect(`${asked.says.say} ${asked.says["next"]}`).toMatch(/no e-mail address\..*“Hand over the key”/);
    }
    expect((await d.load(id)).state).toBe("awaiting_replacement");
  });

  it("the right person by a shared address: accepted, under the name that the link was made for", async () => {
    const { d, id, token, v } = await open(as(["oidc:ben", "mail:ben@example.com"]));
    expect((await v.hand(token, (await d.make()).secret)).says.state).toBe("accepted");
    expect((await d.load(id)).submittedBy).toBe(BEN.name);
  });

  it("sessions that cannot be read let nobody in", async () => {
    const { token, v } = await open({ sessionOf: () => Promise.reject(new Error("broken")) });
    expect((await v.look(token)).status).toBe(503);
  });
});
