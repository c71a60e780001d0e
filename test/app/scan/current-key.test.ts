import { beforeEach, describe, expect, it } from "vitest";
import { currentKeyOf, holderOfKey } from "../../../src/app/scan/current-key.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { aDestination } from "../../support/records.ts";
import { aRule } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const RULED = "rule:files/anthropic/prod-x#ANTHROPIC_API_KEY";
let world: World;
let key: { id: string; text: string };
beforeEach(() => {
  world = makeWorld();
  key = world.org.addKey({ name: "k" });
  world.setTarget("billing", key);
  world.setTarget("reports", key);
});

describe("the key that a target uses now", () => {
  it("R1: comes with every target that holds it, and what its live call told", async () => {
    expect(await currentKeyOf(world.deps, "reports", "ready")).toMatchObject({
      targets: ["billing", "reports"],
      outgoing: { key: { id: key.id }, organizationId: "org", workspaceId: "wrkspc_1" },
    });
  });
  it("of a rule is found by the target's name", async () => {
    world.addRule(aRule());
    const ruled = world.org.addKey({ name: "prod-x" });
    world.put(aDestination("anthropic/prod-x"), ruled.text);
    expect(await currentKeyOf(world.deps, RULED, "ready")).toMatchObject({
      targets: [RULED],
      outgoing: { key: { id: ruled.id } },
    });
  });
  it.each([
    { code: "STORE_UNAVAILABLE", so: { code: "STORE_UNAVAILABLE", exit: 69 } },
    { code: "STORE_DENIED", so: { code: "STORE_DENIED", exit: 69 } },
    { code: "STORE_MISSING", so: { code: "WRONG_STATE", exit: 75, reason: "destination_missing" } },
  ] as const)("cannot be told when its store answers $code", async ({ code, so }) => {
    world.store.fail = () => {
      throw new KeyturnError(code);
    };
    await expect(currentKeyOf(world.deps, "billing", "now")).rejects.toMatchObject(so);
  });
  it("must be ready for a rotation, but in an emergency nothing is tried", async () => {
    world.org.answers.set(key.id, { verdict: "rejected", status: 401 });
    await expect(currentKeyOf(world.deps, "billing", "ready")).rejects.toMatchObject({
      code: "WRONG_STATE",
      reason: "value_rejected",
    });
    expect(await currentKeyOf(world.deps, "billing", "now")).toMatchObject({ outgoing: { key: { id: key.id } } });
  });
  it("that was deactivated elsewhere can be replaced, although it answers no call", async () => {
    world.org.change(key.id, { status: "inactive" });
    expect(await currentKeyOf(world.deps, "billing", "ready")).toMatchObject({ targets: ["billing", "reports"] });
  });
});

describe("who holds a key", () => {
  it("named targets do", async () => {
    expect(await holderOfKey(world.deps, key.id, "now")).toMatchObject({ targets: ["billing", "reports"] });
  });
  it("R22: a rule's target does", async () => {
    world.addRule(aRule());
    const ruled = world.org.addKey({ name: "prod-x" });
    world.put(aDestination("anthropic/prod-x"), ruled.text);
    expect(await holderOfKey(world.deps, ruled.id, "now")).toMatchObject({ targets: [RULED] });
  });
  it("nobody does, if no value is that key's", async () => {
    world.addRule(aRule());
    expect(await holderOfKey(world.deps, world.org.addKey({ name: "prod-y" }).id, "now")).toBeNull();
  });
});

it("reads only, and wipes what it read", async () => {
  await currentKeyOf(world.deps, "billing", "now");
  await holderOfKey(world.deps, key.id, "now");
  expect(world.writes).toEqual([]);
});
