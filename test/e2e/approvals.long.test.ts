import { hostname, userInfo } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { errorOf } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

let redis: RedisServer;
let at: Installation;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  at = await install(redis);
  await at.target("billing", 100);
});
afterEach(() => at.close());

const ME = `${userInfo().username}@${hostname()}`;
const approvals = (n: number) => ({
  policy: { ...POLICY, approval: { required: n > 0, approvals: n, expiresAfter: "1h" } },
});

describe("R21: who is a person on the command line", () => {
  it("two approvals: the second from a terminal is answered with 77, and nothing goes on", async () => {
    await at.configure(approvals(2));
    const { id } = await at.shown(0, "rotate", "billing");
    expect(await at.shown(0, "approve", id)).toMatchObject({
      state: "awaiting_approval",
      approvals: [{ actor: `cli:${ME}`, via: "cli" }],
    });
    const again = await at.run("approve", id, "--json");
    expect([again.code, errorOf(again).code]).toEqual([77, "not_an_approver"]);
    await at.runOnce();
    expect(await at.shown(0, "show", id)).toMatchObject({ state: "awaiting_approval", approvals: [{}] });
  });

  it("--break-glass goes on without the second, needs a reason, and is on record", async () => {
    await at.configure(approvals(2));
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    expect((await at.run("approve", id, "--break-glass")).code).toBe(64);
    expect((await at.shown(0, "approve", id, "--break-glass", "--reason", "both others are ill")).state).toBe(
      "awaiting_replacement",
    );
    const { stdout } = await at.run("audit", "export");
    expect(stdout).toContain('"breakGlass":true');
    expect(stdout).toContain("both others are ill");
  });

  it("one approval, given twice: the second is done already", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    const again = await at.shown(0, "approve", id);
    expect(again).toMatchObject({ state: "awaiting_replacement", approvals: [{}] });
  });

  it("no approval required: it is opened and goes on by itself", async () => {
    await at.configure(approvals(0));
    const [id] = (await at.runOnce()).opened;
    expect(await at.shown(0, "show", id as string)).toMatchObject({ state: "awaiting_replacement", approvals: [] });
  });

  it.each([
    { cli: ["nobody@nowhere"], allowed: false },
    { cli: [ME], allowed: true },
    { cli: ["*"], allowed: true },
  ])("approvers.cli $cli: $allowed", async ({ cli, allowed }) => {
    await at.configure({ approvers: { cli } });
    const { id } = await at.shown(0, "rotate", "billing");
    for (const words of [
      ["approve", id],
      ["proceed", id, "--reason", "x"],
      ["snooze", id, "--until", "1d"],
      ["hold", "billing"],
      ["unhold", "billing"],
      ["retry", id],
      ["reinstate", id],
      ["revoke", "billing"],
      ["cancel", id],
      ["reject", id],
    ]) {
      const ran = await at.run(...words, "--json");
      if (allowed) expect([words[0], [0, 75].includes(ran.code)]).toEqual([words[0], true]);
      else expect([words[0], ran.code, errorOf(ran).code]).toEqual([words[0], 77, "not_an_approver"]);
    }
    if (!allowed)
      expect(await at.shown(0, "show", id)).toMatchObject({ state: "awaiting_approval", approvals: [], holds: [] });
  });

  it("another way configured and no cli list: the command line is off, but for --break-glass", async () => {
    await at.configure({ approvers: { oidc: { subjects: ["ana"] } } });
    const { id } = await at.shown(0, "rotate", "billing");
    expect((await at.run("approve", id)).code).toBe(77);
    expect((await at.shown(0, "approve", id, "--break-glass", "--reason", "night")).state).toBe("awaiting_replacement");
  });
});

describe("R15: approvals count for exactly the plan that was shown", () => {
  it("a plan that changed before the approval is shown anew first", async () => {
    const { id, planHash } = await at.shown(0, "rotate", "billing");
    await at.configure({ policy: { ...POLICY, gracePeriod: "2h" } });
    const late = await at.run("approve", id, "--json");
    expect([late.code, errorOf(late).code]).toEqual([75, "plan_changed"]);
    const view = await at.shown(0, "show", id);
    expect(view.state).toBe("awaiting_approval");
    expect(view.planHash).not.toBe(planHash);
    expect((await at.shown(0, "approve", id)).state).toBe("awaiting_replacement");
  });

  it("changed while a replacement is awaited: approvals are void", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    await at.configure({ policy: { ...POLICY, gracePeriod: "2h" } });
    await at.runOnce();
    expect(await at.shown(0, "show", id)).toMatchObject({ state: "awaiting_approval", approvals: [] });
  });

  it("changed after promotion: nothing destructive until approved again", async () => {
    await at.configure({ policy: { ...POLICY, drain: { quietFor: "1h", limit: "2h" } } });
    const { rotation } = await at.bringTo("billing", "draining");
    await at.configure({ policy: { ...POLICY, gracePeriod: "2h" } });
    await at.until(rotation, "attention:plan_changed");
    await at.runOnce();
    expect((await at.shown(0, "show", rotation)).state).toBe("draining");
    await at.shown(0, "approve", rotation);
    await at.until(rotation, "grace_period");
  });

  it("a target that is gone: before promotion the rotation is cancelled, later it needs a person", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    await at.configure({ targets: {} });
    await at.until(id, "cancelled");
  });

  it("a target that is gone after promotion needs a person, and nothing is deactivated", async () => {
    await at.configure({ policy: { ...POLICY, drain: { quietFor: "1h", limit: "2h" } } });
    const { rotation } = await at.bringTo("billing", "draining");
    await at.configure({ targets: {} });
    await at.until(rotation, "attention:target_removed");
  });
});
