import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { errorOf } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

let redis: RedisServer;
let at: Installation;
let outgoing: { id: string; text: string };
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  at = await install(redis);
  outgoing = await at.target("billing", 10);
});
afterEach(() => at.close());

const SLOW = { policy: { ...POLICY, drain: { quietFor: "1h", limit: "2h" } } };
/** Status changes are refused until the faults are cleared: what is about to be destructive waits. */
const refuseChanges = () =>
  at.console.addFault({
    match: { method: "POST", path: "^/v1/organizations/api_keys" },
    times: null,
    fault: { kind: "status", status: 403 },
  });

describe("R4: revoke", () => {
  it("with nothing open: deactivated first, then a replacement is asked for", async () => {
    expect((await at.shown(0, "revoke", "billing")).state).toBe("revoking");
    await at.until("billing", "awaiting_replacement");
    expect(await at.status(outgoing.id)).toBe("inactive");
    const view = await at.shown(0, "show", "billing");
    expect(view).toMatchObject({ reason: "compromised", deadline: null });
    await at.submitNew(view.id);
    await at.until(view.id, "grace_period");
  });

  it.each(["awaiting_approval", "awaiting_replacement"] as const)(
    "in %s: the open rotation turns into a revocation",
    async (state) => {
      const { id } = await at.shown(0, "rotate", "billing");
      if (state === "awaiting_replacement") await at.shown(0, "approve", id);
      expect(await at.shown(0, "revoke", "billing")).toMatchObject({ id, state: "revoking", reason: "compromised" });
      await at.until(id, "awaiting_replacement");
      expect(await at.status(outgoing.id)).toBe("inactive");
    },
  );

  it("in verifying: the accepted key is kept and goes on after the deactivation", async () => {
    await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "no_credit", as: 402 } });
    const { rotation, replacement } = await at.bringTo("billing", "attention:verification_inconclusive");
    await at.shown(0, "revoke", "billing");
    await at.until(rotation, "grace_period");
    expect(await at.value("billing")).toBe(replacement.text);
    expect(await at.status(outgoing.id)).toBe("inactive");
  });

  it("in draining: the drain is skipped", async () => {
    await at.configure(SLOW);
    const { rotation } = await at.bringTo("billing", "draining");
    expect((await at.shown(0, "revoke", outgoing.id)).state).toBe("deactivating");
    await at.until(rotation, "grace_period");
    expect(await at.status(outgoing.id)).toBe("inactive");
  });

  it("in grace: nothing to do, and says so", async () => {
    const { rotation } = await at.bringTo("billing", "grace_period");
    const view = await at.shown(0, "revoke", outgoing.id);
    expect(view).toMatchObject({ id: rotation, state: "grace_period" });
    expect(view.message).toContain("already");
  });

  it("of the replacement after promotion: the old value goes back, then the replacement is deactivated", async () => {
    await at.configure(SLOW);
    const { rotation, replacement } = await at.bringTo("billing", "draining");
    expect((await at.shown(0, "revoke", replacement.id)).state).toBe("rolling_back");
    await at.until(rotation, "rolled_back");
    expect(await at.value("billing")).toBe(outgoing.text);
    expect(await at.status(replacement.id)).toBe("inactive");
    expect(await at.status(outgoing.id)).toBe("active");
  });

  it("R5: of the replacement while its predecessor is in grace opens a second rotation", async () => {
    const { rotation, replacement } = await at.bringTo("billing", "grace_period");
    const second = await at.shown(0, "revoke", "billing");
    expect(second.id).not.toBe(rotation);
    expect(second.outgoingKey.id).toBe(replacement.id);
    await at.until(second.id, "awaiting_replacement");
    expect(await at.status(replacement.id)).toBe("inactive");
    await at.submitNew(second.id);
    await at.until(second.id, "grace_period");
    expect((await at.shown(0, "show", rotation)).state).toBe("grace_period");
  });

  it("of a key of no target needs --unmanaged and the whole id", async () => {
    const loose = await at.console.createKey({ name: "loose" });
    const ran = await at.run("revoke", loose.key.id, "--json");
    expect([ran.code, errorOf(ran).code]).toEqual([75, "wrong_state"]);
    expect(errorOf(ran).next).toContain("--unmanaged");
    expect((await at.run("revoke", loose.key.id.slice(0, 14), "--unmanaged")).code).toBe(64);
    const view = await at.shown(0, "revoke", loose.key.id, "--unmanaged");
    expect(view).toMatchObject({ target: null, replacementKey: null });
    await at.until(view.id, "grace_period");
    expect(await at.status(loose.key.id)).toBe("inactive");
  });

  it("a compromised rotation refuses cancel, snooze and reject", async () => {
    const { id } = await at.shown(0, "revoke", "billing");
    for (const words of [
      ["cancel", id],
      ["snooze", id, "--until", "1d"],
      ["reject", id],
    ]) {
      expect([words[0], (await at.run(...words)).code]).toEqual([words[0], 75]);
    }
  });

  it.each(["billing", "key"])("a hold on the %s wins, and the answer names it", async (what) => {
    const subject = what === "key" ? outgoing.id : "billing";
    await at.shown(0, "hold", subject);
    const ran = await at.run("revoke", "billing", "--json");
    expect([ran.code, errorOf(ran).code]).toEqual([75, "held"]);
    expect(errorOf(ran).message).toContain(subject);
    expect(errorOf(ran).next).toContain("unhold");
    expect(await at.status(outgoing.id)).toBe("active");
  });
});

describe("reinstate", () => {
  it("undoes a revocation that has no replacement yet, and ends in cancelled (R6)", async () => {
    const { id } = await at.shown(0, "revoke", "billing");
    await at.until(id, "awaiting_replacement");
    expect((await at.shown(0, "reinstate", id)).state).toBe("reinstating");
    await at.until(id, "cancelled");
    expect(await at.status(outgoing.id)).toBe("active");
    expect(await at.value("billing")).toBe(outgoing.text);
  });

  it.each(["retry", "cancel"] as const)("in grace, then %s", async (then) => {
    const { rotation, replacement } = await at.bringTo("billing", "grace_period");
    await at.shown(0, "reinstate", rotation);
    await at.shown(0, "reinstate", rotation);
    await at.until(rotation, "reinstated");
    expect(await at.status(outgoing.id)).toBe("active");
    expect(await at.value("billing")).toBe(replacement.text);
    await at.shown(0, then, rotation);
    await at.until(rotation, then === "retry" ? "grace_period" : "cancelled");
    expect(await at.value("billing")).toBe(then === "retry" ? replacement.text : outgoing.text);
    expect(await at.status(outgoing.id)).toBe(then === "retry" ? "inactive" : "active");
  });

  it("at the organization's key limit: attention, stays, resumes by itself (R6)", async () => {
    const { rotation } = await at.bringTo("billing", "grace_period");
    await at.console.settings({ orgKeyLimit: 1 });
    await at.shown(0, "reinstate", rotation);
    expect((await at.until(rotation, "attention:key_limit")).state).toBe("reinstating");
    await at.console.settings({ orgKeyLimit: null });
    await at.shown(0, "retry", rotation);
    await at.until(rotation, "reinstated");
  });

  it.each(["rejected", "completed"] as const)("after %s is too late", async (state) => {
    if (state === "completed") await at.configure({ policy: { ...POLICY, gracePeriod: "1ms" } });
    const id =
      state === "completed"
        ? (await at.bringTo("billing", "completed")).rotation
        : (await at.shown(0, "rotate", "billing")).id;
    if (state === "rejected") await at.shown(0, "reject", id);
    expect((await at.run("reinstate", id)).code).toBe(75);
  });
});

describe("R17: a hold stops every destructive step, and nothing else", () => {
  it("before deactivation: staging and promoting go on; then it waits; `unhold` lets it go on", async () => {
    await at.shown(0, "hold", "billing");
    const { rotation, replacement } = await at.bringTo("billing", "attention:held");
    const view = await at.shown(0, "show", rotation);
    expect(view.state).toBe("draining");
    expect(view.holds[0]).toContain("billing");
    expect(await at.value("billing")).toBe(replacement.text);
    await at.runOnce();
    expect(await at.status(outgoing.id)).toBe("active");
    expect((await at.run("proceed", rotation, "--reason", "now")).code).toBe(75);
    await at.shown(0, "unhold", "billing");
    await at.until(rotation, "grace_period");
  });

  it("at the deactivation itself", async () => {
    await refuseChanges();
    const { rotation } = await at.bringTo("billing", "attention:admin_denied");
    expect((await at.shown(0, "show", rotation)).state).toBe("deactivating");
    await at.shown(0, "hold", outgoing.id);
    await at.console.clearFaults();
    await at.until(rotation, "attention:held");
    expect(await at.status(outgoing.id)).toBe("active");
    await at.shown(0, "unhold", outgoing.id);
    await at.until(rotation, "grace_period");
  });

  it("in grace: it is not archived, however long the period is over", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "1s" } });
    const { rotation } = await at.bringTo("billing", "grace_period");
    await at.shown(0, "hold", "billing");
    await at.until(rotation, "attention:held");
    expect(await at.status(outgoing.id)).toBe("inactive");
    expect((await at.run("wait", rotation, "--for", "completed", "--timeout", "1500ms")).code).toBe(75);
    await at.shown(0, "unhold", "billing");
    await at.until(rotation, "completed");
    expect(await at.status(outgoing.id)).toBe("archived");
  });

  it("`unhold` of a hold in the configuration is answered with 75 and the file", async () => {
    await at.configure({ holds: ["billing"] });
    const ran = await at.run("unhold", "billing", "--json");
    expect([ran.code, errorOf(ran).code]).toEqual([75, "held"]);
    expect(errorOf(ran).message).toContain(at.configFile);
  });

  it("hold and unhold may be repeated", async () => {
    for (const words of ["hold", "hold", "unhold", "unhold"]) await at.shown(0, words, "billing");
  });
});

describe("R7: what others do to the keys", () => {
  it("somebody re-activates the outgoing key in grace: a person has to proceed", async () => {
    const { rotation } = await at.bringTo("billing", "grace_period");
    await at.console.enableKey(outgoing.id);
    const view = await at.until(rotation, "attention:outgoing_reactivated");
    expect(view.state).toBe("draining");
    await at.runOnce();
    expect(await at.status(outgoing.id)).toBe("active");
    await at.shown(0, "proceed", rotation, "--reason", "it was me");
    await at.until(rotation, "grace_period");
  });

  it("the replacement dies in grace: archiving is barred, reinstating is the next step", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "1s" } });
    const { rotation, replacement } = await at.bringTo("billing", "grace_period");
    await at.console.disableKey(replacement.id);
    const view = await at.until(rotation, "attention:replacement_dead");
    expect(view.needsAttention?.next).toContain(`keyturn reinstate ${rotation}`);
    await at.runOnce();
    expect(await at.status(outgoing.id)).toBe("inactive");
    await at.shown(0, "reinstate", rotation);
    await at.until(rotation, "reinstated");
    // Meanwhile the scan has proposed to replace the dead key in use (R5): that is no longer wanted.
    const second = await at.shown(0, "show", "billing");
    expect(second).toMatchObject({ reason: "deactivated_elsewhere", state: "awaiting_approval" });
    const busy = await at.run("cancel", rotation, "--json");
    expect([busy.code, errorOf(busy).message.includes(second.id)]).toEqual([75, true]);
    await at.shown(0, "reject", second.id);
    await at.shown(0, "cancel", rotation);
    await at.until(rotation, "cancelled");
    expect(await at.value("billing")).toBe(outgoing.text);
  });
});
