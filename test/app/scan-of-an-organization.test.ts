import { rename } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { reject } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { DAY, type Drive, ana, refusal } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const look = (d: Drive, deps: Deps = d.deps) => scan(deps, { dryRun: false });
const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };

/** Everything that a scan could change: files, Redis by its own words, and the requests that are no reading. */
async function world(d: Drive): Promise<unknown> {
  const { deps } = d;
  const records: unknown[] = [];
  for await (const r of deps.rotations.all()) records.push(r);
  const [holds, lastScan, statuses, seen, head] = await Promise.all([
    deps.holds.list(),
    deps.scanLog.lastSuccess(),
    deps.scanLog.statuses(),
    deps.scanLog.seenFingerprints(),
    deps.audit.head(),
  ]);
  const writes = (await d.console.requests()).filter((r) => r.method !== "GET");
  return { files: await d.folder(), records, holds, lastScan, statuses, seen, head, writes };
}

describe("a scan of a whole organization", () => {
  const open = drives();

  it("a dry run says what is due and changes nothing: no file, no record, no request but GETs", async () => {
    const d = await open({ targets: { billing: {}, young: { ageDays: 3 } } });
    const before = await world(d);
    const result = await scan(d.deps, { dryRun: true });
    expect(result).toMatchObject({ schema: 1, opened: [], rebuilt: [], problems: [] });
    expect(result.targets.map((t) => [t.name, t.due, t.reason, t.ageDays])).toEqual([
      ["billing", true, "age", 100],
      ["young", false, "not_due", 3],
    ]);
    expect(await world(d)).toEqual(before);
  });

  it("what is due is opened once; the next scan says that it is open", async () => {
    const d = await open();
    const { opened } = await look(d);
    expect(opened).toHaveLength(1);
    expect((await look(d)).opened).toEqual([]);
    expect(await d.load(opened[0] ?? "")).toMatchObject({
      state: "awaiting_approval",
      reason: "age",
      target: "billing",
    });
  });

  it("R23: of two scans at once one is told to come back: exit 75", async () => {
    const d = await open();
    const gate = await d.console.addFault({ match: { path: "^/v1/organizations/api_keys$" }, fault: { kind: "gate" } });
    const first = look(d);
    await d.console.untilFaultHits(gate);
    const error = await refusal(look(d));
    await d.console.removeFault(gate);
    expect([error.code, error.exit, (await first).opened.length]).toEqual(["LOCK_HELD", 75, 1]);
  });

  it("P12: a list that breaks off half-way concludes and opens nothing: exit 69", async () => {
    const d = await open();
    await d.console.seedBulk({ count: 1500 });
    await d.console.addFault({
      match: { path: "^/v1/organizations/api_keys$" },
      after: 1,
      times: null,
      fault: { kind: "overloaded" },
    });
    expect((await refusal(look(d))).exit).toBe(69);
    expect(await d.deps.rotations.openIds()).toEqual([]);
    await d.console.clearFaults();
    expect((await look(d)).opened).toHaveLength(1);
  });

  it("five thousand keys: the one in use is found, the active others are reported as unmanaged", async () => {
    const d = await open();
    await d.console.seedBulk({ count: 5000, statuses: ["active", "archived"] });
    const { opened, unmanaged } = await look(d);
    expect([opened.length, unmanaged.length]).toEqual([1, 2500]);
    expect(unmanaged[0]).toEqual({
      keyId: expect.stringMatching(/^apikey_/),
      name: expect.any(String),
      ageDays: expect.any(Number),
    });
  });

  it("one store down: its target is a problem, the others go on", async () => {
    const d = await open({ targets: { billing: {}, reports: {} } });
    d.down.add("billing.env");
    const { opened, problems } = await look(d);
    expect(problems).toMatchObject([{ code: "store_unavailable", target: "billing" }]);
    expect((await d.load(opened[0] ?? "")).target).toBe("reports");
  });

  it("R20: rejected, it is not proposed again for a week; a leak response in between is urgent", async () => {
    const d = await open();
    await reject(d.deps, (await look(d)).opened[0] ?? "", ana, null);
    await d.turn(6 * DAY);
    expect((await look(d)).targets[0]).toMatchObject({ due: false, reason: "not_before" });
    await d.console.disableKey(d.keys["billing"]?.key.id ?? "");
    const [id] = (await look(d)).opened;
    expect(await d.load(id ?? "")).toMatchObject({ reason: "deactivated_elsewhere", plan: { urgency: "urgent" } });
  });

  it("R20: rolled back, it is not proposed again by itself", async () => {
    const d = await open({ config });
    const { id, replacement } = await d.to("draining");
    await d.console.disableKey(replacement?.id ?? "");
    await d.until(id, "rolled_back");
    await d.step(id);
    await d.turn(30 * DAY);
    expect((await look(d)).opened).toEqual([]);
    expect((await d.open()).state).toBe("awaiting_approval");
  });

  it("R11: a value pasted over ours is bound by itself, and said to be changed elsewhere", async () => {
    const d = await open({ config });
    await d.step((await d.to("completed")).id);
    const third = await d.console.seedKey({ name: "third", ageDays: 120 });
    await d.lab.setValue("billing", third.secret);
    const { targets, problems } = await look(d);
    expect(targets[0]).toMatchObject({ keyId: third.key.id, due: true });
    expect(problems.map((p) => p.code)).toContain("changed_elsewhere");
  });

  it("R23: a destination with another installation's open rotation is not opened and not touched", async () => {
    const d = await open();
    const { id } = await d.open();
    await d.lab.configure({ install: "elsewhere" });
    const other = await d.again();
    const before = await d.folder();
    const { opened, problems } = await look(d, other);
    expect([opened, problems.map((p) => p.code)]).toEqual([[], ["managed_elsewhere"]]);
    // The other installation keeps its audit log in the same folder.
    const audit = { "audit.jsonl": "", "audit.jsonl.host": "" };
    expect({ ...(await d.folder()), ...audit }).toEqual({ ...before, ...audit });
    expect((await d.load(id)).state).toBe("awaiting_approval");
  });

  it("R22: a rule's target lives through its rotation: the replacement must have its name", async () => {
    const d = await open({ targets: {}, config });
    const key = await d.console.seedKey({ name: "prod-billing", ageDays: 100 });
    await d.lab.setValue("prod-billing", key.secret);
    await rename(`${d.lab.dir}/prod-billing.env`, `${d.lab.dir}/prod-billing`);
    const rules = [
      { match: { name: "prod-*" }, destinations: [{ store: "files", secret: "{name}", field: "ANTHROPIC_API_KEY" }] },
    ];
    await d.lab.configure({ rules });
    d.deps = await d.again();
    const [id = ""] = (await look(d)).opened;
    expect(await d.load(id)).toMatchObject({
      target: "rule:files/prod-billing#ANTHROPIC_API_KEY",
      plan: { requiredName: "prod-billing" },
    });
    await d.until(id, "awaiting_replacement");
    expect((await refusal(d.submit(id, (await d.make({ name: "prod-billing-2026" })).secret))).reason).toBe(
      "wrong_name",
    );
    await d.until(id, "completed");
    await d.step(id);
    await d.turn(91 * DAY);
    const [again = ""] = (await look(d)).opened;
    expect((await d.load(again)).target).toBe("rule:files/prod-billing#ANTHROPIC_API_KEY");
  });
});
