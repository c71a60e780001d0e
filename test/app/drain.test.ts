import { describe, expect, it } from "vitest";
import { proceed, retry } from "../../src/app/decisions.ts";
import { hold, unhold } from "../../src/app/hold.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { DAY, type Drive, ana, refusal } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const HOUR = 3_600_000;
const config = { policy: { gracePeriod: "7d", drain: { quietFor: "24h", limit: "3d" } } };

/** Looks twice a day for so long. */
async function pass(d: Drive, id: string, ms: number): Promise<Rotation> {
  for (let at = 0; at < ms; at += 12 * HOUR) {
    await d.turn(12 * HOUR);
    if ((await d.step(id)).state !== "draining") break;
  }
  return d.load(id);
}

describe("R13: the outgoing key is deactivated only when it is out of use", () => {
  const start = drives();
  const used = (d: Drive, days: number, keyId = d.keys["billing"]?.key.id ?? "") =>
    d.console.injectUsage({ keyId, days: { count: days, endingDaysAgo: 1 } });

  it("a key that was never used is drained after `quietFor`, not an hour before", async () => {
    const d = await start({ config });
    const { id } = await d.to("draining");
    expect((await d.step(id)).state).toBe("draining");
    await d.turn(22 * HOUR);
    expect((await d.step(id)).state).toBe("draining");
    await d.turn(2.2 * HOUR);
    expect((await d.step(id)).state).toBe("deactivating");
  });

  it("a key in daily use: quiet, and the replacement shows use of its own", async () => {
    const d = await start({ config });
    await used(d, 20);
    const { id, replacement } = await d.to("draining");
    await d.console.use({ keyId: replacement?.id ?? "", times: 3 });
    expect((await pass(d, id, 2 * DAY)).state).toBe("deactivating");
  });

  it("our own verification calls are no use of the application's: replacement_unused, past the limit, to a person", async () => {
    const d = await start({ config });
    await used(d, 20);
    const { id } = await d.to("draining");
    expect(await pass(d, id, 2.5 * DAY)).toMatchObject({ state: "draining", attention: null });
    expect(await pass(d, id, DAY)).toMatchObject({ state: "draining", attention: { code: "replacement_unused" } });
    expect(await d.statusCalls()).toEqual([]);
  });

  it("still used past the limit: a person is asked, with the key and its last use; it never goes on by itself", async () => {
    const d = await start({ config });
    await used(d, 20);
    const { id, replacement, outgoing } = await d.to("draining");
    for (let day = 0; day < 4; day++) {
      await d.console.use({ keyId: outgoing.id });
      await d.console.use({ keyId: replacement?.id ?? "" });
      await d.turn(DAY);
      await d.step(id);
    }
    const r = await d.load(id);
    expect(r).toMatchObject({ state: "draining", attention: { code: "outgoing_still_used" } });
    expect(r.attention?.message).toContain(outgoing.name);
    expect(r.attention?.message).toMatch(/last use: 20\d\d-\d\d-\d\dT/);
    expect(r.attention?.message).toContain("Rejected calls, token counting and model lists leave no trace.");
    await retry(d.deps, id, ana);
    expect((await d.step(id)).state).toBe("draining");
    expect(await d.statusCalls()).toEqual([]);
    // … but it resumes when the cause is gone.
    expect((await pass(d, id, 2 * DAY)).state).toBe("deactivating");
  });

  it("a weekly batch: quiet for a day proves nothing", async () => {
    const d = await start({ config: { policy: { drain: { quietFor: "24h", limit: "14d" } } } });
    const keyId = d.keys["billing"]?.key.id ?? "";
    for (const ago of [1, 8, 15]) await d.console.injectUsage({ keyId, days: { count: 1, endingDaysAgo: ago } });
    const { id, replacement } = await d.to("draining");
    await d.console.use({ keyId: replacement?.id ?? "" });
    expect((await pass(d, id, 5 * DAY)).state).toBe("draining");
    expect((await pass(d, id, 2 * DAY)).state).toBe("deactivating");
  });

  it("a habit longer than the limit is for a person to decide", async () => {
    const d = await start({ config: { policy: { drain: { quietFor: "24h", limit: "3d" } } } });
    const keyId = d.keys["billing"]?.key.id ?? "";
    for (const ago of [1, 11, 21]) await d.console.injectUsage({ keyId, days: { count: 1, endingDaysAgo: ago } });
    const { id } = await d.to("draining");
    expect(await pass(d, id, 4 * DAY)).toMatchObject({ state: "draining", attention: { code: "usage_unknown" } });
  });

  it("P12: freshness unknown proves nothing: usage_unknown past the limit, and not before", async () => {
    const d = await start({ config });
    await d.console.settings({ dataRefreshedAt: "null" });
    const { id } = await d.to("draining");
    expect(await pass(d, id, 2.5 * DAY)).toMatchObject({ state: "draining", attention: null });
    expect(await pass(d, id, DAY)).toMatchObject({ state: "draining", attention: { code: "usage_unknown" } });
    expect((await d.load(id)).attention?.next).toContain(`keyturn proceed ${id} --reason`);
  });

  it.each([403, 404] as const)(
    "without the analytics endpoint (%i) the legacy report is read, an hour short of now",
    async (status) => {
      const d = await start({ config });
      await d.console.settings({ analytics: "off", analyticsOffStatus: status });
      const { id } = await d.to("draining");
      await d.turn(24.5 * HOUR);
      expect((await d.step(id)).state).toBe("draining");
      await d.turn(HOUR);
      expect((await d.step(id)).state).toBe("deactivating");
    },
  );

  it("usage reports that lag are waited for", async () => {
    const d = await start({ config });
    await d.console.settings({ usageLagMs: 6 * HOUR });
    const { id } = await d.to("draining");
    await d.turn(27 * HOUR);
    expect((await d.step(id)).state).toBe("draining");
    await d.turn(4 * HOUR);
    expect((await d.step(id)).state).toBe("deactivating");
  });

  it("no billable call with the outgoing key after promotion, none of ours at all", async () => {
    const d = await start({ config });
    const { id, outgoing } = await d.to("grace_period");
    await d.until(id, "completed");
    const messages = (await d.console.requests()).filter((r) => r.path === "/v1/messages");
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((r) => r.keyId === outgoing.id)).toEqual([]);
  });

  it("`quietFor: 0s` with acceptNoUsageCheck asks nobody", async () => {
    const d = await start({ config: { policy: { drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true } } } });
    const { id } = await d.to("draining");
    expect((await d.step(id)).state).toBe("deactivating");
    expect((await d.console.requests()).filter((r) => r.path.includes("usage"))).toEqual([]);
  });
});

describe("R13: `proceed` is a decision of its own", () => {
  const start = drives();

  it("with a reason, right after promotion; on record as an approval", async () => {
    const d = await start({ config });
    const { id } = await d.to("draining");
    expect((await refusal(proceed(d.deps, id, ana, "  "))).exit).toBe(64);
    const r = await proceed(d.deps, id, ana, "ticket 12");
    expect(r).toMatchObject({ state: "deactivating", approvals: [{}, { actor: "cli:ana@laptop" }] });
    expect((await d.audit()).find((e) => e.action === "rotation.proceed")).toMatchObject({
      actor: "cli:ana@laptop",
      evidence: { reason: "ticket 12" },
    });
    expect((await d.until(id, "grace_period")).state).toBe("grace_period");
  });

  it("not in other states, not under a hold, not under a changed plan", async () => {
    const d = await start({ config });
    const { id } = await d.to("promoting");
    expect((await refusal(proceed(d.deps, id, ana, "now"))).code).toBe("WRONG_STATE");
    await d.until(id, "draining");
    await hold(d.deps, "billing", ana);
    expect((await refusal(proceed(d.deps, id, ana, "now"))).code).toBe("HELD");
    await unhold(d.deps, "billing", ana);
    await d.lab.configure({ policy: { ...config.policy, gracePeriod: "1d" } });
    d.deps = await d.again();
    expect((await refusal(proceed(d.deps, id, ana, "now"))).code).toBe("WRONG_STATE");
  });

  it("P1: it does not go past P1: a destination put back by hand stops it", async () => {
    const d = await start({ config });
    const { id } = await d.to("draining");
    await proceed(d.deps, id, ana, "now");
    await d.lab.setValue("billing", d.keys["billing"]?.secret ?? "");
    expect(await d.step(id)).toMatchObject({ state: "draining" });
    expect(await d.step(id)).toMatchObject({ state: "draining", attention: { code: "destination_changed" } });
    expect(await d.statusCalls()).toEqual([]);
  });

  it("R17: a hold stops the drain limit; the rest runs after it, at least a day", async () => {
    const d = await start({ config: { policy: { drain: { quietFor: "24h", limit: "3d" } } } });
    await d.console.settings({ dataRefreshedAt: "null" });
    const { id } = await d.to("draining");
    await d.turn(2.9 * DAY);
    await hold(d.deps, "billing", ana);
    await d.step(id);
    expect((await d.step(id)).attention?.code).toBe("held");
    await d.turn(10 * DAY);
    expect((await d.step(id)).attention?.code).toBe("held");
    await unhold(d.deps, "billing", ana);
    const r = await d.step(id);
    expect(Math.abs((r.drainLimitAt ?? 0) - d.deps.clock.now() - DAY)).toBeLessThan(5000);
    expect((await d.step(id)).attention).toBeNull();
  });
});
