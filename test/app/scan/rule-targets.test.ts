import { beforeEach, describe, expect, it, vi } from "vitest";
import { scan } from "../../../src/app/scan/scan.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { aDestination } from "../../support/records.ts";
import { aRule } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const PLACE = aDestination("anthropic/prod-billing");
const NAME = "rule:files/anthropic/prod-billing#ANTHROPIC_API_KEY";
let world: World;
beforeEach(() => {
  world = makeWorld();
  world.addRule(aRule());
});
const full = () => scan(world.deps, { dryRun: false });
const names = async () => (await scan(world.deps, { dryRun: true })).targets.map((t) => t.name);

describe("R22: rules make targets of keys that no target names", () => {
  it("only where the destination already holds that key", async () => {
    const k = world.org.addKey({ name: "prod-billing", ageDays: 100 });
    world.org.addKey({ name: "prod-elsewhere", ageDays: 100 });
    world.put(PLACE, k.text);
    const { targets, opened, problems, unmanaged } = await full();
    expect(targets.map((t) => [t.name, t.keyId, t.due])).toEqual([[NAME, k.id, true]]);
    expect(await world.rotation(opened[0] ?? "")).toMatchObject({
      target: NAME,
      plan: { requiredName: "prod-billing" },
    });
    expect(unmanaged.map((u) => u.name)).toEqual(["prod-elsewhere"]);
    expect(problems).toEqual([]);
  });
  it("not where it holds another value: that is never overwritten", async () => {
    world.org.addKey({ name: "prod-billing", ageDays: 100 });
    world.put(PLACE, world.org.addKey({ name: "someone-elses" }).text);
    expect(await names()).toEqual([]);
  });
  it.each(["inactive", "expired", "archived"] as const)("not of a key that is %s", async (status) => {
    world.put(PLACE, world.org.addKey({ name: "prod-billing", ageDays: 100, status }).text);
    expect(await names()).toEqual([]);
  });
  it("not of a key whose hint is hidden: nothing ties it to the value", async () => {
    world.put(PLACE, world.org.addKey({ name: "prod-billing", hint: null }).text);
    expect(await names()).toEqual([]);
  });
  it("not of a key that a named target holds", async () => {
    const k = world.org.addKey({ name: "prod-billing" });
    world.setTarget("billing", k);
    world.put(PLACE, k.text);
    expect(await names()).toEqual(["billing"]);
  });
  it("two keys of that name are ambiguous: none applies", async () => {
    world.put(PLACE, world.org.addKey({ name: "prod-billing", ageDays: 100 }).text);
    world.org.addKey({ name: "prod-billing" });
    expect(await full()).toMatchObject({
      opened: [],
      targets: [],
      problems: [{ code: "ambiguous_rule", target: NAME }],
    });
  });
  it("during its rotation, when both keys carry the name, the target is still there and no problem", async () => {
    world.put(PLACE, world.org.addKey({ name: "prod-billing", ageDays: 100 }).text);
    await full();
    world.org.addKey({ name: "prod-billing" });
    const { targets, problems } = await full();
    expect(problems).toEqual([]);
    expect(targets).toMatchObject([{ name: NAME, due: false, reason: "rotation_open", ageDays: 100 }]);
  });
  it("after a loss of Redis in that moment the marks tell, and a person approves again", async () => {
    world.put(PLACE, world.org.addKey({ name: "prod-billing", ageDays: 100 }).text);
    await full();
    world.org.addKey({ name: "prod-billing" });
    world.redis.restore();
    world.audit.condition = "none";
    expect(await full()).toMatchObject({ rebuilt: ["rot_0001"], opened: [], problems: [] });
    expect(await world.rotation("rot_0001")).toMatchObject({
      target: NAME,
      rebuilt: "marks",
      approvalsNeeded: 1,
      plan: { requiredName: "prod-billing" },
    });
  });
  it.each([
    { keys: 1, lists: 1, gets: 1 },
    { keys: 30, lists: 2, gets: 0 },
  ])(
    "$keys of them take $lists lists of all keys and $gets single requests: thousands would use up the rate",
    async (want) => {
      for (let n = 0; n < want.keys; n++)
        world.put(aDestination(`anthropic/prod-${n}`), world.org.addKey({ name: `prod-${n}` }).text);
      const [listKeys, getKey] = [vi.spyOn(world.deps.admin, "listKeys"), vi.spyOn(world.deps.admin, "getKey")];
      expect(await names()).toHaveLength(want.keys);
      expect([listKeys.mock.calls.length, getKey.mock.calls.length]).toEqual([want.lists, want.gets]);
    },
  );
  it("a store that is down is one problem, not one for each key", async () => {
    for (let n = 0; n < 30; n++) world.org.addKey({ name: `prod-${n}` });
    world.store.fail = () => {
      throw new KeyturnError("STORE_UNAVAILABLE");
    };
    const { problems } = await full();
    expect(problems.map((p) => p.code)).toEqual(["store_unavailable"]);
    expect(problems[0]?.message).toContain("and 29 more destinations of rules");
  });
});
