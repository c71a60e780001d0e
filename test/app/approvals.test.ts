import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { type Decider, cancel, proceed, reject, retry, snooze } from "../../src/app/decisions.ts";
import { hold } from "../../src/app/hold.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { rotate } from "../../src/app/rotate.ts";
import { rotationText } from "../../src/cli/format/rotation.ts";
import { viewOf } from "../../src/rotation/view.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { revoke } from "../../src/app/revoke.ts";
import { DAY, type Drive, ana, ben, eve, refusal } from "../support/drive.ts";
import { aMember, memoryDirectory } from "../support/doubles/memory-directory.ts";
import { drives } from "../support/drives.ts";

const cleo: Decider = { actor: { name: "cli:cleo@desk", via: "cli" }, breakGlass: null };
const broken = (by: Decider): Decider => ({ ...by, breakGlass: { reason: "night" } });
const POLICY = { drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true }, gracePeriod: "7d" };
const two = { policy: { ...POLICY, approval: { approvals: 2 } } };
const submitAs = (d: Drive, id: string, text: string, by: Decider) =>
  submit(d.deps, id, text, by.actor, { keyId: null, acceptExpiry: false, replace: false });

describe("P10: an approval counts once, from who may, for the plan that was shown", () => {
  const start = drives();

  it("one approval is enough where one is asked for, and is bound to the plan's hash", async () => {
    const d = await start();
    const opened = await d.open();
    const r = await approve(d.deps, opened.id, ana);
    expect(r).toMatchObject({
      state: "awaiting_replacement",
      approvals: [{ actor: "cli:ana@laptop", via: "cli", planHash: opened.planHash }],
    });
    const entry = (await d.audit()).find((e) => e.action === "rotation.approved");
    expect(entry).toMatchObject({
      actor: "cli:ana@laptop",
      evidence: { planHash: opened.planHash, from: "awaiting_approval" },
    });
  });

  it.each([
    { who: "a worker's save changes nothing that was decided on", what: {}, end: "awaiting_replacement" },
    { who: "another decision is answered", what: { state: "rejected" } as const, end: "CONFLICT" },
  ])("somebody saves at the same moment: $who", async ({ what, end }) => {
    const d = await start();
    const { id } = await d.open();
    const { commit, load } = d.deps.rotations;
    let interfered = false;
    d.deps.rotations.commit = async (c) => {
      const other = interfered ? null : await load(id);
      interfered = true;
      if (other !== null) {
        const record = { ...other, ...what, revision: other.revision + 1 };
        await commit({ ...c, audit: [], record, expectedRevision: other.revision });
      }
      return commit(c);
    };
    const answer = approve(d.deps, id, ana);
    expect(await answer.then((r) => r.state).catch((error: KeyturnError) => error.code)).toBe(end);
  });

  it("approving again changes nothing", async () => {
    const d = await start();
    const r = await approve(d.deps, (await d.open()).id, ana);
    expect(await approve(d.deps, r.id, ana)).toEqual(r);
    expect(await d.load(r.id)).toEqual(r);
  });

  it("R21: terminals and tokens count once in all together", async () => {
    const d = await start({ config: two });
    const { id } = await d.open();
    await approve(d.deps, id, ana);
    const token: Decider = { actor: { name: "api:ci", via: "api" }, breakGlass: null };
    expect((await refusal(approve(d.deps, id, token))).message).toContain("another way has to give the next");
    expect(await approve(d.deps, id, ben)).toMatchObject({ state: "awaiting_replacement" });
  });

  it("R21: the command line counts once in all, whatever name it gives; another way gives the second", async () => {
    const d = await start({ config: two });
    const { id } = await d.open();
    await approve(d.deps, id, ana);
    expect((await refusal(approve(d.deps, id, cleo))).exit).toBe(77);
    await d.step(id);
    expect(await d.load(id)).toMatchObject({ state: "awaiting_approval", approvals: [{ actor: ana.actor.name }] });
    expect(await approve(d.deps, id, ben)).toMatchObject({ state: "awaiting_replacement" });
  });

  it("R15: a plan that changed after it was shown voids the click and every approval before it", async () => {
    const d = await start({ config: two });
    const { id, planHash } = await d.open();
    await approve(d.deps, id, ana);
    await d.lab.configure({ policy: { ...two.policy, gracePeriod: "1d" } });
    d.deps = await d.again();
    const error = await refusal(approve(d.deps, id, ben));
    expect([error.code, error.reason]).toEqual(["WRONG_STATE", "plan_changed"]);
    const r = await d.load(id);
    expect(r).toMatchObject({ state: "awaiting_approval", approvals: [], plan: { gracePeriodMs: DAY } });
    expect(r.planHash).not.toBe(planHash);
  });

  it("R15: the changed plan asks for its own number of approvals", async () => {
    const d = await start();
    const { id } = await d.open();
    await d.lab.configure(two);
    d.deps = await d.again();
    await refusal(approve(d.deps, id, ana));
    expect(await approve(d.deps, id, ana)).toMatchObject({ state: "awaiting_approval", approvalsNeeded: 2 });
  });

  it("R15: a plan that changes while the replacement is awaited is approved again; the staged value is kept", async () => {
    const d = await start();
    const { id } = await d.to("verifying");
    await d.lab.configure({ policy: { ...POLICY, gracePeriod: "3d" } });
    d.deps = await d.again();
    const back = await d.step(id);
    expect(back).toMatchObject({ state: "awaiting_approval", approvals: [] });
    expect(back.replacement).not.toBeNull();
    expect((await d.until(id, "promoting")).plan.gracePeriodMs).toBe(3 * DAY);
  });

  it("R15: a plan that changes after promotion stops what is destructive until it is approved", async () => {
    const d = await start({ config: { policy: POLICY } });
    const { id } = await d.to("deactivating");
    await d.lab.configure({ policy: { ...POLICY, gracePeriod: "3d" } });
    d.deps = await d.again();
    for (let i = 0; i < 3; i++)
      expect(await d.step(id)).toMatchObject({ state: "deactivating", attention: { code: "plan_changed" } });
    expect(await d.statusCalls()).toEqual([]);
    await approve(d.deps, id, ana);
    expect(await d.until(id, "grace_period")).toMatchObject({ plan: { gracePeriodMs: 3 * DAY } });
  });

  it("R15: … or until the configuration is put back", async () => {
    const d = await start({ config: { policy: POLICY } });
    const { id } = await d.to("deactivating");
    const before = d.deps;
    await d.lab.configure({ policy: { ...POLICY, gracePeriod: "3d" } });
    d.deps = await d.again();
    await d.step(id);
    await d.lab.configure({ policy: POLICY });
    d.deps = { ...(await d.again()), stores: before.stores };
    expect(await d.until(id, "grace_period")).toMatchObject({ attention: null });
  });

  it.each([
    { when: "before promotion: cancelled", state: "awaiting_replacement", to: "rolling_back", code: undefined },
    { when: "after promotion: a person is asked", state: "deactivating", to: "deactivating", code: "target_removed" },
  ] as const)("R15: a target that is removed or renamed, $when", async ({ state, to, code }) => {
    const d = await start({ targets: { billing: {}, other: {} }, config: { policy: POLICY } });
    const { id } = await d.to(state);
    await d.lab.configure({ targets: { invoices: { destinations: [{ store: "files", secret: "billing.env" }] } } });
    d.deps = await d.again();
    const r = await d.step(id);
    expect([r.state, r.attention?.code]).toEqual([to, code]);
    expect(await d.statusCalls()).toEqual([]);
  });

  it.each<{ what: string; decide: (d: Drive, id: string, by: Decider) => Promise<unknown> }>([
    { what: "approve", decide: (d, id, by) => approve(d.deps, id, by) },
    { what: "reject", decide: (d, id, by) => reject(d.deps, id, by, null) },
    { what: "snooze", decide: (d, id, by) => snooze(d.deps, id, by, Date.now() + DAY) },
    { what: "cancel", decide: (d, id, by) => cancel(d.deps, id, by, null) },
    { what: "retry", decide: (d, id, by) => retry(d.deps, id, by) },
    { what: "proceed", decide: (d, id, by) => proceed(d.deps, id, by, "because") },
    { what: "reinstate", decide: (d, id, by) => reinstate(d.deps, id, by) },
    { what: "revoke", decide: (d, _id, by) => revoke(d.deps, "billing", by, { unmanaged: false }) },
    { what: "hold", decide: (d, _id, by) => hold(d.deps, "billing", by) },
  ])("R21: `$what` by somebody not listed: exit 77, on record, nothing changed", async ({ decide }) => {
    const d = await start({ config: { approvers: { cli: ["cleo@desk"] } } });
    const r = await d.open();
    expect((await refusal(decide(d, r.id, ana))).exit).toBe(77);
    expect(await d.load(r.id)).toEqual(r);
    const [entry] = (await d.audit()).filter((e) => e.action === "decision.refused");
    expect(entry).toMatchObject({ actor: "cli:ana@laptop", via: "cli", evidence: { code: "NOT_AN_APPROVER" } });
  });

  it("R21: breaking the glass is possible, loud and recorded", async () => {
    const d = await start({ config: { approvers: { cli: ["cleo@desk"] } } });
    const r = await approve(d.deps, (await d.open()).id, broken(ana));
    expect(r).toMatchObject({
      state: "awaiting_replacement",
      approvals: [{ actor: "cli:ana@laptop", breakGlass: true }],
    });
    expect(d.log.lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        fields: expect.objectContaining({ event: "break_glass", reason: "night" }),
      }),
    );
    expect((await d.audit()).find((e) => e.action === "rotation.approved")).toMatchObject({
      evidence: { breakGlass: true, reason: "night" },
    });
  });

  it.each([
    {
      what: "reject",
      wait: 7 * DAY,
      end: "rejected",
      decide: (d: Drive, id: string) => reject(d.deps, id, ana, "not now"),
    },
    { what: "cancel", wait: DAY, end: "cancelled", decide: (d: Drive, id: string) => cancel(d.deps, id, ana, null) },
    {
      what: "snooze",
      wait: 3 * DAY,
      end: "snoozed",
      decide: (d: Drive, id: string) => snooze(d.deps, id, ana, d.deps.clock.now() + 3 * DAY),
    },
  ])("R20: `$what` ends it, and says from when it may be proposed again", async ({ wait, end, decide }) => {
    const d = await start();
    const { id } = await d.open();
    await decide(d, id);
    const r = await d.load(id);
    expect(r.state).toBe(end);
    expect(Math.abs((r.notBefore ?? 0) - d.deps.clock.now() - wait)).toBeLessThan(2000);
    expect(await d.deps.rotations.aftermathOf("billing")).toMatchObject({
      state: end,
      failures: end === "snoozed" ? 0 : 1,
    });
    await retry(d.deps, id, ana);
    expect(await d.deps.rotations.aftermathOf("billing")).toBeNull();
  });

  it("the reason of a decision is kept with it, on one line, and shown", async () => {
    const d = await start();
    const opened = await rotate(d.deps, "billing", ana.actor, "  the laptop \u202E was\n lost ");
    expect(viewOf(opened).note).toBe("the laptop was lost");
    const r = await reject(d.deps, opened.id, ben, `found it again ${"x".repeat(600)}`);
    expect(r.note).toMatchObject({ text: expect.stringMatching(/^found it again x{485}$/), actor: "slack:U0BEN" });
    expect(rotationText(viewOf(r))).toMatch(/reason given +found it again/);
  });

  it("a decision without a reason keeps the one before, and a snooze makes none", async () => {
    const d = await start();
    const { id } = await rotate(d.deps, "billing", ana.actor, "asked by audit");
    expect((await snooze(d.deps, id, ana, d.deps.clock.now() + DAY)).note?.text).toBe("asked by audit");
  });

  it.each([31 * DAY, -1])("R20: a snooze of %i ms is refused", async (ms) => {
    const d = await start();
    const { id } = await d.open();
    expect((await refusal(snooze(d.deps, id, ana, d.deps.clock.now() + ms))).exit).toBe(64);
  });

  it("R20: nobody's approval in time: expired, and a day's pause", async () => {
    const d = await start({ config: { policy: { approval: { expiresAfter: "3d" } } } });
    const { id, deadline } = await d.open();
    await d.turn((deadline ?? 0) - d.deps.clock.now() - 1000);
    expect((await d.step(id)).state).toBe("awaiting_approval");
    await d.turn(1000);
    expect(await d.step(id)).toMatchObject({ state: "expired" });
  });
});

describe("R21: four eyes", () => {
  const start = drives();
  const config = {
    policy: POLICY,
    approvers: { fourEyes: true, cli: ["*"] },
    http: { publicUrl: "https://keyturn.example.com" },
  };

  /** Addresses that Slack proves: with them approver and creator can be compared. */
  const mailed = (d: Drive, id: string) => {
    const directory = memoryDirectory(["U0BEN", "U0EVE"]);
    for (const name of ["BEN", "EVE"])
      directory.members.set(`U0${name}`, aMember(`U0${name}`, { email: `${name.toLowerCase()}@example.com` }));
    d.deps.directory = directory;
    return id;
  };

  it("an approval from the command line needs another from elsewhere", async () => {
    const d = await start({ config });
    const { id } = await d.open();
    expect(await approve(d.deps, id, ana)).toMatchObject({ state: "awaiting_approval", approvalsNeeded: 2 });
    expect((await d.step(id)).state).toBe("awaiting_approval");
    expect((await approve(d.deps, id, ben)).state).toBe("awaiting_replacement");
  });

  it("who approved may not hand the key over; another person may", async () => {
    const d = await start({ config });
    const { id } = await approve(d.deps, mailed(d, (await d.open()).id), ben);
    const key = await d.make();
    expect((await refusal(submitAs(d, id, key.secret, ben))).exit).toBe(77);
    expect((await d.audit()).find((e) => e.action === "intake.refused")).toMatchObject({ actor: "slack:U0BEN" });
    expect((await submitAs(d, id, key.secret, eve)).rotation).toMatchObject({
      state: "verifying",
      submittedBy: "slack:U0EVE",
      handedOverBy: [["slack:U0EVE"], expect.arrayContaining([expect.stringMatching(/^mail:/)])],
    });
  });

  it.each([
    { who: "a terminal", by: ana.actor },
    { who: "a token", by: { name: "api:ci", via: "api" as const } },
    { who: "the issuer, without an address", by: { name: "oidc:ana", via: "oidc" as const, identities: ["oidc:ana"] } },
  ])("$who cannot be told from the approver; one more proven person frees it", async ({ by }) => {
    const d = await start({ config });
    const { id } = await approve(d.deps, mailed(d, (await d.open()).id), ben);
    const key = await d.make();
    const options = { keyId: null, acceptExpiry: false, replace: false };
    const refused = await refusal(submit(d.deps, id, key.secret, by, options));
    expect([refused.code, refused.reason]).toEqual(["NOT_AN_APPROVER", "four_eyes"]);
    expect(refused.next).toMatch(/one-time page or the dashboard, or one more person approves/);
    expect((await refusal(approve(d.deps, id, cleo))).code).toBe("WRONG_STATE");
    expect(await approve(d.deps, id, eve)).toMatchObject({ state: "awaiting_replacement", approvals: [{}, {}] });
    expect((await submit(d.deps, id, key.secret, by, options)).rotation.state).toBe("verifying");
  });

  it("without a page of ours the key comes from a terminal: two people approve from the start", async () => {
    const d = await start({ config: { policy: POLICY, approvers: config.approvers } });
    const { id } = await d.open();
    expect(await approve(d.deps, id, ben)).toMatchObject({ state: "awaiting_approval", approvalsNeeded: 2 });
    expect(await approve(d.deps, id, eve)).toMatchObject({ state: "awaiting_replacement" });
    expect((await submitAs(d, id, (await d.make()).secret, ana)).rotation.state).toBe("verifying");
  });

  /** The approver in Slack and the creator in the Console are one person when the address is the same. */
  const oneMail = async (d: Drive, email: string) => {
    const directory = memoryDirectory(["U0BEN", "U0EVE"]);
    directory.members.set("U0BEN", aMember("U0BEN", { email: "ben@example.com" }));
    d.deps.directory = directory;
    return d.console.createUser({ email, name: "Ben" });
  };

  it("who approved may not have created the key either, by the address that Slack and the Admin API prove", async () => {
    const d = await start({ config });
    const user = await oneMail(d, "Ben@Example.com");
    const { id } = await approve(d.deps, (await d.open()).id, ben);
    const mine = await d.make({ createdBy: user.id });
    const refused = await refusal(submitAs(d, id, mine.secret, eve));
    expect(refused.exit).toBe(77);
    expect(refused.message).toContain("was created by the person who approved this rotation");
    expect((await d.load(id)).lease).toBeNull();
    expect((await d.audit()).find((e) => e.action === "intake.refused")).toMatchObject({ actor: "slack:U0EVE" });
    expect((await submitAs(d, id, (await d.make()).secret, eve)).rotation.state).toBe("verifying");
  });

  it("a creator with another address is another person; one who left cannot be told from the approver", async () => {
    const d = await start({ config });
    const user = await oneMail(d, "somebody.else@example.com");
    const { id } = await approve(d.deps, (await d.open()).id, ben);
    const key = await d.make({ createdBy: user.id });
    await d.console.removeUser(user.id);
    expect((await refusal(submitAs(d, id, key.secret, eve))).reason).toBe("four_eyes");
    const stays = await d.console.createUser({ email: "another@example.com", name: "Another" });
    const theirs = await d.make({ createdBy: stays.id });
    expect((await submitAs(d, id, theirs.secret, eve)).rotation.state).toBe("verifying");
  });

  it("while the Admin API does not say who created it, the key is not taken; submitting again is safe", async () => {
    const d = await start({ config });
    const { id } = await approve(d.deps, mailed(d, (await d.open()).id), ben);
    const key = await d.make();
    const userEmail = () => Promise.reject(new KeyturnError("ADMIN_UNAVAILABLE"));
    const away = { ...d.deps, admin: { ...d.deps.admin, userEmail } };
    const options = { keyId: null, acceptExpiry: false, replace: false };
    await expect(submit(away, id, key.secret, eve.actor, options)).rejects.toMatchObject({ code: "ADMIN_UNAVAILABLE" });
    expect((await submitAs(d, id, key.secret, eve)).rotation.state).toBe("verifying");
  });

  it("a value staged by the very person who approved needs one more approval, too", async () => {
    const d = await start({ config });
    const user = await oneMail(d, "ben@example.com");
    const { id } = await approve(d.deps, (await d.open()).id, ben);
    const key = await d.make({ createdBy: user.id });
    await writeFile(`${d.lab.dir}/.billing.env.keyturn-pending`, `ANTHROPIC_API_KEY=${key.secret}\n`, { mode: 0o600 });
    await d.step(id);
    await d.until(id, "deactivating");
    expect(await d.step(id)).toMatchObject({ attention: { code: "approval_missing" } });
    await approve(d.deps, id, eve);
    expect((await d.until(id, "grace_period")).state).toBe("grace_period");
  });

  it("a broken glass is enough", async () => {
    const d = await start({ config });
    const r = await approve(d.deps, (await d.open()).id, broken(ana));
    expect(r).toMatchObject({ state: "awaiting_replacement", approvals: [{ breakGlass: true }] });
    expect((await submitAs(d, r.id, (await d.make()).secret, ana)).rotation.state).toBe("verifying");
  });

  it("a value that nobody known staged needs one more approval before the outgoing key goes", async () => {
    const d = await start({ config });
    const { id } = await approve(d.deps, (await d.open()).id, ben);
    const key = await d.make({ createdBy: null });
    await writeFile(`${d.lab.dir}/.billing.env.keyturn-pending`, `ANTHROPIC_API_KEY=${key.secret}\n`, { mode: 0o600 });
    await d.step(id);
    await d.until(id, "deactivating");
    expect(await d.step(id)).toMatchObject({
      state: "deactivating",
      submittedBy: "unknown",
      attention: { code: "approval_missing" },
    });
    expect(await d.statusCalls()).toEqual([]);
    // A terminal proves nobody: its approval is counted, and another one is asked for.
    await approve(d.deps, id, ana);
    expect(await d.step(id)).toMatchObject({ state: "deactivating", attention: { code: "approval_missing" } });
    await approve(d.deps, id, eve);
    expect((await d.until(id, "grace_period")).state).toBe("grace_period");
  });
});
