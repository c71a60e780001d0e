import { describe, expect, it } from "vitest";
import { hold, unhold } from "../../src/app/hold.ts";
import { revoke } from "../../src/app/revoke.ts";
import { DAY, type Drive, ana, refusal } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "24h", limit: "3d" } } };
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";
const managed = { unmanaged: false };

describe("R17, P5: holds", () => {
  const open = drives();

  it.each(["billing", "key"])("a hold on the %s wins over revoke: exit 75, naming who holds it", async (what) => {
    const d = await open({ config });
    await hold(d.deps, what === "key" ? outgoing(d) : "billing", ana);
    const error = await refusal(revoke(d.deps, "billing", ana, managed));
    expect([error.code, error.exit]).toEqual(["HELD", 75]);
    expect(await d.statusCalls()).toEqual([]);
    expect(error.message).toContain("cli:ana@laptop");
  });

  it("a hold in the configuration names the file", async () => {
    const d = await open({ config: { ...config } });
    await d.lab.configure({ holds: ["billing"] });
    d.deps = await d.again();
    const error = await refusal(revoke(d.deps, "billing", ana, managed));
    expect(error.message).toContain("keyturn.yaml");
    const unheld = await refusal(unhold(d.deps, "billing", ana));
    expect([unheld.exit, unheld.next]).toEqual([75, expect.stringContaining("keyturn.yaml")]);
  });

  it("staging and promoting go on under a hold; deactivating waits, and goes on after it", async () => {
    const d = await open({
      config: { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } },
    });
    const { id } = await d.to("verifying");
    expect(await hold(d.deps, "billing", ana)).toEqual({ subject: "billing", held: true, marks: 1 });
    for (let i = 0; i < 6; i++) await d.step(id);
    expect(await d.load(id)).toMatchObject({ state: "draining", attention: { code: "held" } });
    await unhold(d.deps, "billing", ana);
    await d.until(id, "grace_period");
  });

  it("a hold in the grace period stops the clock; at least a day remains after it", async () => {
    const d = await open({ config });
    const { id, graceEndsAt } = await d.to("grace_period");
    await d.turn((graceEndsAt ?? 0) - d.deps.clock.now() - 1000);
    await hold(d.deps, outgoing(d), ana);
    await d.step(id);
    await d.turn(30 * DAY);
    expect((await d.step(id)).attention?.code).toBe("held");
    await unhold(d.deps, outgoing(d), ana);
    const r = await d.step(id);
    expect((r.graceEndsAt ?? 0) - d.deps.clock.now()).toBeGreaterThan(DAY - 10_000);
    expect(await d.status(outgoing(d))).toBe("inactive");
    await d.until(id, "completed");
  });

  it("with the store down: in force, but exit 69 says that it would not survive the loss of Redis", async () => {
    const d = await open({ config });
    const { id } = await d.to("deactivating");
    d.down.add("billing.env");
    const error = await refusal(hold(d.deps, "billing", ana));
    expect([error.code, error.exit]).toEqual(["HOLD_NOT_DURABLE", 69]);
    d.down.clear();
    expect((await d.step(id)).attention?.code).toBe("held");
    expect(await d.statusCalls()).toEqual([]);
    expect((await hold(d.deps, "billing", ana)).marks).toBe(1);
  });

  it("lifting the hold on the key keeps the mark of the hold on its target", async () => {
    const d = await open({ config });
    const { plan } = await d.to("draining");
    const [dest] = plan.destinations;
    if (dest === undefined) throw new Error("no destination");
    const mark = async () => (await (await d.deps.stores.of(dest)).readMarks(dest))["hold"];
    await hold(d.deps, "billing", ana);
    await hold(d.deps, outgoing(d), ana);
    await unhold(d.deps, outgoing(d), ana);
    expect(await mark()).toBe("billing");
    await unhold(d.deps, "billing", ana);
    expect(await mark()).toBeUndefined();
  });

  it("a misspelt target or key is no hold: exit 64", async () => {
    const d = await open({ config });
    for (const name of ["biling", "apikey_01Rj2N8SVvo6BePZj99NhmiT"])
      expect((await refusal(hold(d.deps, name, ana))).exit).toBe(64);
  });
});
