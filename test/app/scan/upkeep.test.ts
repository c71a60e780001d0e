import { beforeEach, describe, expect, it } from "vitest";
import { approve } from "../../../src/app/approve.ts";
import { cancel } from "../../../src/app/decisions.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { DAY, aDestination } from "../../support/records.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const DEST = aDestination("billing.env");
let world: World;
let outgoing: { id: string; text: string };
beforeEach(async () => {
  world = makeWorld();
  outgoing = world.org.addKey({ name: "old", ageDays: 100 });
  world.setTarget("billing", outgoing);
});
const full = () => scan(world.deps, { dryRun: false });
const problems = async () => (await full()).problems.map((p) => [p.code, p.target]);
const secret = () => {
  const found = world.store.secrets.get("billing.env");
  if (found === undefined) throw new Error("there is no secret");
  return found;
};
/** A rotation whose replacement was accepted and staged. */
async function staged() {
  await full();
  await approve(world.deps, "rot_0001", BY);
  await world.work();
  const replacement = world.org.addKey({ name: "new" });
  await submit(world.deps, "rot_0001", replacement.text, BY.actor, {
    replace: false,
    keyId: null,
    acceptExpiry: false,
  });
  return replacement;
}

describe("R16: marks", () => {
  it("of an open rotation that somebody removed are written again, and that is reported", async () => {
    await full();
    await approve(world.deps, "rot_0001", BY);
    secret().marks = { other: "x" };
    expect(await problems()).toEqual([["mark_removed", "billing"]]);
    expect(secret().marks).toMatchObject({
      other: "x",
      rotation: "rot_0001",
      phase: "claim",
      outgoing: outgoing.id,
      fp: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
    expect(await problems()).toEqual([]);
  });
  it("that were never written, because the store was down at the opening, are no news", async () => {
    await full();
    secret().marks = {};
    expect(await problems()).toEqual([]);
    expect(secret().marks["rotation"]).toBe("rot_0001");
  });
  it("of two rotations on one secret stay as they are: one of them is named", async () => {
    const second = aDestination("billing.env", { field: "SECOND" });
    const other = world.org.addKey({ name: "second", ageDays: 100 });
    world.setTarget("reports", other, { destinations: [second] });
    await full();
    for (const id of ["rot_0001", "rot_0002"]) await approve(world.deps, id, BY).catch(() => undefined);
    const named = secret().marks["rotation"];
    world.writes.length = 0;
    expect(await problems()).toEqual([]);
    expect(secret().marks["rotation"]).toBe(named);
    expect(world.writes.filter((w) => w.startsWith("store: mark"))).toEqual([]);
  });
  it("of a secret with two fields, written for the one, do not make the other look changed", async () => {
    world.setTarget("reports", world.org.addKey({ name: "second" }), {
      destinations: [aDestination("billing.env", { field: "SECOND" })],
    });
    await full();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    expect(secret().marks).toMatchObject({ replacement: outgoing.id });
    expect(await problems()).toEqual([]);
  });
  it("of another installation are left", async () => {
    await full();
    secret().marks = { install: "staging", rotation: "rot_theirs" };
    await full();
    expect(secret().marks).toEqual({ install: "staging", rotation: "rot_theirs" });
  });
  it("that still name a rotation which is over are reduced to what recognises the value", async () => {
    await full();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    Object.assign(secret().marks, { rotation: "rot_0001", rev: "3", phase: "stage", outgoing: outgoing.id });
    await full();
    expect(secret().marks).toMatchObject({ install: "keyturn", replacement: outgoing.id });
    expect(Object.keys(secret().marks).toSorted()).toEqual(["fp", "install", "replacement", "v"]);
  });
});

describe("R19: the sweep", () => {
  const leave = (id: string, text: string) =>
    secret().pending.set(`${id}.ANTHROPIC_API_KEY`, { value: text, base: "", at: 0 });
  const pending = () => [...secret().pending.keys()];

  it("destroys pending and previous values of a rotation that is over, and reports them", async () => {
    await full();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    leave("rot_0001", world.org.addKey({ name: "left" }).text);
    secret().previous.set("rot_0001.ANTHROPIC_API_KEY", outgoing.text);
    expect(await problems()).toEqual([["leftover_pending", "billing"]]);
    expect([...pending(), ...secret().previous.keys()]).toEqual([]);
  });
  it("never touches a value of an open rotation", async () => {
    await staged();
    expect(await problems()).toEqual([]);
    expect(pending()).toEqual(["rot_0001.ANTHROPIC_API_KEY"]);
  });
  it("P2: never touches a value of a rotation that it does not know; it reports it", async () => {
    leave("rot_unknown", world.org.addKey({ name: "accepted" }).text);
    expect(await problems()).toEqual([["leftover_pending", "billing"]]);
    expect(pending()).toEqual(["rot_unknown.ANTHROPIC_API_KEY"]);
  });
  it("leaves one whose clean-up is still to come to the clean-up", async () => {
    await full();
    await cancel(world.deps, "rot_0001", BY, null);
    expect(await world.rotation("rot_0001")).toMatchObject({ state: "cancelled", cleanedUp: false });
    leave("rot_0001", world.org.addKey({ name: "left" }).text);
    expect(await problems()).toEqual([]);
    expect(pending()).toEqual(["rot_0001.ANTHROPIC_API_KEY"]);
    await world.work();
    expect(pending()).toEqual([]);
  });
  it("P2: nor the copy of a key that another rotation has accepted since", async () => {
    const key = await staged();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    await world.clock.turn(2 * DAY);
    await full();
    await approve(world.deps, "rot_0002", BY);
    await world.work();
    await submit(world.deps, "rot_0002", key.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
    leave("rot_0001", key.text);
    await full();
    expect(pending()).toContain("rot_0001.ANTHROPIC_API_KEY");
  });
  it("after a loss of Redis it believes a verified sink that a rotation had ended", async () => {
    await full();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    leave("rot_0001", world.org.addKey({ name: "left" }).text);
    world.redis.restore();
    expect((await full()).problems.map((p) => p.code)).toEqual(["leftover_pending"]);
    expect(pending()).toEqual([]);
  });
  it("R12: a value that an operator staged while no rotation waits for one is a problem, and stays", async () => {
    world.store.stageByHand(DEST, world.org.addKey({ name: "by-hand" }).text);
    expect(await problems()).toEqual([["foreign_pending", "billing"]]);
    expect(secret().operators.size).toBe(1);
  });
  it("R12: but it is welcome while one waits", async () => {
    await full();
    await approve(world.deps, "rot_0001", BY);
    world.store.stageByHand(DEST, world.org.addKey({ name: "by-hand" }).text);
    expect(await problems()).toEqual([]);
  });
});

describe("R14: leftover keys", () => {
  const leftover = async () => {
    const key = await staged();
    await cancel(world.deps, "rot_0001", BY, null);
    await world.work();
    return key;
  };
  it("an active replacement of a rotation that did not complete is reported until it is revoked", async () => {
    const key = await leftover();
    expect(await problems()).toEqual([["leftover_key", "billing"]]);
    // Its use was not looked at, so nothing is said of it (P12).
    expect((await full()).problems[0]?.message).toContain(
      `is still active, and no target reads it; if nothing else uses it: keyturn revoke ${key.id} --unmanaged`,
    );
    world.org.change(key.id, { status: "inactive" });
    expect(await problems()).toEqual([]);
  });
  it("not if it came into use after all", async () => {
    const key = await leftover();
    world.put(DEST, key.text);
    expect((await problems()).map(([code]) => code)).not.toContain("leftover_key");
  });
});

it("R23: every open rotation is woken, so that a lost wake-up is made up", async () => {
  await full();
  world.woken.length = 0;
  await full();
  expect(world.woken).toEqual(["rot_0001"]);
});
