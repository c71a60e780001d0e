import { describe, expect, it } from "vitest";
import { cancel } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import type { State } from "../../src/rotation/states.ts";
import { DAY, type Drive, ana } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };
const start = (more: Parameters<ReturnType<typeof drives>>[0] = {}) => ({ config, ...more });
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";

describe("R7: what others do to the keys is noticed and answered", () => {
  const open = drives();

  it.each<{ state: State }>([
    { state: "promoting" },
    { state: "propagating" },
    { state: "draining" },
    { state: "deactivating" },
  ])("the replacement is disabled in $state: the old value goes back, the key is left alone", async ({ state }) => {
    const d = await open(start());
    const { id, replacement } = await d.to(state);
    await d.console.disableKey(replacement?.id ?? "");
    expect((await d.step(id)).state).toBe("rolling_back");
    await d.until(id, "rolled_back");
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
    expect([await d.status(outgoing(d)), await d.status(replacement?.id ?? "")]).toEqual(["active", "inactive"]);
    expect(await d.statusCalls()).toEqual([]);
  });

  it("the replacement is disabled while it is verified: discarded, another is asked for", async () => {
    const d = await open(start());
    const { id, replacement } = await d.to("verifying");
    await d.console.disableKey(replacement?.id ?? "");
    expect(await d.step(id)).toMatchObject({ state: "awaiting_replacement", replacement: null });
  });

  it("the replacement is disabled in the grace period: never archived, `reinstate` is the way", async () => {
    const d = await open(start());
    const { id, replacement } = await d.to("grace_period");
    await d.console.disableKey(replacement?.id ?? "");
    await d.turn(8 * DAY);
    for (let i = 0; i < 3; i++)
      expect(await d.step(id)).toMatchObject({ state: "grace_period", attention: { code: "replacement_dead" } });
    expect((await d.load(id)).attention?.next).toContain("keyturn reinstate");
    await reinstate(d.deps, id, ana);
    await d.until(id, "reinstated");
    expect(await d.status(outgoing(d))).toBe("active");
  });

  it("the outgoing key is re-enabled in the grace period: back to draining, and only a person goes on", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    await d.console.enableKey(outgoing(d));
    expect((await d.step(id)).state).toBe("draining");
    for (let i = 0; i < 2; i++)
      expect(await d.step(id)).toMatchObject({ state: "draining", attention: { code: "outgoing_reactivated" } });
    expect(await d.statusCalls()).toHaveLength(1);
  });

  it.each<{ state: State; what: "disableKey" | "deleteKey"; to: State }>([
    { state: "draining", what: "disableKey", to: "grace_period" },
    { state: "draining", what: "deleteKey", to: "completed" },
    { state: "deactivating", what: "disableKey", to: "grace_period" },
    { state: "deactivating", what: "deleteKey", to: "completed" },
    { state: "grace_period", what: "deleteKey", to: "completed" },
    { state: "archiving", what: "deleteKey", to: "completed" },
  ])("the outgoing key: $what by others in $state → $to, without a call of ours", async ({ state, what, to }) => {
    const d = await open(start());
    const { id } = await d.to(state);
    const before = await d.statusCalls();
    await d.console[what](outgoing(d));
    expect((await d.step(id)).state).toBe(to);
    expect(await d.statusCalls()).toEqual(before);
  });

  it("the outgoing key is gone while a replacement is awaited: a person is told, and a replacement still completes it", async () => {
    const d = await open(start());
    const { id } = await d.to("awaiting_replacement");
    await d.console.deleteKey(outgoing(d));
    expect((await d.step(id)).attention?.code).toBe("outgoing_dead");
    await d.submit(id, (await d.make()).secret);
    await d.until(id, "completed");
    expect(await d.statusCalls()).toEqual([]);
  });

  it.each<{ state: State }>([{ state: "propagating" }, { state: "draining" }, { state: "grace_period" }])(
    "a destination is put back by hand in $state: nothing destructive, and it resumes when that is undone",
    async ({ state }) => {
      const d = await open(start());
      const { id } = await d.to(state);
      const now = await d.value("billing.env");
      const calls = await d.statusCalls();
      await d.lab.setValue("billing", d.keys["billing"]?.secret ?? "");
      await d.turn(8 * DAY);
      for (let i = 0; i < 2; i++)
        expect((await d.step(id)).attention?.code).toMatch(/destination_changed|propagation_limit/);
      expect(await d.statusCalls()).toEqual(calls);
      await d.lab.setValue("billing", now);
      await d.until(id, "completed");
    },
  );

  it("R8: a third key in every destination is fine for archiving when it answers, and not when it does not", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    const third = await d.make({ name: "third" });
    await d.lab.setValue("billing", third.secret);
    await d.console.disableKey(third.key.id);
    await d.turn(8 * DAY);
    await d.until(id, "archiving");
    await d.step(id);
    expect(await d.step(id)).toMatchObject({ state: "grace_period", attention: { code: "replacement_unproven" } });
    await d.console.enableKey(third.key.id);
    await d.until(id, "completed");
  });

  it("R14: rolling back needs an outgoing key that works; until then nothing is put back", async () => {
    const d = await open(start());
    const { id, replacement } = await d.to("draining");
    await d.console.disableKey(replacement?.id ?? "");
    await d.step(id);
    await d.console.disableKey(outgoing(d));
    expect(await d.step(id)).toMatchObject({ state: "rolling_back", attention: { code: "nothing_to_roll_back_to" } });
    expect(await d.value("billing.env")).not.toBe(d.keys["billing"]?.secret);
    await d.console.enableKey(outgoing(d));
    await d.until(id, "rolled_back");
  });

  it("R14: half promoted is no failure: the rest follows when its store is back; no key was touched", async () => {
    const d = await open(start({ targets: { billing: { files: ["billing.env", "eu.env"] } } }));
    const { id } = await d.to("promoting");
    const gone = await d.file("eu.env");
    const stores = d.deps.stores;
    let writes = 0;
    const half: Deps = {
      ...d.deps,
      stores: {
        ...stores,
        of: async (dest) => {
          if (dest.secret === "eu.env" && ++writes > 3) d.down.add("eu.env");
          return stores.of(dest);
        },
      },
    };
    await d.step(id, half);
    expect(await d.value("billing.env")).not.toBe(d.keys["billing"]?.secret);
    expect([await d.file("eu.env"), (await d.load(id)).state]).toEqual([gone, "promoting"]);
    await d.step(id);
    d.down.clear();
    await d.until(id, "completed");
    expect(await d.value("eu.env")).toBe(await d.value("billing.env"));
  });

  it("R14: rolling back leaves a destination that others changed, and names it", async () => {
    const d = await open(start({ targets: { billing: { files: ["billing.env", "eu.env"] } } }));
    const { id } = await d.to("draining");
    const third = (await d.make({ name: "third" })).secret;
    await d.lab.setValue("eu", third);
    await cancel(d.deps, id, ana, null);
    await d.until(id, "cancelled");
    expect([await d.value("billing.env"), await d.value("eu.env")]).toEqual([d.keys["billing"]?.secret, third]);
    expect((await d.audit()).find((e) => e.action === "rotation.done")).toMatchObject({
      evidence: { leftAsFound: ["files:eu.env#ANTHROPIC_API_KEY"] },
    });
    expect(await d.statusCalls()).toEqual([]);
  });
});

describe("R1, P1: no configured destination of any target holds the outgoing key when it goes", () => {
  const open = drives();

  it("another target that got it meanwhile stops the deactivation; replaced there, it goes on", async () => {
    const d = await open(start({ targets: { billing: {}, reports: {} } }));
    const { id } = await d.to("deactivating");
    await d.lab.setValue("reports", d.keys["billing"]?.secret ?? "");
    await d.step(id);
    const r = await d.step(id);
    expect(r).toMatchObject({ state: "draining", attention: { code: "outgoing_in_use_elsewhere" } });
    expect(r.attention?.message).toContain("files:reports.env");
    expect(await d.statusCalls()).toEqual([]);
    await d.lab.setValue("reports", d.keys["reports"]?.secret ?? "");
    await d.turn(10_000);
    await d.until(id, "grace_period");
  });

  it("a configured destination that cannot be read may hold it: nothing happens until it can", async () => {
    const d = await open(start({ targets: { billing: {}, reports: {} } }));
    const { id } = await d.to("deactivating");
    d.down.add("reports.env");
    for (let i = 0; i < 3; i++) expect((await d.step(id)).state).toBe("deactivating");
    await d.turn(11 * 60_000);
    expect((await d.step(id)).attention?.code).toMatch(/store_unavailable|destination_unreadable/);
    expect(await d.statusCalls()).toEqual([]);
    d.down.clear();
    await d.turn(10_000);
    await d.until(id, "grace_period");
  });

  it("P4: nor is it archived while another target holds it", async () => {
    const d = await open(start({ targets: { billing: {}, reports: {} } }));
    const { id } = await d.to("archiving");
    await d.lab.setValue("reports", d.keys["billing"]?.secret ?? "");
    await d.turn(10_000);
    await d.step(id);
    expect(await d.load(id)).toMatchObject({ state: "grace_period", attention: { code: "outgoing_in_use_elsewhere" } });
    expect(await d.status(outgoing(d))).toBe("inactive");
  });
});
