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
  outgoing = await at.target("billing", 100);
});
afterEach(() => at.close());

const untouched = async () => {
  expect(await at.value("billing")).toBe(outgoing.text);
  expect(await at.status(outgoing.id)).toBe("active");
};
const reasonOfScan = async (): Promise<unknown> => {
  const { targets } = (await at.shown(0, "scan", "--dry-run")) as unknown as {
    targets: { reason: string; due: boolean }[];
  };
  return targets[0];
};

describe("before anything happened", () => {
  it("a rejected rotation is not proposed again for 7 days, but `rotate` opens one", async () => {
    const [id] = (await at.runOnce()).opened;
    const view = await at.shown(0, "reject", id as string, "--reason", "not now");
    expect(view).toMatchObject({ state: "rejected", needsAttention: null, dueAt: null });
    const days = (Date.parse(view.notBefore as string) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.99);
    expect(days).toBeLessThanOrEqual(7);
    expect((await at.runOnce()).opened).toEqual([]);
    expect(await reasonOfScan()).toMatchObject({ due: false, reason: "not_before" });
    expect((await at.shown(0, "rotate", "billing")).state).toBe("awaiting_approval");
    await untouched();
  });

  it.each([
    { until: "2d", code: 0 },
    { until: "31d", code: 64 },
    { until: "yesterday", code: 64 },
    { until: "2020-01-01", code: 64 },
  ])("snooze --until $until ends with $code", async ({ until, code }) => {
    await at.runOnce();
    const ran = await at.run("snooze", "billing", "--until", until, "--json");
    expect(ran.code).toBe(code);
    if (code === 0) expect(JSON.parse(ran.stdout)).toMatchObject({ state: "snoozed" });
    await untouched();
  });

  it("`retry` lifts what a snooze put off", async () => {
    await at.runOnce();
    const { id } = await at.shown(0, "snooze", "billing", "--until", "2d");
    expect((await at.runOnce()).opened).toEqual([]);
    await at.shown(0, "retry", id);
    expect((await at.runOnce()).opened).toHaveLength(1);
  });

  it("an approval that does not come in time expires, and is not asked for again at once", async () => {
    await at.configure({ policy: { ...POLICY, approval: { required: true, approvals: 1, expiresAfter: "1ms" } } });
    await at.runOnce();
    const view = await at.until("billing", "expired");
    expect(view.notBefore).not.toBeNull();
    expect(await reasonOfScan()).toMatchObject({ due: false, reason: "not_before" });
  });

  it("three ends without `completed` are enough: a problem, no fourth", async () => {
    for (let round = 0; round < 3; round++) {
      const { id } = await at.shown(0, "rotate", "billing");
      await at.shown(0, "cancel", id);
    }
    const result = await at.runOnce();
    expect(result.opened).toEqual([]);
    expect(result.problems.map((p) => p.code)).toContain("gives_up");
  });

  it("decisions that came too late are answered with 75, and change nothing; the same one again is done already", async () => {
    await at.runOnce();
    const { id } = await at.shown(0, "reject", "billing");
    await at.shown(0, "reject", id);
    for (const words of [
      ["approve", id],
      ["cancel", id],
      ["snooze", id, "--until", "1d"],
      ["reinstate", id],
      ["proceed", id, "--reason", "x"],
    ]) {
      const ran = await at.run(...words, "--json");
      expect([words[0], ran.code, errorOf(ran).code]).toEqual([words[0], 75, "wrong_state"]);
    }
    expect((await at.shown(0, "show", id)).state).toBe("rejected");
  });
});

describe("cancel", () => {
  it("in awaiting_replacement leaves everything as it was", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    expect((await at.shown(0, "cancel", id)).state).toBe("rolling_back");
    await at.until(id, "cancelled");
    await untouched();
  });

  it("in verifying discards the pending value; the same key is welcome in the next rotation (R12)", async () => {
    await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "no_credit", as: 402 } });
    const { rotation, replacement } = await at.bringTo("billing", "attention:verification_inconclusive");
    await at.shown(0, "cancel", rotation);
    await at.until(rotation, "cancelled");
    await untouched();
    await at.console.clearFaults();
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    expect((await at.submit(id, replacement.text)).code).toBe(0);
    await at.until(id, "grace_period");
  });

  it("in draining puts the old value back; the replacement is left over and named", async () => {
    await at.configure({ policy: { ...POLICY, drain: { quietFor: "1h", limit: "2h" } } });
    const { rotation, replacement } = await at.bringTo("billing", "draining");
    expect(await at.value("billing")).toBe(replacement.text);
    await at.shown(0, "cancel", rotation, "--reason", "wrong workspace");
    await at.until(rotation, "cancelled");
    await untouched();
    expect(await at.status(replacement.id)).toBe("active");
    const { problems } = await at.runOnce();
    expect(problems.map((p) => p.code)).toContain("leftover_key");
  });

  it("in grace is refused: the way back there is `reinstate`", async () => {
    const { rotation } = await at.bringTo("billing", "grace_period");
    const ran = await at.run("cancel", rotation, "--json");
    expect(ran.code).toBe(75);
    expect(errorOf(ran).next).toContain("reinstate");
  });
});

describe("a replacement that does not come, or is no good", () => {
  it("expires in awaiting_replacement", async () => {
    await at.configure({ policy: { ...POLICY, replacementWithin: "1ms" } });
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    await at.until(id, "expired");
    await untouched();
  });

  it("a key that dies while it is verified is discarded, and a person asked for another with a new deadline", async () => {
    await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "no_credit", as: 402 } });
    const { rotation, replacement } = await at.bringTo("billing", "attention:verification_inconclusive");
    await at.console.disableKey(replacement.id);
    await at.console.clearFaults();
    await at.shown(0, "retry", rotation);
    const view = await at.until(rotation, "awaiting_replacement");
    expect(view.replacementKey).toBeNull();
    expect(view.deadline).not.toBeNull();
    await untouched();
    await at.submitNew(rotation);
    await at.until(rotation, "grace_period");
  });

  it("a key that dies after promotion sends everything back (R7)", async () => {
    await at.configure({ policy: { ...POLICY, drain: { quietFor: "1h", limit: "2h" } } });
    const { rotation, replacement } = await at.bringTo("billing", "draining");
    await at.console.disableKey(replacement.id);
    await at.until(rotation, "rolled_back");
    await untouched();
  });
});
