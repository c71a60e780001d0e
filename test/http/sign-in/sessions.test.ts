import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { startHttpServer } from "../../../src/http/server.ts";
import { ownAddress } from "../../../src/http/sign-in/form.ts";
import { staticToken } from "../../../src/http/sign-in/token.ts";
import { openDashboard } from "../../../src/pages.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { drives } from "../../support/drives.ts";
import type { Drive } from "../../support/drive.ts";
import { type Site, aSite, aVisitor, wordsOf } from "../dashboard/support.ts";

const open: Site[] = [];
afterEach(async () => {
  for (const site of open.splice(0)) await site.close();
});
const start = drives();
const SESSION = "__Host-keyturn";
const HOUR = 3_600_000;

async function aDashboard(signIn: Record<string, unknown> = {}): Promise<{ d: Drive; site: Site }> {
  const d = await start();
  const site = await aSite(d, { signIn });
  open.push(site);
  return { d, site };
}
const csrfOf = (text: string): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "";

describe("a session", () => {
  it("is stored under a hash, so that whoever reads Redis cannot use it", async () => {
    const { d, site } = await aDashboard();
    const visitor = await site.owner();
    const id = visitor.cookies.get(SESSION) ?? "";
    expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { redisClient } = await d.lab.app();
    const names = (await redisClient.eval("return redis.call('KEYS', ARGV[1])", 0, "*session:*")) as string[];
    expect(names).toHaveLength(1);
    const stored = names[0] + ((await redisClient.get(names[0] ?? "")) ?? "");
    expect(stored).not.toContain(id);
    expect(stored).not.toContain(site.token);
  });

  it("ends at the server with signing out: a copied cookie is worth nothing afterwards", async () => {
    const { site } = await aDashboard();
    const visitor = await site.owner();
    const thief = aVisitor(site.url);
    thief.cookies.set(SESSION, visitor.cookies.get(SESSION) ?? "");
    expect((await thief.get("/")).status).toBe(200);
    const out = await visitor.submit("/", "/sign-out");
    expect([out.status, out.location, visitor.cookies.has(SESSION)]).toEqual([303, "/sign-in", false]);
    expect((await thief.get("/")).location).toBe("/sign-in");
  });

  it("ends after signIn.sessionFor, however busy it is", async () => {
    const { d, site } = await aDashboard({ sessionFor: "2h" });
    const visitor = await site.owner();
    await d.turn(2 * HOUR - 60_000);
    expect((await visitor.get("/")).status).toBe(200);
    await d.turn(60_000);
    expect((await visitor.get("/")).location).toBe("/sign-in");
    const late = await visitor.post("/rotations/x/approve", {});
    expect([late.status, wordsOf(late.text).includes("Your session has ended")]).toEqual([401, true]);
  });

  it("ends when the token that let it in is replaced", async () => {
    const { d, site } = await aDashboard();
    const visitor = await site.owner();
    await writeFile(join(d.lab.dir, "sign-in-token"), "another token of this test, long enough");
    expect((await visitor.get("/")).location).toBe("/sign-in");
    expect((await visitor.post("/sign-in", { token: site.token })).status).toBe(401);
    expect((await visitor.post("/sign-in", { token: "another token of this test, long enough" })).status).toBe(303);
  });

  it("fixation: an id that somebody else chose is never taken over, and signing in ends the session before", async () => {
    const { site } = await aDashboard();
    const visitor = aVisitor(site.url);
    const chosen = "A".repeat(43);
    visitor.cookies.set(SESSION, chosen);
    await visitor.post("/sign-in", { token: site.token });
    const first = visitor.cookies.get(SESSION) ?? "";
    expect(first).not.toBe(chosen);
    await visitor.post("/sign-in", { token: site.token });
    const before = aVisitor(site.url);
    before.cookies.set(SESSION, first);
    expect((await before.get("/")).location).toBe("/sign-in");
    before.cookies.set(SESSION, chosen);
    expect((await before.get("/")).location).toBe("/sign-in");
  });

  it("a second cookie of the same name, or one that is none of ours, is nobody", async () => {
    const { site } = await aDashboard();
    const visitor = await site.owner();
    const id = visitor.cookies.get(SESSION) ?? "";
    const other = "B".repeat(43);
    for (const cookie of [
      `${SESSION}=${id}; ${SESSION}=${other}`,
      `${SESSION}=${other}; ${SESSION}=${id}`,
      `${SESSION}=${id}x`,
      `${SESSION}=../${id}`,
    ]) {
      const answer = await aVisitor(site.url).get("/", { cookie });
      expect(answer.location).toBe("/sign-in");
    }
  });

  it("a link from another site first comes back to ourselves, because the strict cookie stays at home", async () => {
    const { site } = await aDashboard();
    const linked = await aVisitor(site.url).get("/rotations/rot_1", { "sec-fetch-site": "cross-site" });
    expect(linked.status).toBe(200);
    expect(linked.text).toContain('content="0; url=/rotations/rot_1"');
    const back = await aVisitor(site.url).get("/rotations/rot_1", { "sec-fetch-site": "same-origin" });
    expect(back.location).toBe("/sign-in?to=%2Frotations%2Frot_1");
  });
});

describe("without Redis", () => {
  it("nobody is let in or sent to sign in: the page says what is away, and a form does nothing", async () => {
    const d = await start();
    let away = false;
    const site = await aSite(d, {
      sessions: (real) => ({
        ...real,
        look: (...args) => (away ? Promise.reject(new KeyturnError("REDIS_UNAVAILABLE")) : real.look(...args)),
      }),
    });
    open.push(site);
    const r = await d.open();
    const visitor = await site.owner();
    const csrf = csrfOf((await visitor.get(`/rotations/${r.id}`)).text);
    away = true;
    const page = await visitor.get("/");
    expect([page.status, wordsOf(page.text).includes("Redis did not answer.")]).toEqual([503, true]);
    expect((await visitor.post(`/rotations/${r.id}/approve`, { csrf, shown: r.planHash })).status).toBe(503);
    expect((await d.load(r.id)).approvals).toEqual([]);
  });
});

describe("a form counts only when our own page of this session sent it", () => {
  it.each([
    { what: "without its session's proof", csrf: () => "", headers: {}, status: 403 },
    { what: "with the proof of another session", csrf: (other: string) => other, headers: {}, status: 403 },
    { what: "from another site", headers: { origin: "https://evil.example" }, status: 403 },
    { what: "from another port of this machine", headers: { origin: "http://127.0.0.1:1" }, status: 403 },
    { what: "from a page without an address", headers: { origin: "null" }, status: 403 },
    { what: "by a browser that says cross-site", headers: { "sec-fetch-site": "cross-site" }, status: 403 },
    { what: "by a browser that says same-site", headers: { "sec-fetch-site": "same-site" }, status: 403 },
    { what: "as text", headers: { "content-type": "text/plain" }, status: 415 },
    { what: "as JSON", headers: { "content-type": "application/json" }, status: 415 },
  ])("P10: sent $what, it changes nothing", async ({ csrf, headers, status }) => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    const own = csrfOf((await visitor.get(`/rotations/${r.id}`)).text);
    const other = csrfOf((await (await site.owner()).get(`/rotations/${r.id}`)).text);
    const fields = { csrf: csrf === undefined ? own : csrf(other), shown: r.planHash };
    const answer = await visitor.post(`/rotations/${r.id}/approve`, fields, headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(wordsOf(answer.text)).toContain("so nothing was done");
    expect(await d.load(r.id)).toMatchObject({ revision: r.revision, approvals: [] });
    expect((await visitor.post("/sign-out", { csrf: "x" }, headers as Record<string, string>)).status).toBe(status);
    expect((await visitor.get("/")).status).toBe(200);
  });

  it("without any Origin header it changes nothing", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    const csrf = csrfOf((await visitor.get(`/rotations/${r.id}`)).text);
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${site.url}/rotations/${r.id}/approve`, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          cookie: `${SESSION}=${visitor.cookies.get(SESSION)}`,
        },
      });
      sent.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
      sent.end(new URLSearchParams({ csrf, shown: r.planHash }).toString());
    });
    expect(status).toBe(403);
    expect((await d.load(r.id)).approvals).toEqual([]);
  });

  it("a form larger than any of ours is not read", async () => {
    const { site } = await aDashboard();
    const visitor = await site.owner();
    expect((await visitor.post("/sign-out", { csrf: "x".repeat(20_000) })).status).toBe(413);
  });

  it("GET changes nothing, whatever it asks for", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    for (const path of [`/rotations/${r.id}/approve?shown=${r.planHash}`, "/sign-out", `/targets/billing/hold`])
      expect((await visitor.get(path)).status).toBe(405);
    await visitor.get(`/rotations/${r.id}/revoke`);
    expect((await d.load(r.id)).revision).toBe(r.revision);
  });
});

describe("what a browser is told", () => {
  it("nothing from elsewhere, no framing, nothing kept, and our address goes to nobody else", async () => {
    const { site } = await aDashboard();
    const visitor = await site.owner();
    for (const path of ["/", "/sign-in", "/rotations/none"]) {
      const { headers, text } = await visitor.get(path);
      const policy = headers.get("content-security-policy") ?? "";
      for (const rule of ["default-src 'none'", "script-src 'none'", "form-action 'self'", "frame-ancestors 'none'"])
        expect(policy).toContain(rule);
      expect(policy).not.toContain("unsafe");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-frame-options")).toBe("DENY");
      // `no-referrer` would make browsers send `Origin: null` with our own forms.
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(text).not.toMatch(/<script|\sstyle="|\son\w+="/i);
    }
  });

  it.each([
    { to: "https://evil.example/", ends: "/" },
    { to: "//evil.example", ends: "/" },
    { to: "/\\evil.example", ends: "/" },
    { to: "/rotations/../sign-out", ends: "/" },
    { to: "/sign-out", ends: "/" },
    { to: "javascript:alert(1)", ends: "/" },
    { to: `/rotations/"><script>`, ends: "/" },
    { to: "/rotations/rot_1?page=2", ends: "/rotations/rot_1?page=2" },
  ])("after signing in, $to leads to $ends", async ({ to, ends }) => {
    const { site } = await aDashboard();
    const answer = await aVisitor(site.url).post("/sign-in", { token: site.token, to });
    expect([answer.status, answer.location]).toEqual([303, ends]);
  });
});

describe("the static token", () => {
  it("another text is refused, in words, without a session", async () => {
    const { d, site } = await aDashboard();
    for (const token of ["", "wrong", `${site.token} `, site.token.slice(1), site.token.toUpperCase()]) {
      if (token === site.token) continue;
      const visitor = aVisitor(site.url);
      const answer = await visitor.post("/sign-in", { token });
      expect([answer.status, visitor.cookies.size]).toEqual([401, 0]);
      expect(wordsOf(answer.text)).toContain("This is not the sign-in token.");
      if (token !== "")
        expect(answer.text + JSON.stringify(d.log.lines)).not.toContain(token === "wrong" ? ">wrong<" : token);
    }
  });

  it("five wrong ones a minute are answered and logged; the right one always passes", async () => {
    const { d, site } = await aDashboard();
    const visitor = aVisitor(site.url);
    for (let n = 0; n < 5; n++) expect((await visitor.post("/sign-in", { token: "x" })).status).toBe(401);
    const sixth = await visitor.post("/sign-in", { token: "x" });
    expect([sixth.status, sixth.headers.get("retry-after"), visitor.cookies.size]).toEqual([429, "60", 0]);
    expect(d.log.events().filter((event) => event === "sign_in.failed")).toHaveLength(5);
    expect((await visitor.post("/sign-in", { token: site.token })).status).toBe(303);
    await d.turn(60_000);
    expect((await aVisitor(site.url).post("/sign-in", { token: "x" })).status).toBe(401);
  });

  it.each([0, 31])("one of %s characters is refused at the start", (length) => {
    expect(() => staticToken(() => SecretText.from("x".repeat(length)))).toThrow(/fewer than 32 characters/);
  });

  it("without any way to sign in the pages say how to turn them on, and decide nothing", async () => {
    const d = await start();
    const { loaded, sessions } = await d.lab.app();
    const { routes, sessionOf } = openDashboard({ deps: d.deps, loaded, sessions, log: d.log });
    const server = await startHttpServer({ host: "127.0.0.1", port: 0, routes, log: d.log });
    const visitor = aVisitor(`http://127.0.0.1:${server.port}`);
    for (const path of ["/", "/sign-in", "/rotations/x"]) {
      const answer = await visitor.get(path);
      expect([answer.status, answer.text]).toEqual([404, expect.stringContaining("Set signIn.oidc or signIn.token")]);
    }
    expect((await visitor.post("/sign-in", { token: "" })).status).toBe(405);
    expect(sessionOf).toBeNull();
    await server.close(0);
  });

  it("without http.publicUrl only this machine's own names are believed", async () => {
    const own = (host: string) => ownAddress({ headers: { host } } as never, null);
    expect(own("127.0.0.1:8080")).toBe("http://127.0.0.1:8080");
    expect(own("localhost:8080")).toBe("http://localhost:8080");
    for (const host of ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "0.0.0.0:8080", ""])
      expect(own(host)).toBeNull();
  });
});
