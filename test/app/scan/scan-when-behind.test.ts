import { beforeEach, describe, expect, it } from "vitest";
import { advance } from "../../../src/app/advance.ts";
import { approve } from "../../../src/app/approve.ts";
import { cancel } from "../../../src/app/decisions.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { createScanWhenBehind } from "../../../src/app/scan/scan-when-behind.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { DAY, aDestination } from "../../support/records.ts";
import { aPolicy } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
const MINUTE = 60_000;

let world: World;
let scans: number;
const look = (of: () => Promise<unknown> = () => scan(world.deps, { dryRun: false })) =>
  createScanWhenBehind(world.deps, async () => {
    scans += 1;
    await of();
  });

/** Redis is set back under a rotation that waits for its grace period to end; somebody looked at it since. */
async function setBack(): Promise<void> {
  await scan(world.deps, { dryRun: false });
  await approve(world.deps, ID, BY);
  await world.work();
  const backup = world.redis.backup();
  const replacement = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, replacement.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
  await world.work();
  expect((await world.rotation(ID)).state).toBe("grace_period");
  world.redis.restore(backup);
  await advance(ID, world.deps);
  expect(await world.rotation(ID)).toMatchObject({
    state: "awaiting_replacement",
    attention: { code: "state_behind" },
  });
}

beforeEach(() => {
  world = makeWorld();
  scans = 0;
  const drain = { quietForMs: 0, limitMs: 7 * DAY, acceptNoUsageCheck: true };
  world.setTarget("billing", world.org.addKey({ name: "old", ageDays: 100 }), {
    destinations: [aDestination("a.env")],
    policy: aPolicy({ drain, gracePeriodMs: 7 * DAY }),
  });
});

describe("a destination that others changed while a key is awaited", () => {
  const FILE = aDestination("a.env");
  const waiting = async () => {
    await scan(world.deps, { dryRun: false });
    await approve(world.deps, ID, BY);
    await world.work();
  };
  const handOver = (text: string) =>
    submit(world.deps, ID, text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });

  it("is named before anybody makes a key, and a scan looks whether it was this rotation itself", async () => {
    await waiting();
    world.put(FILE, world.org.addKey({ name: "by hand" }).text);
    await world.clock.turn(MINUTE);
    await world.work();
    const { attention } = await world.rotation(ID);
    expect(attention).toMatchObject({
      code: "destination_changed",
      next: expect.stringContaining("put the value of old"),
    });
    expect(await look().look()).toBe(true);
  });
  it("no key is taken that could go nowhere; the rotation waits on", async () => {
    await waiting();
    world.put(FILE, world.org.addKey({ name: "by hand" }).text);
    const { revision } = await world.rotation(ID);
    await expect(handOver(world.org.addKey({ name: "new" }).text)).rejects.toMatchObject({
      code: "STORE_CONFLICT",
      reason: "destination_changed",
    });
    expect(await world.rotation(ID)).toMatchObject({ revision, lease: null });
  });
  it("the key that somebody pasted there may be handed over", async () => {
    await waiting();
    const pasted = world.org.addKey({ name: "by hand" });
    world.put(FILE, pasted.text);
    await handOver(pasted.text);
    await world.work();
    expect((await world.rotation(ID)).state).toBe("grace_period");
  });
  it("goes on by itself when the outgoing key is back", async () => {
    await waiting();
    const before = world.value(FILE) ?? "";
    world.put(FILE, world.org.addKey({ name: "by hand" }).text);
    await world.clock.turn(MINUTE);
    await world.work();
    world.put(FILE, before);
    await world.clock.turn(5 * MINUTE);
    await world.work();
    expect(await world.rotation(ID)).toMatchObject({ state: "awaiting_replacement", attention: null });
  });
});

describe("R16, P8: a record that Redis set back is rebuilt without waiting for the schedule", () => {
  it("a rotation that Redis set back after its end, which left no marks, ends again", async () => {
    for (const { policy } of world.settings.targets) Object.assign(policy, { gracePeriodMs: DAY });
    await scan(world.deps, { dryRun: false });
    await approve(world.deps, ID, BY);
    await world.work();
    const backup = world.redis.backup();
    const replacement = world.org.addKey({ name: "new" });
    await submit(world.deps, ID, replacement.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
    await world.work();
    await world.clock.turn(2 * DAY);
    await world.work();
    expect((await world.rotation(ID)).state).toBe("completed");
    world.redis.restore(backup);
    await advance(ID, world.deps);
    expect((await world.rotation(ID)).state).toBe("awaiting_replacement");
    expect(await look().look()).toBe(true);
    expect((await world.rotation(ID)).state).toBe("completed");
  });
  it("a person is not asked for a second key, and the rotation goes on where it was", async () => {
    await setBack();
    const watch = look();
    expect(await watch.look()).toBe(true);
    await world.work();
    expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", attention: null, rebuilt: "sink" });
    expect(await watch.look()).toBe(false);
    expect(scans).toBe(1);
  });
  it("nothing is scanned while no record is behind", async () => {
    await scan(world.deps, { dryRun: false });
    expect(await look().look()).toBe(false);
    expect(scans).toBe(0);
  });
  it("a scan that does not help is repeated after 1 minute, then after 2, 4 … up to an hour", async () => {
    await setBack();
    const watch = look(async () => undefined);
    const at: number[] = [];
    for (let minute = 0; minute < 300; minute++) {
      if (await watch.look()) at.push(minute);
      await world.clock.turn(MINUTE);
    }
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });
  it("one that no scan helps does not keep another waiting", async () => {
    await setBack();
    const watch = look(async () => undefined);
    for (let minute = 0; minute < 20; minute++) {
      await watch.look();
      await world.clock.turn(MINUTE);
    }
    expect(await watch.look()).toBe(false);
    const other = { ...(await world.rotation(ID)), id: "rot_0002", revision: 1 };
    await world.deps.rotations.commit({ record: other, expectedRevision: 0, locks: [], audit: [] });
    expect(await watch.look()).toBe(true);
    expect(await watch.look()).toBe(false);
  });
  it("while another process scans, that is left to it", async () => {
    await setBack();
    const watch = look(() => Promise.reject(new KeyturnError("LOCK_HELD")));
    expect(await watch.look()).toBe(false);
  });
  it("a scan that fails is an error of this look alone", async () => {
    await setBack();
    const watch = look(() => Promise.reject(new KeyturnError("ADMIN_UNAVAILABLE")));
    await expect(watch.look()).rejects.toMatchObject({ code: "ADMIN_UNAVAILABLE" });
    await world.clock.turn(MINUTE);
    await expect(watch.look()).rejects.toMatchObject({ code: "ADMIN_UNAVAILABLE" });
  });
});

describe("R16: what Redis set back stays behind until it is rebuilt", () => {
  it("however often it is looked at, which raises its revision", async () => {
    await setBack();
    const marked = (await world.rotation(ID)).revision + 50;
    for (let looks = 0; (await world.rotation(ID)).revision < marked; looks++) {
      expect(looks).toBeLessThan(100);
      await world.clock.turn(10 * MINUTE);
      await advance(ID, world.deps);
    }
    expect(await world.rotation(ID)).toMatchObject({
      state: "awaiting_replacement",
      attention: { code: "state_behind" },
    });
    await scan(world.deps, { dryRun: false });
    expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", rebuilt: "sink" });
  });
  it("a look in the very moment of the rebuild, which raises the revision, does not stop it", async () => {
    await setBack();
    const { rotations } = world.deps;
    let looked = false;
    const commit: typeof rotations.commit = async (given) => {
      if (given.record.rebuilt === "sink" && !looked) {
        looked = true;
        await world.clock.turn(10 * MINUTE);
        await advance(ID, world.deps);
      }
      return rotations.commit(given);
    };
    await scan({ ...world.deps, rotations: { ...rotations, commit } }, { dryRun: false });
    expect(looked).toBe(true);
    expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", rebuilt: "sink" });
  });
  it("a person is told so instead of deciding on what is out of date", async () => {
    await setBack();
    const refused = { code: "WRONG_STATE", message: expect.stringContaining("older state") as string };
    await expect(cancel(world.deps, ID, BY, null)).rejects.toMatchObject(refused);
    const key = world.org.addKey({ name: "another" });
    const options = { replace: true, keyId: null, acceptExpiry: false };
    await expect(submit(world.deps, ID, key.text, BY.actor, options)).rejects.toMatchObject(refused);
  });
  it("what no scan rebuilds within 10 minutes is no dead end: a person may decide again", async () => {
    await setBack();
    await world.clock.turn(10 * MINUTE - 1);
    await expect(cancel(world.deps, ID, BY, null)).rejects.toMatchObject({ code: "WRONG_STATE" });
    await world.clock.turn(1);
    expect((await cancel(world.deps, ID, BY, null)).state).toBe("rolling_back");
  });
  it("the audit sink keeps its newest word on the rotation", async () => {
    await setBack();
    const known = await world.deps.audit.lastKnown();
    expect(known?.checkpoints.get(ID)?.record).toMatchObject({ state: "grace_period" });
  });
});
