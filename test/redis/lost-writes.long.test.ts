import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Installation, installAt } from "../e2e/installation.ts";
import { type Topology, startSentinel } from "../support/redis-topology.ts";

describe("R16, P8: a failover that loses confirmed writes", () => {
  let redis: Topology;
  let at: Installation;
  beforeAll(async () => {
    redis = await startSentinel();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.flush();
    at = await installAt("", { redis: redis.config });
  });
  afterEach(() => at.close());

  it("the record is set back to before the deactivation: nothing is done again, and a scan rebuilds what was", async () => {
    const outgoing = await at.target("billing", 100);
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    const replacement = await at.submitNew(id);
    expect((await at.shown(0, "show", id)).state).toBe("verifying");
    await redis.untilWhole();

    // From now on the master confirms what no replica gets to see.
    const master = await redis.master();
    const replicas = redis.nodes.filter((node) => node !== master);
    for (const replica of replicas) replica.freeze();
    await master.ask("CLIENT", "KILL", "TYPE", "replica");
    const before = await at.until(id, "grace_period");
    expect(await at.status(outgoing.id)).toBe("inactive");
    await master.kill();
    for (const replica of replicas) replica.thaw();
    await expect.poll(async () => (await redis.master()).port, { timeout: 60_000 }).not.toBe(master.port);
    await expect
      .poll(async () => (await at.run("show", id, "--json")).code, { timeout: 60_000, interval: 200 })
      .toBe(0);
    expect((await at.shown(0, "show", id)).state).toBe("verifying");

    const result = await at.runOnce();
    expect(result.problems).toContainEqual(expect.objectContaining({ code: "state_behind", target: "billing" }));
    const after = await at.shown(0, "show", id);
    expect([after.state, after.replacementKey?.id]).toEqual(["grace_period", replacement.id]);
    expect(after.revision).toBeGreaterThan(before.revision);
    const changes = (await at.console.requests()).filter((r) => r.method === "POST" && r.path.includes("/api_keys/"));
    expect(changes.filter((r) => r.applied).map((r) => r.bodyStatus)).toEqual(["inactive"]);
    expect([await at.value("billing"), await at.status(replacement.id)]).toEqual([replacement.text, "active"]);
    expect((await at.run("audit", "verify")).code).toBe(0);
    await master.start();
    await redis.untilWhole();
  }, 300_000);
});
