import { expect, it } from "vitest";
import { advance } from "../../../src/app/advance.ts";
import { approve } from "../../../src/app/approve.ts";
import { cancel, reject, retry } from "../../../src/app/decisions.ts";
import { hold, unhold } from "../../../src/app/hold.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { revoke } from "../../../src/app/revoke.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { knowsUpTo } from "../../../src/rotation/behind.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { DAY, HOUR, aDestination } from "../../support/records.ts";
import { aPolicy } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
const A = aDestination("a.env");
const B = aDestination("b.env");
const MINUTE = 60_000;
const SLOW = { quietForMs: DAY, limitMs: 7 * DAY, acceptNoUsageCheck: false };
const QUICK = { ...SLOW, quietForMs: 0, acceptNoUsageCheck: true };

/** Approved and waiting for a key; with what Redis had on the way. */
async function approved(drain = QUICK) {
  const world = makeWorld();
  const old = world.org.addKey({ name: "old", ageDays: 100 });
  world.setTarget("billing", old, { destinations: [A, B], policy: aPolicy({ drain, gracePeriodMs: 7 * DAY }) });
  await scan(world.deps, { dryRun: false });
  const proposal = world.redis.backup();
  await approve(world.deps, ID, BY);
  await world.work();
  return { world, old, proposal, waiting: world.redis.backup() };
}
async function handOver(world: World) {
  const key = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, key.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
  return key;
}
type Failing = (call: string, secret: string) => boolean;
function fails(world: World, code: "STORE_UNAVAILABLE" | "STORE_DENIED", when: Failing): void {
  world.store.fail = (call, dest) => {
    if (when(call, dest.secret)) throw new KeyturnError(code);
  };
}
const well = (world: World) => void (world.store.fail = () => undefined);
async function looks(world: World, times: number, everyMs = MINUTE): Promise<void> {
  for (let i = 0; i < times; i++) {
    await world.work();
    await world.clock.turn(everyMs);
  }
}

it("R16: a cancel that a failover has lost is not forgotten because a manager was away for long", async () => {
  const { world, old } = await approved(SLOW);
  await handOver(world);
  await world.work();
  const lost = world.redis.backup();
  fails(world, "STORE_UNAVAILABLE", (call) => call === "rollBack");
  await cancel(world.deps, ID, BY, "it breaks production");
  await world.work();
  world.redis.restore(lost);
  fails(world, "STORE_UNAVAILABLE", (_, secret) => secret === B.secret);
  await looks(world, 30);
  well(world);
  await scan(world.deps, { dryRun: false });
  await looks(world, 72, HOUR);
  expect(world.org.key(old.id).status).toBe("active");
});

it("R16: a hold tells nothing of how the rotation went on", async () => {
  const { world } = await approved();
  const before = knowsUpTo(await world.rotation(ID));
  await hold(world.deps, "billing", BY);
  await unhold(world.deps, "billing", BY);
  expect(knowsUpTo(await world.rotation(ID))).toBe(before);
});

it("P8, R17: a clock that a hold has moved is known to the sink", async () => {
  const { world } = await approved();
  await handOver(world);
  await world.work();
  const { graceEndsAt } = await world.rotation(ID);
  await world.clock.turn(6 * DAY);
  await hold(world.deps, "billing", BY);
  await looks(world, 4, DAY);
  await unhold(world.deps, "billing", BY);
  await looks(world, 2);
  const moved = (await world.rotation(ID)).graceEndsAt;
  expect(moved).toBeGreaterThan((graceEndsAt ?? 0) + 2 * DAY);
  world.redis.restore();
  await scan(world.deps, { dryRun: false });
  expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", graceEndsAt: moved });
});

it("P5: a rotation that was cancelled, set back and given a key again ends again", async () => {
  const { world, waiting } = await approved();
  await handOver(world);
  await cancel(world.deps, ID, BY, null);
  await world.work();
  expect((await world.rotation(ID)).state).toBe("cancelled");
  world.redis.restore(waiting);
  await handOver(world);
  await scan(world.deps, { dryRun: false });
  expect((await world.rotation(ID)).state).toBe("cancelled");
});

it("R4: a key that was revoked in a record which had been set back is revoked, whatever a scan rebuilds", async () => {
  const { world, old, waiting } = await approved(SLOW);
  const first = await handOver(world);
  await world.work();
  expect((await world.rotation(ID)).state).toBe("draining");
  world.redis.restore(waiting);
  await revoke(world.deps, "billing", BY, { unmanaged: false });
  await scan(world.deps, { dryRun: false });
  await world.work();
  expect(world.org.key(old.id).status).toBe("inactive");
  await scan(world.deps, { dryRun: false });
  await approve(world.deps, ID, BY);
  await world.work();
  expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", replacement: { id: first.id } });
});

it("R4: a revocation does not wait for a secrets manager that is away, since the sink knows every hold", async () => {
  const { world, old } = await approved();
  fails(world, "STORE_UNAVAILABLE", () => true);
  await revoke(world.deps, "billing", BY, { unmanaged: false });
  await world.work();
  expect(world.org.key(old.id).status).toBe("inactive");
});

it("R2: a mark with a number that leaves no room above it is read as none", async () => {
  const { world } = await approved();
  for (const { secret } of [A, B]) Object.assign(world.marks(secret), { rev: String(Number.MAX_SAFE_INTEGER) });
  await looks(world, 2);
  await handOver(world);
  await world.work();
  expect((await world.rotation(ID)).state).toBe("grace_period");
});

it("R4: a key that was only staged when the old one was revoked, and was discarded, is not taken for one in use", async () => {
  const { world } = await approved();
  fails(world, "STORE_UNAVAILABLE", (call) => call === "promote");
  const second = await handOver(world);
  await revoke(world.deps, "billing", BY, { unmanaged: false });
  await advance(ID, world.deps);
  await revoke(world.deps, second.id, BY, { unmanaged: false });
  well(world);
  await world.work();
  expect(await world.rotation(ID)).toMatchObject({ state: "awaiting_replacement", replacement: null });
  const pasted = world.org.addKey({ name: "by hand" });
  for (const dest of [A, B]) world.put(dest, pasted.text);
  await submit(world.deps, ID, pasted.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
  await world.work();
  expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", replacement: { id: pasted.id } });
});

it("R16: another trouble does not make a record that is behind look up to date", async () => {
  const { world, waiting } = await approved();
  await handOver(world);
  await world.work();
  world.redis.restore(waiting);
  await advance(ID, world.deps);
  fails(world, "STORE_DENIED", () => true);
  await advance(ID, world.deps);
  expect((await world.rotation(ID)).attention?.code).toBe("state_behind");
  well(world);
  await scan(world.deps, { dryRun: false });
  expect(await world.rotation(ID)).toMatchObject({ state: "grace_period", rebuilt: "sink" });
});

it("a worker that saves and marks while a person cancels is no record that was set back", async () => {
  const { world } = await approved();
  await handOver(world);
  fails(world, "STORE_UNAVAILABLE", (call, secret) => call === "promote" && secret === B.secret);
  await world.work();
  await world.clock.turn(MINUTE);
  const load = world.deps.rotations.load.bind(world.deps.rotations);
  let first = true;
  world.deps.rotations.load = async (id) => {
    const found = await load(id);
    if (!first) return found;
    first = false;
    await advance(ID, world.deps);
    return found;
  };
  expect((await cancel(world.deps, ID, BY, null)).state).toBe("rolling_back");
});

it("people can hand a key over when no scan has mended a record within ten minutes", async () => {
  const { world } = await approved();
  await revoke(world.deps, "billing", BY, { unmanaged: false });
  await world.work();
  const lost = world.redis.backup();
  await handOver(world);
  world.redis.restore(lost);
  for (const secret of world.store.secrets.values()) secret.pending.clear();
  world.audit.condition = "none";
  // No scan looks at its marks any more.
  const targets = world.settings.targets.splice(0);
  await advance(ID, world.deps);
  expect((await world.rotation(ID)).attention?.code).toBe("state_behind");
  await expect(handOver(world)).rejects.toMatchObject({ code: "WRONG_STATE" });
  await world.clock.turn(11 * MINUTE);
  await scan(world.deps, { dryRun: false });
  const second = await handOver(world);
  world.settings.targets.push(...targets);
  await world.work();
  expect([world.value(A), world.value(B)]).toEqual([second.text, second.text]);
});

it("P2, P7: `retry` on a card decides nothing: a record that is behind stays that", async () => {
  const { world, waiting } = await approved();
  await handOver(world);
  await world.work();
  world.redis.restore(waiting);
  await advance(ID, world.deps);
  await world.clock.turn(11 * MINUTE);
  await retry(world.deps, ID, BY, true);
  await world.work();
  expect((await world.rotation(ID)).attention?.code).toBe("state_behind");
});

it("P7: one manager that is away does not hide what the marks at the other say", async () => {
  const { world, proposal } = await approved();
  await handOver(world);
  await world.work();
  world.redis.restore(proposal);
  world.audit.condition = "none";
  fails(world, "STORE_UNAVAILABLE", (_, secret) => secret === B.secret);
  await expect(reject(world.deps, ID, BY, "no")).rejects.toMatchObject({ code: "WRONG_STATE" });
});

it("marks that an earlier version wrote name the revision itself, and are no sign of a set-back", async () => {
  const { world } = await approved(SLOW);
  await handOver(world);
  await looks(world, 12, HOUR + MINUTE);
  const { revision, state } = await world.rotation(ID);
  expect(revision).toBeGreaterThan(knowsUpTo(await world.rotation(ID)));
  for (const { secret } of [A, B]) Object.assign(world.marks(secret), { v: "1", rev: String(revision) });
  await looks(world, 2, HOUR + MINUTE);
  await scan(world.deps, { dryRun: false });
  expect(await world.rotation(ID)).toMatchObject({ state, attention: null });
});

it("R21: four eyes do not take a key that is found in use for one that another person handed over", async () => {
  const { world, waiting } = await approved();
  const first = await handOver(world);
  await world.work();
  world.redis.restore(waiting);
  const r = await world.rotation(ID);
  const second = world.org.addKey({ name: "second" });
  await world.deps.rotations.commit({
    record: {
      ...r,
      state: "verifying",
      revision: r.revision + 1,
      replacement: { ...r.outgoing, id: second.id, name: "second", fingerprint: "of-second" },
      submittedBy: "slack:eve",
      handedOverBy: [["slack:eve"]],
    },
    expectedRevision: r.revision,
    locks: [],
    audit: [],
  });
  world.audit.condition = "none";
  await scan(world.deps, { dryRun: false });
  const { replacement, submittedBy, handedOverBy } = await world.rotation(ID);
  expect([replacement?.id, submittedBy, handedOverBy]).toEqual([first.id, null, [[]]]);
});
