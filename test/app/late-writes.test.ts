import { beforeEach, describe, expect, it } from "vitest";
import { advance } from "../../src/app/advance.ts";
import { approve } from "../../src/app/approve.ts";
import { cancel } from "../../src/app/decisions.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { revoke } from "../../src/app/revoke.ts";
import { rotate } from "../../src/app/rotate.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { destinationId } from "../../src/rotation/locks.ts";
import { LATE_WRITE_MS } from "../../src/rotation/transition.ts";
import { DAY, aDestination } from "../support/records.ts";
import { aPolicy } from "../support/settings.ts";
import { type World, makeWorld } from "../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
const A = aDestination("a.env");
const B = aDestination("b.env");
const MINUTE = 60_000;

let world: World;
let outgoing: { id: string; text: string };
let replacement: { id: string; text: string };
/** Cancelled while the manager of B had taken a write that it did not answer. */
beforeEach(async () => {
  world = makeWorld();
  outgoing = world.org.addKey({ name: "old", ageDays: 100 });
  world.setTarget("billing", outgoing, { destinations: [A, B], policy: aPolicy({ gracePeriodMs: 7 * DAY }) });
  await scan(world.deps, { dryRun: false });
  await approve(world.deps, ID, BY);
  await world.work();
  replacement = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, replacement.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
  world.store.fail = (call, dest) => {
    if (call === "promote" && dest.secret === B.secret) throw new KeyturnError("STORE_UNAVAILABLE");
  };
  await world.work();
  await cancel(world.deps, ID, BY, null);
  await world.work();
});
/** The write takes effect after all. @param copy whether the manager keeps what was there, as those with versions do */
function arrives({ copy = true } = {}): void {
  if (copy) world.store.secrets.get(B.secret)?.previous.set(`${ID}.${B.field ?? "value"}`, outgoing.text);
  world.put(B, replacement.text);
}
/** One of ours that is open, and whose mark is at the secret of B. */
async function rotationOfAnotherField(): Promise<string> {
  const here = await world.rotation(ID);
  const plan = { ...here.plan, targets: ["other"], destinations: [{ ...B, field: "OTHER" }] };
  const record = { ...here, id: "rot_0002", revision: 1, target: "other", plan, endedAt: null, wakeAt: null };
  Object.assign(record, {
    state: "reinstated",
    outgoing: { ...here.outgoing, id: world.org.addKey({ name: "o" }).id },
  });
  await world.deps.rotations.commit({ record, expectedRevision: 0, locks: [], audit: [] });
  return record.id;
}
const undone = () => world.log.lines.map(({ fields }) => fields).filter((f) => f["event"] === "promotion.undone");

describe("P6, P7: a write that takes effect after the rotation has turned back", () => {
  it("is taken back within the next looks, and is on record", async () => {
    expect((await world.rotation(ID)).state).toBe("cancelled");
    expect([world.value(A), world.value(B)]).toEqual([outgoing.text, outgoing.text]);
    arrives();
    await world.clock.turn(MINUTE);
    await world.work();
    expect([world.value(A), world.value(B)]).toEqual([outgoing.text, outgoing.text]);
    expect(undone()).toMatchObject([{ rotation: ID, outcome: "rolled_back" }]);
    expect(world.audit.sink.map((e) => [e.action, e.evidence["cause"]])).toContainEqual([
      "roll_back.intended",
      "late_write",
    ]);
    expect((await world.rotation(ID)).attention).toBeNull();
  });
  it("is named when no copy of the old value is left", async () => {
    arrives({ copy: false });
    await world.clock.turn(MINUTE);
    await world.work();
    expect(undone()).toMatchObject([{ outcome: "nothing_to_restore" }]);
    const { attention } = await world.rotation(ID);
    expect(attention).toMatchObject({ code: "destination_changed", next: expect.stringContaining("value of old") });
    for (let i = 0; i < 10; i++) {
      await world.clock.turn(MINUTE);
      await world.work();
    }
    expect(undone()).toHaveLength(1);
    world.put(B, outgoing.text);
    await world.clock.turn(5 * MINUTE);
    await world.work();
    expect((await world.rotation(ID)).attention).toBeNull();
  });
  it("is taken back where there is a copy, although there is none elsewhere", async () => {
    world.put(A, replacement.text);
    await world.clock.turn(MINUTE);
    await world.work();
    arrives();
    await world.clock.turn(2 * MINUTE);
    await world.work();
    expect([world.value(A), world.value(B)]).toEqual([replacement.text, outgoing.text]);
    const { attention } = await world.rotation(ID);
    expect(attention?.message).toContain(A.secret);
    expect(attention?.message).not.toContain(B.secret);
  });
  it.each([
    { who: "a newer rotation that nobody knows here", marks: () => ({ rotation: "rot_0002" }) },
    { who: "a newer rotation of the same key", marks: () => ({ replacement: replacement.id }) },
  ])("the value of $who is left alone", async ({ marks }) => {
    arrives();
    Object.assign(world.marks(B.secret), marks());
    await world.clock.turn(MINUTE);
    await world.work();
    expect([world.value(A), world.value(B)]).toEqual([outgoing.text, replacement.text]);
    expect(undone()).toEqual([]);
  });
  it("does not put back a key that is dead", async () => {
    arrives();
    world.org.change(outgoing.id, { status: "archived" });
    await world.clock.turn(MINUTE);
    await world.work();
    expect(world.value(B)).toBe(replacement.text);
  });
  it("R4: does not put a leaked key back over one that works", async () => {
    arrives();
    await revoke(world.deps, outgoing.id, BY, { unmanaged: true });
    await world.clock.turn(20_000);
    await advance(ID, world.deps);
    expect(world.value(B)).toBe(replacement.text);
  });
  it("is taken back also with the mark that came with it, or that of another field's rotation", async () => {
    for (const marks of [{ rotation: ID, phase: "promote" }, { rotation: await rotationOfAnotherField() }]) {
      arrives();
      Object.assign(world.marks(B.secret), marks);
      await world.clock.turn(MINUTE);
      await world.work();
      expect(world.value(B)).toBe(outgoing.text);
    }
  });
  it("R10: under the lease for writing, where the manager cannot refuse a stale write", async () => {
    arrives();
    Object.assign(world.store, { conditionalWrite: false });
    const lease = await world.deps.leases.acquire(`write:${destinationId(B)}`, MINUTE);
    await world.clock.turn(20_000);
    await world.work();
    expect(world.value(B)).toBe(replacement.text);
    await lease.release();
    await world.clock.turn(MINUTE);
    await world.work();
    expect(world.value(B)).toBe(outgoing.text);
  });
  it("R19: its copy is there for a scan to spare while it may be needed, and gone when it is not", async () => {
    arrives();
    await scan(world.deps, { dryRun: false });
    await world.clock.turn(MINUTE);
    await world.work();
    expect(world.value(B)).toBe(outgoing.text);
    expect(world.store.secrets.get(B.secret)?.previous.size).toBe(0);
  });
  it("a manager that is away leaves no trouble on a rotation that is over", async () => {
    world.store.fail = () => {
      throw new KeyturnError("STORE_UNAVAILABLE");
    };
    for (let i = 0; i < 4; i++) {
      await world.clock.turn(MINUTE);
      await world.work();
    }
    expect(await world.rotation(ID)).toMatchObject({ attention: null, retry: null });
  });
  it("is somebody's will when nothing had been begun", async () => {
    const other = world.org.addKey({ name: "other", ageDays: 100 });
    const C = aDestination("c.env");
    world.setTarget("sales", other, { destinations: [C] });
    const { id } = await rotate(world.deps, "sales", BY.actor, null);
    await approve(world.deps, id, BY);
    const staged = world.org.addKey({ name: "staged" });
    await submit(world.deps, id, staged.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
    await cancel(world.deps, id, BY, null);
    await world.work();
    expect(await world.rotation(id)).toMatchObject({ state: "cancelled", replacement: { id: staged.id } });
    world.put(C, staged.text);
    await world.clock.turn(MINUTE);
    await world.work();
    expect(world.value(C)).toBe(staged.text);
    expect(undone()).toEqual([]);
  });
  it("is somebody's will when it comes later", async () => {
    await world.clock.turn(LATE_WRITE_MS);
    arrives();
    await world.clock.turn(2 * 3_600_000);
    await world.work();
    expect(world.value(B)).toBe(replacement.text);
  });
});
