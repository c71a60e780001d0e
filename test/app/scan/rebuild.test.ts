import { beforeEach, describe, expect, it } from "vitest";
import { advance } from "../../../src/app/advance.ts";
import { approve } from "../../../src/app/approve.ts";
import { cancel, reject, snooze } from "../../../src/app/decisions.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { hold, unhold } from "../../../src/app/hold.ts";
import { submit } from "../../../src/app/intake/submit.ts";
import { reinstate } from "../../../src/app/reinstate.ts";
import { scan } from "../../../src/app/scan/scan.ts";
import { markFingerprint } from "../../../src/rotation/secret.ts";
import type { State } from "../../../src/rotation/states.ts";
import { DAY, aDestination } from "../../support/records.ts";
import { aPolicy } from "../../support/settings.ts";
import { type World, makeWorld } from "../../support/world.ts";

const BY = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;
const ID = "rot_0001";
const MINUTE = 60_000;
const A = aDestination("a.env");
const B = aDestination("b.env");
const QUICK = aPolicy({ drain: { quietForMs: 0, limitMs: 7 * DAY, acceptNoUsageCheck: true }, gracePeriodMs: 7 * DAY });

let world: World;
let outgoing: { id: string; text: string };
let replacement: { id: string; text: string };
beforeEach(() => {
  world = makeWorld();
  outgoing = world.org.addKey({ name: "old", ageDays: 100 });
  world.setTarget("billing", outgoing, { destinations: [A, B], policy: QUICK });
});
const full = () => scan(world.deps, { dryRun: false });
const rotation = () => world.rotation(ID);
/** Calls that change a key's status. */
const destructive = () => world.writes.filter((w) => w.startsWith("admin:"));

/** Takes a rotation to a state, as people and workers do. */
async function to(state: "awaiting_approval" | "awaiting_replacement" | "verifying" | "grace_period"): Promise<void> {
  await full();
  if (state === "awaiting_approval") return;
  await approve(world.deps, ID, BY);
  await world.work();
  if (state === "awaiting_replacement") return;
  await handOver();
  if (state === "verifying") return;
  await world.work();
  expect((await rotation()).state).toBe("grace_period");
}
async function handOver(): Promise<void> {
  replacement = world.org.addKey({ name: "new" });
  await submit(world.deps, ID, replacement.text, BY.actor, { replace: false, keyId: null, acceptExpiry: false });
}
/** Goes on from where the rotation is to its end; grace and all. */
async function finish(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await world.work();
    const r = await rotation();
    if (r.state === "awaiting_replacement") await handOver();
    if (r.state === "grace_period") await world.clock.turn((r.graceEndsAt ?? 0) - world.clock.now());
  }
  await world.work();
  expect((await rotation()).state).toBe("completed");
  expect([world.value(A), world.value(B)]).toEqual([replacement.text, replacement.text]);
  expect(world.org.key(outgoing.id).status).toBe("archived");
  expect(world.org.key(replacement.id).status).toBe("active");
}

const STATES = ["awaiting_approval", "awaiting_replacement", "verifying", "grace_period"] as const;

describe("P8: Redis is lost, the audit sink is not", () => {
  it.each(STATES)("in %s: the rotation is what it was, approvals included, and goes on to its end", async (state) => {
    await to(state);
    const before = await rotation();
    world.redis.restore();
    const result = await full();
    expect(result).toMatchObject({ rebuilt: [ID], opened: [], problems: [] });
    const after = await rotation();
    expect(after).toMatchObject({
      state: before.state,
      approvals: before.approvals,
      planHash: before.planHash,
      graceEndsAt: before.graceEndsAt,
      rebuilt: "sink",
    });
    expect(after.revision).toBeGreaterThan(before.revision);
    expect(world.audit.actions()).toContain("rotation.rebuilt");
    if (state === "awaiting_approval") await approve(world.deps, ID, BY);
    await finish();
  });
  it.each(STATES)("in %s: the history says again what happened and by whom, from the audit sink", async (state) => {
    await to(state);
    const before = await rotation();
    world.redis.restore();
    await full();
    const rebuilt = { at: world.clock.now(), event: "rebuilt", actor: "keyturn", via: "scan" };
    expect((await rotation()).history).toEqual([...before.history, rebuilt]);
    world.redis.restore();
    await full();
    expect((await rotation()).history).toEqual([...before.history, rebuilt, rebuilt]);
  });
  it("a sink that fails while it is read for the history spoils nothing", async () => {
    await to("verifying");
    world.redis.restore();
    world.audit.entries = async function* () {
      yield* [];
      throw new Error("gone");
    };
    expect((await full()).rebuilt).toEqual([ID]);
    expect((await rotation()).history.map((h) => h.event)).toEqual(["rebuilt"]);
  });
  it("once is enough: the next scan finds nothing to rebuild", async () => {
    await to("verifying");
    world.redis.restore();
    await full();
    expect((await full()).rebuilt).toEqual([]);
  });
  it("R17: holds survive, and one that was lifted does not come back", async () => {
    await to("awaiting_approval");
    await hold(world.deps, "billing", BY);
    await hold(world.deps, outgoing.id, BY);
    await unhold(world.deps, outgoing.id, BY);
    for (const secret of world.store.secrets.values()) delete secret.marks["hold"];
    world.redis.restore();
    await full();
    expect(Object.keys(world.redis.state.holds)).toEqual(["billing"]);
  });
  it("a rotation that had ended stays ended", async () => {
    await to("awaiting_approval");
    await cancel(world.deps, ID, BY, null);
    await world.work();
    world.redis.restore();
    const result = await full();
    expect(result.rebuilt).toEqual([]);
    expect(result.opened).toEqual(["rot_0002"]);
  });
  it("no stale worker's write counts after the rebuild", async () => {
    await to("awaiting_replacement");
    const stale = await rotation();
    world.redis.restore();
    await full();
    const commit = {
      record: { ...stale, revision: stale.revision + 1 },
      expectedRevision: stale.revision,
      locks: [],
      audit: [],
    };
    await expect(world.deps.rotations.commit(commit)).rejects.toMatchObject({ code: "CONFLICT" });
  });
  it("a rotation whose target another one took meanwhile is reported, not forced", async () => {
    await to("awaiting_replacement");
    world.redis.restore();
    world.redis.state.locks.set("target:billing", "rot_other");
    const { rebuilt, problems } = await full();
    expect(rebuilt).toEqual([]);
    expect(problems.map((p) => p.code)).toEqual(["state_behind"]);
  });
  it.each(["awaiting_approval", "awaiting_replacement"] as const)(
    "in %s, and meanwhile another rotation replaced the key: it ends, and nobody is asked for anything",
    async (state) => {
      await to(state);
      const next = world.org.addKey({ name: "of-another-rotation" });
      for (const dest of [A, B]) world.put(dest, next.text);
      world.redis.restore();
      const { problems } = await full();
      await world.work();
      expect((await rotation()).state).toBe("cancelled");
      expect(problems.map((p) => p.message).join()).toContain("is in no destination any more");
      expect([world.value(A), world.value(B)]).toEqual([next.text, next.text]);
      expect(destructive()).toEqual([]);
      expect((await full()).rebuilt).toEqual([]);
    },
  );
  it("a damaged checkpoint is not believed", async () => {
    await to("awaiting_approval");
    for (const entry of world.audit.sink)
      if (entry.checkpoint !== undefined) entry.checkpoint = { id: ID, revision: 99, endedAt: null };
    world.redis.restore();
    expect((await full()).rebuilt).toEqual([]);
  });
});

describe("P8, R16: Redis is an old backup", () => {
  it("a record behind the sink is brought up to it, and that is reported", async () => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await handOver();
    await world.work();
    const latest = await rotation();
    expect(latest.state).toBe("grace_period");
    world.redis.restore(backup);
    const { rebuilt, problems } = await full();
    expect(rebuilt).toEqual([ID]);
    expect(problems).toMatchObject([{ code: "state_behind", target: "billing" }]);
    expect(await rotation()).toMatchObject({ state: "grace_period", graceEndsAt: latest.graceEndsAt, rebuilt: "sink" });
    await finish();
  });
  it("a rotation that the sink knows as cancelled is not promoted again", async () => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await cancel(world.deps, ID, BY, null);
    await world.work();
    world.redis.restore(backup);
    expect((await full()).problems.map((p) => p.code)).toContain("state_behind");
    expect((await rotation()).state).toBe("cancelled");
    expect(await world.open()).toEqual([]);
  });
  it("R2: what a person decided after the backup counts: a reinstated key is not archived", async () => {
    await to("grace_period");
    const backup = world.redis.backup();
    await reinstate(world.deps, ID, BY);
    await world.work();
    world.redis.restore(backup);
    await full();
    await world.clock.turn(8 * DAY);
    await world.work();
    expect((await rotation()).state).toBe("reinstated");
    expect(world.org.key(outgoing.id).status).toBe("active");
  });
  it.each([
    { when: "from before it was handed over", state: "awaiting_replacement" },
    { when: "from before it was verified", state: "verifying" },
  ] as const)("P2: a replacement in use is not asked for again by a record $when", async ({ state }) => {
    await to(state);
    const backup = world.redis.backup();
    if (state === "awaiting_replacement") await handOver();
    const first = replacement;
    await world.work();
    world.audit.condition = "none";
    world.redis.restore(backup);
    await full();
    await approve(world.deps, ID, BY);
    expect(await rotation()).toMatchObject({ state: "awaiting_replacement", replacement: { id: first.id } });
    await expect(handOver()).rejects.toMatchObject({ code: "WRONG_STATE" });
    replacement = first;
    await finish();
  });
  it.each([
    { by: "the sink", sink: "good", state: "grace_period" },
    { by: "the marks", sink: "none", state: "awaiting_approval" },
  ] as const)("a record does not catch up by failing while a manager is away: $by show it", async ({ sink, state }) => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await handOver();
    await world.work();
    const { revision } = await rotation();
    world.redis.restore(backup);
    world.audit.condition = sink;
    const away = () => Promise.reject(new KeyturnError("STORE_UNAVAILABLE"));
    for (let i = 0; i < 40; i++) {
      await advance(ID, { ...world.deps, stores: { ...world.deps.stores, of: away } });
      await world.clock.turn(MINUTE);
    }
    expect((await rotation()).revision).toBeGreaterThan(revision);
    await advance(ID, world.deps);
    expect(await rotation()).toMatchObject({ state: "awaiting_replacement", attention: { code: "state_behind" } });
    expect((await full()).rebuilt).toEqual([ID]);
    expect(await rotation()).toMatchObject({ state, attention: null, replacement: { id: replacement.id } });
  });
  it.each([
    { what: "reject", end: () => reject(world.deps, ID, BY, "no") },
    { what: "cancel", end: () => cancel(world.deps, ID, BY, null) },
    { what: "snooze", end: () => snooze(world.deps, ID, BY, world.clock.now() + DAY) },
  ])("P7: `$what` does not end a proposal whose marks say that it is carried out", async ({ end }) => {
    await to("awaiting_approval");
    const backup = world.redis.backup();
    await approve(world.deps, ID, BY);
    await world.work();
    await handOver();
    await world.work();
    world.redis.restore(backup);
    await expect(end()).rejects.toMatchObject({ code: "WRONG_STATE" });
    await world.clock.turn(30 * DAY);
    await world.work();
    // Nor does its deadline.
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", attention: { code: "state_behind" } });
    await full();
    await finish();
  });
  it("P2: a key is not accepted by a record whose marks are ahead, however little", async () => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await handOver();
    const first = replacement;
    world.redis.restore(backup);
    await expect(handOver()).rejects.toMatchObject({ code: "WRONG_STATE" });
    replacement = first;
    await full();
    await finish();
  });
  it("people can say no while the manager is away", async () => {
    await to("awaiting_approval");
    const away = () => Promise.reject(new KeyturnError("STORE_UNAVAILABLE"));
    const deps = { ...world.deps, stores: { ...world.deps.stores, of: away } };
    expect((await reject(deps, ID, BY, "no")).state).toBe("rejected");
  });
  it("what nobody could rebuild, and people decided on, is not behind again", async () => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await handOver();
    await world.work();
    world.redis.restore(backup);
    await advance(ID, world.deps);
    await world.clock.turn(11 * MINUTE);
    await cancel(world.deps, ID, BY, null);
    await advance(ID, world.deps);
    expect((await rotation()).attention?.code).not.toBe("state_behind");
  });
  it("without a sink the marks show it: everything is approved again before anything destructive", async () => {
    await to("awaiting_replacement");
    const backup = world.redis.backup();
    await handOver();
    await world.work();
    world.audit.condition = "none";
    world.redis.restore(backup);
    const before = destructive().length;
    const { rebuilt, problems } = await full();
    expect(rebuilt).toEqual([ID]);
    expect(problems.map((p) => p.code)).toContain("state_behind");
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", approvals: [], rebuilt: "marks" });
    await world.work();
    await world.clock.turn(2 * DAY);
    await world.work();
    expect(destructive()).toHaveLength(before);
    expect((await full()).rebuilt).toEqual([]);
  });
});

describe("P8, R2: Redis is lost and there is no readable sink", () => {
  const lose = (condition: "none" | "broken" = "none") => {
    world.audit.condition = condition;
    world.redis.restore();
    world.writes.length = 0;
  };
  const rebuilt = async (state: State = "awaiting_approval") => {
    expect((await full()).rebuilt).toEqual([ID]);
    expect(await rotation()).toMatchObject({ state, rebuilt: "marks", approvals: [], outgoing: { id: outgoing.id } });
    expect((await rotation()).approvalsNeeded).toBeGreaterThan(0);
  };
  it.each(STATES)(
    "in %s: a person approves again, then it goes on to its end with the same replacement",
    async (state) => {
      await to(state);
      lose();
      await rebuilt();
      await world.work();
      expect(destructive()).toEqual([]);
      await approve(world.deps, ID, BY);
      const given = replacement;
      await finish();
      if (state === "verifying" || state === "grace_period") expect(replacement).toBe(given);
    },
  );
  it("the sink's broken chain proves nothing", async () => {
    await to("grace_period");
    lose("broken");
    await rebuilt();
  });
  it("P4: the grace period starts again", async () => {
    await to("grace_period");
    await world.clock.turn(6 * DAY);
    lose();
    await full();
    await approve(world.deps, ID, BY);
    await world.work();
    expect(await rotation()).toMatchObject({ state: "grace_period", graceEndsAt: world.clock.now() + 7 * DAY });
  });
  it("nothing is left to do where the outgoing key was archived meanwhile: what is left beside the values is tidied up", async () => {
    await to("grace_period");
    world.org.change(outgoing.id, { status: "archived" });
    lose();
    const { rebuilt: none, problems } = await full();
    expect(none).toEqual([]);
    expect(problems.map((p) => p.code)).toEqual(["leftover_pending", "leftover_pending"]);
    expect(await world.open()).toEqual([]);
    expect(
      [...world.store.secrets.values()].map((s) => [s.pending.size, s.previous.size, s.marks["rotation"]]),
    ).toEqual([
      [0, 0, undefined],
      [0, 0, undefined],
    ]);
    expect((await full()).problems).toEqual([]);
  });
  it("P2: but a key that was only staged stays, also where the outgoing key was archived", async () => {
    await to("verifying");
    world.org.change(outgoing.id, { status: "archived" });
    lose();
    await full();
    expect(world.store.secrets.get("a.env")?.pending.get(`${ID}.ANTHROPIC_API_KEY`)?.value).toBe(replacement.text);
  });
  it("even where the policy asks for no approval, one is needed", async () => {
    for (const t of world.settings.targets) t.policy = { ...QUICK, approval: { ...QUICK.approval, required: false } };
    await full();
    await world.work();
    lose();
    await full();
    await world.work();
    expect(await rotation()).toMatchObject({ state: "awaiting_approval", approvalsNeeded: 1, rebuilt: "marks" });
  });
  it("half-promoted: both destinations end with the replacement", async () => {
    await to("verifying");
    world.store.fail = (call, dest) => {
      if (call === "promote" && dest.secret === "b.env") throw new Error("killed");
    };
    await world.work();
    world.store.fail = () => undefined;
    expect([world.value(A), world.value(B)]).toEqual([replacement.text, outgoing.text]);
    lose();
    await rebuilt();
    expect(await rotation()).toMatchObject({
      replacement: { id: replacement.id },
      progress: [{ promotedAt: world.clock.now() }, { promotedAt: null }],
    });
    await approve(world.deps, ID, BY);
    await finish();
  });
  it("R1: over every target that the marks name", async () => {
    const shared = makeWorld();
    const k = shared.org.addKey({ name: "shared", ageDays: 100 });
    shared.setTarget("billing", k);
    shared.setTarget("reports", k);
    await scan(shared.deps, { dryRun: false });
    shared.redis.restore();
    shared.audit.condition = "none";
    await scan(shared.deps, { dryRun: false });
    expect((await shared.rotation(ID)).plan.targets).toEqual(["billing", "reports"]);
  });
  it("P2: an accepted key whose marks are gone too stays where it is and is reported", async () => {
    await to("verifying");
    for (const secret of world.store.secrets.values()) secret.marks = {};
    lose();
    const { problems } = await full();
    expect(problems.map((p) => p.code)).toContain("leftover_pending");
    expect(world.store.secrets.get("a.env")?.pending.get(`${ID}.ANTHROPIC_API_KEY`)?.value).toBe(replacement.text);
  });
  it("R17: holds come back from the marks, on the target and on a key", async () => {
    await to("awaiting_approval");
    await hold(world.deps, "billing", BY);
    lose();
    await full();
    expect(Object.keys(world.redis.state.holds)).toEqual(["billing"]);
    lose();
    for (const secret of world.store.secrets.values()) secret.marks["hold"] = outgoing.id;
    await full();
    expect(Object.keys(world.redis.state.holds)).toEqual([outgoing.id]);
  });
});

describe("R2: a forged mark", () => {
  const forge = (marks: Record<string, string>) => {
    for (const secret of world.store.secrets.values())
      secret.marks = {
        v: "1",
        install: "keyturn",
        rotation: "rot_forged",
        rev: "40",
        t: String(world.clock.now()),
        ...marks,
      };
  };
  let theirs: { id: string; text: string };
  beforeEach(() => {
    outgoing = world.org.addKey({ name: "young" });
    theirs = world.org.addKey({ name: "other-team", ageDays: 5 });
    world.put(A, outgoing.text);
    world.put(B, outgoing.text);
  });
  const DEACTIVATED = { phase: "deactivated" };

  it("is not used where a verified sink would know the rotation", async () => {
    world.setTarget("reports", world.org.addKey({ name: "r", ageDays: 100 }));
    await full();
    await world.clock.turn(DAY);
    forge({ ...DEACTIVATED, outgoing: theirs.id, replacement: outgoing.id });
    const { rebuilt, problems } = await full();
    expect(rebuilt).toEqual([]);
    expect(problems.map((p) => p.code)).toEqual(["unknown_mark"]);
    expect(await world.deps.rotations.load("rot_forged")).toBeNull();
  });
  it.each([
    {
      when: "names another team's key as outgoing",
      with: () => ({ ...DEACTIVATED, outgoing: theirs.id, replacement: outgoing.id }),
    },
    {
      when: "names it with the value's own fingerprint",
      with: () => ({
        ...DEACTIVATED,
        outgoing: theirs.id,
        replacement: outgoing.id,
        fp: markFingerprint("x".repeat(32)),
      }),
    },
    {
      when: "says that the key in use is to be replaced",
      with: () => ({ phase: "archive", outgoing: outgoing.id, replacement: theirs.id }),
    },
  ])("without a sink it leads to no destructive call, if it $when", async (given) => {
    world.audit.condition = "none";
    forge(given.with());
    await full();
    for (let day = 0; day < 30; day++) {
      await world.clock.turn(DAY);
      await world.work();
    }
    expect(destructive()).toEqual([]);
    for (const id of [outgoing.id, theirs.id]) expect(world.org.key(id).status).toBe("active");
  });
  it("what it leads to, at most, is a proposal that shows whose key it is", async () => {
    world.audit.condition = "none";
    forge({ ...DEACTIVATED, outgoing: theirs.id, replacement: outgoing.id });
    expect((await full()).rebuilt).toEqual(["rot_forged"]);
    expect(await world.rotation("rot_forged")).toMatchObject({
      state: "awaiting_approval",
      approvals: [],
      outgoing: { name: "other-team" },
    });
  });
  it.each<{ when: string; with: () => Record<string, string> }>([
    { when: "names a key that does not exist", with: () => ({ outgoing: "apikey_999" }) },
    { when: "names no key", with: () => ({}) },
    { when: "names keys that are in none of the destinations", with: () => ({ outgoing: theirs.id }) },
    {
      when: "names a key that is archived",
      with: () => ({ outgoing: world.org.addKey({ name: "gone", status: "archived" }).id }),
    },
  ])("leads to nothing, if it $when", async (given) => {
    world.audit.condition = "none";
    forge(given.with());
    expect((await full()).rebuilt).toEqual([]);
    expect(await world.open()).toEqual([]);
  });
  it("leads to nothing, if the marks of two destinations contradict each other", async () => {
    world.audit.condition = "none";
    forge({ outgoing: theirs.id, replacement: outgoing.id });
    const second = world.store.secrets.get("b.env");
    if (second !== undefined) second.marks["outgoing"] = outgoing.id;
    const { rebuilt, problems } = await full();
    expect(rebuilt).toEqual([]);
    expect(problems.map((p) => p.code)).toContain("unknown_mark");
  });
  it("a revision of its own making does not unsettle a finished rotation", async () => {
    world.put(A, theirs.text);
    world.put(B, theirs.text);
    world.org.change(theirs.id, { createdAt: world.clock.now() - 100 * DAY });
    await full();
    await cancel(world.deps, ID, BY, null);
    await world.work();
    forge({ rotation: ID, rev: "999", outgoing: theirs.id });
    expect((await full()).rebuilt).toEqual([]);
    expect(await rotation()).toMatchObject({ state: "cancelled" });
  });
  it("one that looks like a hold holds: that is the safe side", async () => {
    forge({ hold: "billing" });
    await full();
    expect(Object.keys(world.redis.state.holds)).toEqual(["billing"]);
  });
});
