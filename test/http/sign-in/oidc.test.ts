import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { drives } from "../../support/drives.ts";
import type { Drive } from "../../support/drive.ts";
import { type Site, type Visitor, aSite, freePort, wordsOf } from "../dashboard/support.ts";
import { type TestIssuer, startIssuer, walk } from "./issuer.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});
const start = drives();
const CROSS = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };

async function anIssuedSite(
  approvers: Record<string, unknown> = {},
): Promise<{ d: Drive; site: Site; issuer: TestIssuer }> {
  const d = await start();
  const port = await freePort();
  const issuer = await startIssuer(`http://127.0.0.1:${port}/auth/callback`);
  open.push(issuer);
  const file = join(d.lab.dir, "client-secret");
  await writeFile(file, issuer.secret, { mode: 0o600 });
  await d.lab.configure({ approvers: { oidc: { subjects: [], groups: [], ...approvers } } });
  const oidc = { ...issuer.client, clientSecret: `file:${file}`, scopes: ["openid", "email", "groups"] };
  const site = await aSite(d, { port, oidc });
  open.push(site);
  issuer.people["ana"] = { email: "Ana@Example.com", email_verified: true, groups: ["platform"] };
  return { d, site, issuer };
}
const signedIn = (visitor: Visitor): boolean => visitor.cookies.has("__Host-keyturn");
const sessions = async (d: Drive): Promise<number> =>
  (await d.audit()).filter((entry) => entry.action === "session.started").length;

describe("signing in with a real issuer", () => {
  it("a person signs in and lands on the page they wanted, with a session that only the server can read", async () => {
    const { d, site } = await anIssuedSite();
    const visitor = site.visitor();
    const asked = await visitor.get("/rotations?all=1");
    expect([asked.status, asked.location]).toEqual([303, "/sign-in?to=%2Frotations%3Fall%3D1"]);
    const form = await visitor.get(asked.location ?? "");
    expect(form.text).toContain('href="/auth/start?to=%2Frotations%3Fall%3D1"');
    const back = await walk(visitor, {}, "/auth/start?to=%2Frotations%3Fall%3D1");
    const landed = await visitor.get(back, CROSS);
    expect(landed.status).toBe(200);
    // From here the browser comes from our own site, so the strict cookie is sent.
    expect(landed.text).toContain('content="0; url=/rotations?all=1"');
    const cookie = landed.headers.getSetCookie().find((line) => line.startsWith("__Host-keyturn="));
    for (const part of ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"]) expect(cookie).toContain(part);
    expect(cookie).not.toContain("Domain");
    expect(visitor.cookies.has("__Host-keyturn-login")).toBe(false);
    expect(wordsOf((await visitor.get("/")).text)).toContain("ana@example.com");
    expect(await d.audit()).toContainEqual(
      expect.objectContaining({ action: "session.started", actor: "oidc:ana", via: "oidc" }),
    );
  });

  it.each([
    { who: "by subject", approvers: { subjects: ["ana"] }, may: true },
    { who: "by group", approvers: { groups: ["platform"] }, may: true },
    { who: "not at all", approvers: { subjects: ["somebody"], groups: ["others"] }, may: false },
  ])("P10: a person who is named $who decides: $may", async ({ approvers, may }) => {
    const { d, site } = await anIssuedSite(approvers);
    const r = await d.open();
    const visitor = site.visitor();
    await visitor.get(await walk(visitor), CROSS);
    const { text } = await visitor.get(`/rotations/${r.id}`);
    expect(text.includes("Approve this plan")).toBe(may);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "";
    const forced = await visitor.post(`/rotations/${r.id}/approve`, { csrf, shown: r.planHash });
    expect(forced.status).toBe(may ? 303 : 403);
    expect(await d.load(r.id)).toMatchObject(
      may
        ? { approvals: [{ actor: "oidc:ana", via: "oidc", identities: ["oidc:ana", "mail:ana@example.com"] }] }
        : { state: "awaiting_approval", approvals: [] },
    );
    const refused = (await d.audit()).filter((e) => e.action === "decision.refused" && e.actor === "oidc:ana");
    expect(refused).toHaveLength(may ? 0 : 1);
  });

  it("somebody who may not decide sees no button, and every forced decision is refused and on record", async () => {
    const { d, site } = await anIssuedSite({ subjects: ["somebody"] });
    const { id, planHash } = await d.open();
    const visitor = site.visitor();
    await visitor.get(await walk(visitor), CROSS);
    const page = await visitor.get(`/rotations/${id}`);
    expect(page.text).not.toMatch(/<form[^>]*action="\/rotations/);
    expect(wordsOf(page.text)).toContain("You can look, but not decide");
    expect((await visitor.get("/targets/billing")).text).not.toMatch(/<form[^>]*action="\/targets/);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
    const actions = [
      "approve",
      "reject",
      "snooze",
      "cancel",
      "retry",
      "proceed",
      "reinstate",
      "hold",
      "unhold",
      "revoke",
      "hand-over",
    ];
    for (const action of actions) {
      const answer = await visitor.post(`/rotations/${id}/${action}`, {
        csrf,
        shown: planHash,
        days: "1",
        reason: "x",
      });
      expect([action, answer.status]).toEqual([action, 403]);
    }
    for (const action of ["hold", "unhold", "rotate", "revoke"])
      expect((await visitor.post(`/targets/billing/${action}`, { csrf })).status).toBe(403);
    expect((await d.audit()).filter((e) => e.action === "decision.refused")).toHaveLength(actions.length + 4);
    expect(await d.load(id)).toMatchObject({ state: "awaiting_approval", revision: 1 });
    expect(await d.deps.holds.list()).toEqual({});
  });

  it.each([
    { what: "an address that the issuer did not check", claims: { email: "boss@example.com", email_verified: false } },
    { what: "an address without a word on it", claims: { email: "boss@example.com" } },
    { what: "a word that is not true but looks so", claims: { email: "boss@example.com", email_verified: "true" } },
  ])("R21: $what names nobody", async ({ claims }) => {
    const { d, site, issuer } = await anIssuedSite({ subjects: ["ana"] });
    issuer.people["ana"] = claims;
    const r = await d.open();
    const visitor = site.visitor();
    await visitor.get(await walk(visitor), CROSS);
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/approve`);
    expect((await d.load(r.id)).approvals[0]?.identities).toEqual(["oidc:ana"]);
  });
});

describe("a sign-in that does not hold what it promises is a page and no session", () => {
  it.each([
    { what: "another state", back: (url: URL) => url.searchParams.set("state", "x".repeat(43)), status: 403 },
    { what: "no state", back: (url: URL) => url.searchParams.delete("state"), status: 403 },
    { what: "another nonce", toIssuer: (url: URL) => url.searchParams.set("nonce", "another"), status: 403 },
    {
      what: "another PKCE challenge",
      toIssuer: (url: URL) => url.searchParams.set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
      status: 403,
    },
    { what: "another code", back: (url: URL) => url.searchParams.set("code", "made-up"), status: 403 },
    { what: "another issuer", back: (url: URL) => url.searchParams.set("iss", "https://evil.example"), status: 403 },
    { what: "an empty answer", back: (url: URL) => void (url.search = ""), status: 403 },
  ])("$what", async ({ toIssuer, back, status }) => {
    const { d, site } = await anIssuedSite();
    const visitor = site.visitor();
    const path = await walk(visitor, { ...(toIssuer && { toIssuer }), ...(back && { back }) });
    const answer = await visitor.get(path, CROSS);
    expect(answer.status).toBe(status);
    expect(wordsOf(answer.text)).toContain("does not belong to this sign-in, so you are not signed in");
    expect([signedIn(visitor), await sessions(d)]).toEqual([false, 0]);
  });

  it("a token that the issuer did not sign", async () => {
    const { d, site, issuer } = await anIssuedSite();
    issuer.forging = true;
    const visitor = site.visitor();
    expect((await visitor.get(await walk(visitor), CROSS)).status).toBe(403);
    expect([signedIn(visitor), await sessions(d)]).toEqual([false, 0]);
  });

  it("a person who refuses at the issuer; what the issuer writes is not repeated", async () => {
    const { d, site, issuer } = await anIssuedSite();
    issuer.account = null;
    const visitor = site.visitor();
    const answer = await visitor.get(await walk(visitor), CROSS);
    expect(answer.status).toBe(403);
    expect(wordsOf(answer.text)).toContain("did not let you in, so you are not signed in. (access_denied)");
    expect(answer.text).not.toContain("<b>no</b>");
    expect([signedIn(visitor), await sessions(d)]).toEqual([false, 0]);
  });

  it("the same answer a second time, also with the cookie of the first", async () => {
    const { d, site } = await anIssuedSite();
    const visitor = site.visitor();
    const path = await walk(visitor);
    const kept = new Map(visitor.cookies);
    await visitor.get(path, CROSS);
    const thief = site.visitor();
    for (const [name, value] of kept) thief.cookies.set(name, value);
    const again = await thief.get(path, CROSS);
    expect([again.status, wordsOf(again.text).includes("is no longer valid")]).toEqual([400, true]);
    expect([signedIn(thief), await sessions(d)]).toEqual([false, 1]);
  });

  it("an answer in another browser than the one that asked", async () => {
    const { d, site } = await anIssuedSite();
    const attacker = site.visitor();
    const path = await walk(attacker);
    const victim = site.visitor();
    expect((await victim.get(path, CROSS)).status).toBe(400);
    await walk(victim);
    expect((await victim.get(path, CROSS)).status).toBe(403);
    expect([signedIn(victim), await sessions(d)]).toEqual([false, 0]);
  });

  it("an answer after more than ten minutes", async () => {
    const { d, site } = await anIssuedSite();
    const visitor = site.visitor();
    const path = await walk(visitor);
    await d.turn(10 * 60_000);
    const answer = await visitor.get(path, CROSS);
    expect([answer.status, signedIn(visitor), await sessions(d)]).toEqual([400, false, 0]);
  });

  it("an issuer that is away, before and after", async () => {
    const { d, site, issuer } = await anIssuedSite();
    const visitor = site.visitor();
    const path = await walk(visitor);
    await issuer.close();
    const answer = await visitor.get(path, CROSS);
    expect([answer.status, wordsOf(answer.text).includes("does not answer")]).toEqual([502, true]);
    expect([signedIn(visitor), await sessions(d)]).toEqual([false, 0]);
    open.splice(0, 1);
  });

  it("secrets, codes and tokens of a sign-in are in no log line, audit entry or page", async () => {
    const { d, site, issuer } = await anIssuedSite();
    const visitor = site.visitor();
    const path = await walk(visitor);
    const answer = await visitor.get(path, CROSS);
    const bad = await visitor.get(await walk(visitor, { back: (url) => url.searchParams.set("state", "x") }), CROSS);
    const said = JSON.stringify(d.log.lines) + JSON.stringify(await d.audit()) + answer.text + bad.text;
    const query = new URL(path, site.url).searchParams;
    const session = visitor.cookies.get("__Host-keyturn");
    for (const secret of [issuer.secret, query.get("code"), query.get("state"), session])
      expect(said).not.toContain(secret ?? "missing");
  });
});
