import { describe, expect, it } from "vitest";
import { drives } from "../support/drives.ts";

describe("a rotation from proposal to archive", () => {
  const open = drives();

  it("passes every state in the order of the table, and leaves one key, one value and no companion", async () => {
    const d = await open();
    const { id } = await d.to("completed");
    const r = await d.step(id);
    expect(r.history.map((h) => h.event)).toEqual([
      "opened",
      "approved",
      "staged",
      "verified",
      "promoted",
      "propagated",
      "drained",
      "outgoing_inactive",
      "elapsed",
      "outgoing_gone",
    ]);
    expect(await d.statusCalls()).toEqual([`inactive ${r.outgoing.id}`, `archived ${r.outgoing.id}`]);
    expect(await d.status(r.replacement?.id ?? "")).toBe("active");
    expect((await d.file("billing.env")).split("\n").slice(0, 2)).toEqual(["# billing", "DB_PASSWORD=unrelated"]);
    expect(Object.keys(await d.folder()).filter((name) => name.includes("pending"))).toEqual([]);
    expect(r).toMatchObject({ cleanedUp: true, wakeAt: null });
  });

  it("P11: every decision and effect is on record before it acts, by whom and with what evidence", async () => {
    const d = await open();
    const { id, outgoing } = await d.to("completed");
    const mine = (await d.audit()).filter((e) => e.rotation === id);
    const actions = mine.map((e) => e.action);
    for (const [intent, effect] of [
      ["promote.intended", "destination.promoted"],
      ["deactivate.intended", "rotation.outgoing_inactive"],
      ["archive.intended", "archive.sent"],
      ["archive.sent", "rotation.outgoing_gone"],
    ] as const) {
      expect(actions.indexOf(intent)).toBeGreaterThan(0);
      expect(actions.indexOf(intent)).toBeLessThan(actions.indexOf(effect));
    }
    const proof = mine.find((e) => e.action === "deactivate.intended")?.evidence;
    expect(proof).toMatchObject({
      keyId: outgoing.id,
      proof: { requestIds: [expect.any(String), expect.any(String)] },
    });
    expect(await d.deps.audit.verify()).toMatchObject({ intact: true });
  });

  it("R5: in the grace period the replacement may itself be rotated; neither disturbs the other", async () => {
    const d = await open({
      config: { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true } } },
    });
    const first = await d.to("grace_period");
    const second = await d.to("draining");
    expect(second.outgoing.id).toBe(first.replacement?.id);
    await d.until(first.id, "completed");
    await d.step(first.id);
    const [dest] = second.plan.destinations;
    if (dest === undefined) throw new Error("no destination");
    expect(await (await d.deps.stores.of(dest)).readMarks(dest)).toMatchObject({ rotation: second.id });
    await d.until(second.id, "completed");
    expect(await d.status(second.outgoing.id)).toBe("archived");
  });
});
