import { beforeEach, describe, expect, it } from "vitest";
import { advance } from "../../../src/app/advance.ts";
import { approve } from "../../../src/app/approve.ts";
import { cancel, reject } from "../../../src/app/decisions.ts";
import { revoke } from "../../../src/app/revoke.ts";
import { rotate } from "../../../src/app/rotate.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import type { AuditEntry } from "../../../src/ports/audit.ts";
import { DAY, aDestination } from "../../support/records.ts";
import { aPolicy } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
const A = aDestination("a.env");
const B = aDestination("b.env");
const QUICK = aPolicy({ drain: { quietForMs: 0, limitMs: 7 * DAY, acceptNoUsageCheck: true }, gracePeriodMs: 7 * DAY });
const MINUTE = 60_000;

let world: World;
let outgoing: { id: string; text: string };
let first: { id: string; text: string };
/** The other life, in its grace period. */
let further: ReturnType<World["redis"]["backup"]>;
const isOfThisLife = ({ checkpoint }: AuditEntry) =>
  checkpoint === undefined || (checkpoint as { replacement: unknown }).replacement === null;
const rotation = () => world.rotation(ID);
const handOver = async () => {
  const key = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, key.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
  return key;
};

/**
 * Two masters confirm writes at the same time. On one the rotation is rebuilt from marks, with a revision above all others; on
 * the other it goes on with the key that was handed over, and gets into its grace period. Then the first one wins.
 */
beforeEach(async () => {
  world = makeWorld();
  outgoing = world.org.addKey({ name: "old", ageDays: 100 });
  world.setTarget("billing", outgoing, { destinations: [A, B], policy: QUICK });
  await scan(world.deps, { dryRun: false });
  await approve(world.deps, ID, BY);
  await world.work();
  const before = world.redis.backup();
  first = await handOver();
  const other = world.redis.backup();
  world.redis.restore(before);
  world.audit.condition = "none";
  await scan(world.deps, { dryRun: false });
  const winner = world.redis.backup();
  world.redis.restore(other);
  await world.work();
  further = world.redis.backup();
  world.redis.restore(winner);
});

describe("R16, P7: another life of the rotation got further, although its revisions are lower", () => {
  it("is what this suite starts from", async () => {
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", replacement: null, rebuilt: "marks" });
    expect((await rotation()).revision).toBeGreaterThan(1_000_000);
    expect([world.value(A), world.value(B)]).toEqual([first.text, first.text]);
    expect(world.org.key(outgoing.id).status).toBe("inactive");
  });
  it.each([
    { what: "approve", decide: () => approve(world.deps, ID, BY) },
    { what: "reject", decide: () => reject(world.deps, ID, BY, "no") },
    { what: "cancel", decide: () => cancel(world.deps, ID, BY, null) },
  ])("`$what` is refused: it would be a decision on what is not so", async ({ decide }) => {
    await expect(decide()).rejects.toMatchObject({ code: "WRONG_STATE" });
    await world.clock.turn(MINUTE);
    await world.work();
    // Which makes `serve` scan within seconds.
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", attention: { code: "state_behind" } });
  });
  it("a scan gives it the replacement that is in use; one approval, and it ends as it should", async () => {
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([ID]);
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", replacement: { id: first.id } });
    await approve(world.deps, ID, BY);
    await world.work();
    await world.clock.turn(8 * DAY);
    await world.work();
    expect((await rotation()).state).toBe("completed");
    expect([world.value(A), world.value(B)]).toEqual([first.text, first.text]);
    expect(world.org.key(outgoing.id).status).toBe("archived");
    expect(world.org.key(first.id).status).toBe("active");
  });
  it("nobody is asked for a second key when it was approved before anybody noticed", async () => {
    await world.deps.rotations.commit({
      record: { ...(await rotation()), state: "awaiting_replacement", revision: 5_000_000 },
      expectedRevision: (await rotation()).revision,
      locks: [],
      audit: [],
    });
    await expect(handOver()).rejects.toMatchObject({ code: "WRONG_STATE" });
    await advance(ID, world.deps);
    expect(await rotation()).toMatchObject({ state: "awaiting_replacement", attention: { code: "state_behind" } });
  });
  it("a second key that was handed over all the same is named as not needed (P2)", async () => {
    const second = world.org.addKey({ name: "second" });
    const record = await rotation();
    await world.deps.rotations.commit({
      record: {
        ...record,
        state: "verifying",
        revision: 5_000_000,
        replacement: { ...record.outgoing, id: second.id, name: "second", fingerprint: "of-second" },
      },
      expectedRevision: record.revision,
      locks: [],
      audit: [],
    });
    await advance(ID, world.deps);
    const { problems } = await scan(world.deps, { dryRun: false });
    expect(problems.map((p) => p.message).join()).toContain("applications read new, so second is not needed");
    expect(await rotation()).toMatchObject({ replacement: { id: first.id } });
  });
  it("a sink that knows only this life restores it, and does not end it as replaced by others", async () => {
    world.audit.condition = "good";
    for (const entry of world.audit.sink.splice(0)) if (isOfThisLife(entry)) world.audit.sink.push(entry);
    world.redis.restore();
    await scan(world.deps, { dryRun: false });
    await scan(world.deps, { dryRun: false });
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", replacement: { id: first.id } });
  });
  it.each([
    { when: "Redis has this one", redis: () => undefined },
    { when: "Redis has neither", redis: () => world.redis.restore() },
  ])("the sink gives back the one whose key applications read, also without marks: $when", async ({ redis }) => {
    for (const dest of [A, B]) Object.assign(world.marks(dest.secret), { rotation: "rot_of_a_neighbouring_field" });
    redis();
    world.audit.condition = "good";
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([ID]);
    expect(await rotation()).toMatchObject({ state: "grace_period", replacement: { id: first.id } });
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([]);
    await world.clock.turn(8 * DAY);
    await world.work();
    expect((await rotation()).state).toBe("completed");
  });
  it("the other life, where it is the one in Redis, is not thrown away for the higher revision in the sink", async () => {
    world.redis.restore(further);
    world.audit.condition = "good";
    const before = await rotation();
    await scan(world.deps, { dryRun: false });
    const { state, replacement, graceEndsAt, approvals } = before;
    expect(await rotation()).toMatchObject({ state, replacement, graceEndsAt, approvals });
    await scan(world.deps, { dryRun: false });
    await world.clock.turn(8 * DAY);
    await world.work();
    expect((await rotation()).state).toBe("completed");
  });
  it("R4: whoever revoked the key in this life does not find it alive in the other", async () => {
    world.org.change(outgoing.id, { status: "active" });
    world.audit.condition = "good";
    await revoke(world.deps, "billing", BY, { unmanaged: false });
    await scan(world.deps, { dryRun: false });
    expect(await rotation()).toMatchObject({ state: "revoking", reason: "compromised" });
    await world.work();
    expect(world.org.key(outgoing.id).status).toBe("inactive");
  });
  it("a destination that is gone does not hide it", async () => {
    world.store.secrets.delete(B.secret);
    for (const dest of [A]) Object.assign(world.marks(dest.secret), { rotation: "rot_of_a_neighbouring_field" });
    world.audit.condition = "good";
    await scan(world.deps, { dryRun: false });
    expect(await rotation()).toMatchObject({ state: "grace_period", replacement: { id: first.id } });
  });
  it("a completion counts, and frees the target for the rotation that was opened after it", async () => {
    const winner = world.redis.backup();
    world.redis.restore(further);
    await world.clock.turn(8 * DAY);
    await world.work();
    expect((await rotation()).state).toBe("completed");
    const next = await rotate(world.deps, "billing", BY.actor, "once more");
    world.redis.restore(winner);
    world.audit.condition = "good";
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([ID, next.id]);
    expect((await rotation()).state).toBe("completed");
    expect((await world.open()).map((r) => r.id)).toEqual([next.id]);
  });
  it("a completion counts also when somebody rejected the other life of it later", async () => {
    const winner = world.redis.backup();
    world.redis.restore(further);
    await world.clock.turn(8 * DAY);
    await world.work();
    world.redis.restore(winner);
    await reject(world.deps, ID, BY, "what is this?");
    world.redis.restore(winner);
    world.audit.condition = "good";
    await scan(world.deps, { dryRun: false });
    expect((await rotation()).state).toBe("completed");
  });
  it("a replacement that is nowhere any more stops nobody", async () => {
    const third = world.org.addKey({ name: "by hand" });
    for (const dest of [A, B]) world.put(dest, third.text);
    await scan(world.deps, { dryRun: false });
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", replacement: null, settledKey: first.id });
    await approve(world.deps, ID, BY);
    await world.work();
    expect((await rotation()).attention?.code).not.toBe("state_behind");
  });
  it("people can end it when no scan mends it within ten minutes", async () => {
    await world.clock.turn(4 * DAY);
    await advance(ID, world.deps);
    expect((await rotation()).attention?.code).toBe("state_behind");
    await world.clock.turn(11 * MINUTE);
    await cancel(world.deps, ID, BY, null);
    await world.work();
    expect((await rotation()).state).toBe("cancelled");
  });
});
