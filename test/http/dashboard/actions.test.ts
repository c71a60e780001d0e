import { afterEach, describe, expect, it } from "vitest";
import { scan } from "../../../src/app/scan/scan.ts";
import { drives } from "../../support/drives.ts";
import { type Drive, DAY, ana } from "../../support/drive.ts";
import { type Site, aSite, wordsOf } from "./support.ts";

const open: Site[] = [];
afterEach(async () => {
  for (const site of open.splice(0)) await site.close();
});
const start = drives();
const GRACE = { policy: { drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true }, gracePeriod: "7d" } };

async function aDashboard(given: Parameters<typeof start>[0] = {}): Promise<{ d: Drive; site: Site }> {
  const d = await start(given);
  const site = await aSite(d);
  open.push(site);
  return { d, site };
}

describe("the dashboard", () => {
  it("shows what the last scan found without asking the Admin API or a store again", async () => {
    const { d, site } = await aDashboard({ targets: { billing: {}, fresh: { ageDays: 3 } } });
    await d.console.seedKey({ name: "nobody-knows", ageDays: 200 });
    await scan(d.deps, { dryRun: false });
    const visitor = await site.owner();
    const before = (await d.console.requests()).length;
    const page = await visitor.get("/");
    expect(page.status).toBe(200);
    const words = wordsOf(page.text);
    expect(words).toContain("1 rotation needs a person");
    expect(words).toContain("waits for an approver");
    expect(words).toMatch(/fresh fresh-key .* 3 of 90 days due in 87 days/);
    expect(words).toContain("nobody-knows");
    expect((await d.console.requests()).length).toBe(before);
  });

  it("an approval on the page is for the plan that it shows, and by the person who is signed in", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    const answer = await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/approve`);
    expect([answer.status, answer.location]).toEqual([303, `/rotations/${r.id}`]);
    expect(await d.load(r.id)).toMatchObject({
      state: "awaiting_replacement",
      approvals: [{ actor: "token:dashboard", via: "api", planHash: r.planHash }],
    });
    const next = await visitor.get(`/rotations/${r.id}`);
    expect(wordsOf(next.text)).toContain("Approved. Next, somebody creates the replacement key");
    expect(wordsOf((await visitor.get(`/rotations/${r.id}`)).text)).not.toContain("Approved. Next");
  });

  it("P10: a plan that changed since the page was shown is not approved", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    const { text } = await visitor.get(`/rotations/${r.id}`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "";
    await visitor.post(`/rotations/${r.id}/approve`, { csrf, shown: "0".repeat(64) });
    expect(wordsOf((await visitor.get(`/rotations/${r.id}`)).text)).toContain("The plan changed since it was shown");
    expect(await d.load(r.id)).toMatchObject({ state: "awaiting_approval", approvals: [] });
  });

  it("rejects with the reason on record", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/reject`, { reason: "not <now>" });
    expect(await d.load(r.id)).toMatchObject({ state: "rejected" });
    expect(await d.audit()).toContainEqual(
      expect.objectContaining({
        action: "rotation.rejected",
        actor: "token:dashboard",
        evidence: expect.objectContaining({ reason: "not <now>" }),
      }),
    );
    const evidence = await visitor.get(`/rotations/${r.id}/evidence`);
    expect(evidence.text).toContain("not &lt;now&gt;");
    expect(evidence.text).not.toContain("<now>");
  });

  it.each([1, 30])("snoozes for %s days", async (days) => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/snooze`, { days: String(days) });
    const after = await d.load(r.id);
    expect(after.state).toBe("snoozed");
    expect(Math.round(((after.notBefore ?? 0) - d.deps.clock.now()) / DAY)).toBe(days);
  });

  it.each(["0", "31", "1.5", "x"])("does not snooze for %s days", async (days) => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/snooze`, { days });
    expect((await d.load(r.id)).state).toBe("awaiting_approval");
    expect(wordsOf((await visitor.get(`/rotations/${r.id}`)).text)).toContain(
      "A rotation is snoozed for 1 to 30 days.",
    );
  });

  it("stops a rotation, and lifts the wait after it", async () => {
    const { d, site } = await aDashboard();
    const { id } = await d.to("awaiting_replacement");
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/cancel`, { reason: "another week" });
    await d.step(id);
    expect(await d.load(id)).toMatchObject({ state: "cancelled", notBefore: expect.any(Number) });
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/retry`);
    expect((await d.load(id)).notBefore).toBeNull();
  });

  it("goes on past a drain that nobody can decide, with the person's reason", async () => {
    const { d, site } = await aDashboard({ config: { policy: { drain: { quietFor: "1h", limit: "2h" } } } });
    const { id } = await d.to("draining");
    const visitor = await site.owner();
    await visitor.post(`/rotations/${id}/proceed`, { csrf: await csrfOf(visitor, id), reason: " " });
    expect(wordsOf((await visitor.get(`/rotations/${id}`)).text)).toContain("Say why it is safe to go on. Fill it in");
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/proceed`, { reason: "checked the hosts" });
    expect((await d.load(id)).state).toBe("deactivating");
  });

  it("reinstates in the grace period, then goes on or puts the old value back", async () => {
    const { d, site } = await aDashboard({ config: GRACE });
    const { id } = await d.to("grace_period");
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/reinstate`);
    expect((await d.load(id)).state).toBe("reinstating");
    await d.until(id, "reinstated");
    expect(wordsOf((await visitor.get(`/rotations/${id}`)).text)).toContain("Put the old value back");
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/retry`);
    expect((await d.load(id)).state).toBe("draining");
  });

  it("holds and lifts the hold, by rotation and by target", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/hold`);
    expect(await d.deps.holds.list()).toMatchObject({ billing: { actor: "token:dashboard" } });
    expect(wordsOf((await visitor.get(`/rotations/${r.id}`)).text)).toContain("Held by billing");
    await visitor.submit("/targets/billing", "/targets/billing/unhold");
    expect(await d.deps.holds.list()).toEqual({});
    await visitor.submit("/targets/billing", "/targets/billing/hold");
    await visitor.submit(`/rotations/${r.id}`, `/rotations/${r.id}/unhold`);
    expect(await d.deps.holds.list()).toEqual({});
  });

  it("revokes after a page that names what will fail", async () => {
    const { d, site } = await aDashboard();
    await scan(d.deps, { dryRun: true });
    const visitor = await site.owner();
    const asked = await visitor.get("/targets/billing/revoke");
    expect(wordsOf(asked.text)).toContain("Applications of billing fail from that moment");
    expect(await d.open().then((r) => r.state)).toBe("awaiting_approval");
    const answer = await visitor.submit("/targets/billing/revoke", "/targets/billing/revoke");
    expect(answer.location).toBe("/targets/billing");
    const id = (await d.deps.rotations.holderOf("target:billing")) ?? "";
    await d.until(id, "awaiting_replacement");
    expect(await d.status(d.keys["billing"]?.key.id ?? "")).toBe("inactive");
    expect(wordsOf((await visitor.get(`/rotations/${id}`)).text)).toContain(
      "its applications fail until they get a replacement",
    );
  });

  it("revokes from the rotation's page, too", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    await visitor.submit(`/rotations/${r.id}/revoke`, `/rotations/${r.id}/revoke`);
    expect(await d.load(r.id)).toMatchObject({ state: "revoking", reason: "compromised" });
  });

  it("hands the key over: a one-time link for the signed-in person, in the fragment", async () => {
    const { d, site } = await aDashboard();
    const { id } = await d.to("awaiting_replacement");
    const visitor = await site.owner();
    const answer = await visitor.submit(`/rotations/${id}`, `/rotations/${id}/hand-over`);
    expect(answer.status).toBe(303);
    expect(answer.location).toMatch(new RegExp(`^${site.url}/intake#[A-Za-z0-9_-]{43}$`));
    const entry = (await d.audit()).find((e) => e.action === "intake.link_issued");
    expect(entry).toMatchObject({ actor: "token:dashboard", evidence: { for: "token:dashboard" } });
    expect(JSON.stringify(await d.audit())).not.toContain(answer.location?.split("#")[1]);
  });

  it("what needs a person is told as what happened, impact and next step, and can be looked at again", async () => {
    const { d, site } = await aDashboard({ config: GRACE });
    const { id } = await d.to("promoting");
    await d.lab.setValue("billing", "something else");
    await d.step(id);
    const r = await d.load(id);
    expect(r.attention).not.toBeNull();
    const visitor = await site.owner();
    const words = wordsOf((await visitor.get(`/rotations/${id}`)).text);
    expect(words).toContain(`What happened ${r.attention?.message}`);
    expect(words).toMatch(/Impact .* Next /);
    expect(wordsOf((await visitor.get("/")).text)).toContain(r.attention?.message ?? "?");
    await visitor.submit(`/rotations/${id}`, `/rotations/${id}/retry`);
    expect(wordsOf((await visitor.get(`/rotations/${id}`)).text)).toContain("Keyturn looks again now.");
  });

  it("a decision that came too late is answered in a sentence and changes nothing", async () => {
    const { d, site } = await aDashboard();
    const r = await d.open();
    const visitor = await site.owner();
    const csrf = await csrfOf(visitor, r.id);
    await d.until(r.id, "awaiting_replacement");
    await visitor.post(`/rotations/${r.id}/reject`, { csrf });
    expect(wordsOf((await visitor.get(`/rotations/${r.id}`)).text)).toContain("is in awaiting_replacement");
    expect(await d.load(r.id)).toMatchObject({ state: "awaiting_replacement", approvals: [{ actor: ana.actor.name }] });
  });

  it("an ended rotation is in the list, page by page, and what does not exist is a page that says so", async () => {
    const { d, site } = await aDashboard();
    const { id } = await d.to("completed");
    const visitor = await site.owner();
    expect((await visitor.get("/rotations?all=1")).text).toContain(`/rotations/${id}`);
    expect(wordsOf((await visitor.get("/rotations?page=7")).text)).toContain("There are no more.");
    for (const path of ["/rotations/rot_none", "/targets/none", "/rotations/rot_none/evidence"])
      expect((await visitor.get(path)).status).toBe(404);
    const target = await visitor.get("/targets/billing");
    expect(wordsOf(target.text)).toContain("Its rotations billing Completed");
  });
});

const csrfOf = async (visitor: { get(path: string): Promise<{ text: string }> }, id: string): Promise<string> =>
  /name="csrf" value="([^"]+)"/.exec((await visitor.get(`/rotations/${id}`)).text)?.[1] ?? "";
