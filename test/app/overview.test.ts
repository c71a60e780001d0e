import { describe, expect, it } from "vitest";
import { history, overview, targetOverview } from "../../src/app/overview.ts";
import { KEPT } from "../../src/app/scan/keep-report.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { evidenceOf } from "../../src/app/evidence-of.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { DAY, aKey, aPlan, aRotation } from "../support/records.ts";
import { makeWorld } from "../support/world.ts";

const target = async (world: ReturnType<typeof makeWorld>, name: string) =>
  (await overview(world.deps)).targets.shown.find((t) => t.name === name);

describe("the overview", () => {
  it("before the first scan the configured targets are there, and nothing is claimed about them", async () => {
    const world = makeWorld();
    world.setTarget("billing", null);
    const o = await overview(world.deps);
    expect(o).toMatchObject({ lastScan: null, open: [], ended: [], problems: { total: 0 }, unmanaged: { total: 0 } });
    expect(o.targets.shown).toEqual([
      expect.objectContaining({
        name: "billing",
        keyId: null,
        ageMs: null,
        dueAt: null,
        message: null,
        rotation: null,
      }),
    ]);
  });

  it("a scan keeps what it found: keys, ages, due dates, problems and keys nobody manages", async () => {
    const world = makeWorld();
    const old = world.org.addKey({ name: "billing", ageDays: 91 });
    const young = world.org.addKey({ name: "search", ageDays: 10 });
    world.org.addKey({ name: "nobodys", ageDays: 5 });
    world.setTarget("billing", old);
    world.setTarget("search", young);
    world.setTarget("empty", null);
    await scan(world.deps, { dryRun: false });
    const o = await overview(world.deps);
    const now = world.clock.now();
    expect(o.lastScan).toBe(now);
    expect(await target(world, "search")).toMatchObject({
      keyId: young.id,
      keyName: "search",
      ageMs: 10 * DAY,
      maxAgeMs: 90 * DAY,
      dueAt: now + 80 * DAY,
      due: false,
    });
    expect(await target(world, "billing")).toMatchObject({ rotation: { state: "awaiting_approval" }, ageMs: 91 * DAY });
    expect(o.problems.shown).toContainEqual(expect.objectContaining({ code: "destination_missing", target: "empty" }));
    expect(o.unmanaged).toMatchObject({ total: 1, shown: [{ name: "nobodys", ageDays: 5 }] });
    expect(o.upcoming).toEqual([]);
    await world.clock.turn(55 * DAY);
    expect((await overview(world.deps)).upcoming.map((t) => t.name)).toContain("search");
  });

  it("a dry run keeps nothing", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 1 }));
    await scan(world.deps, { dryRun: true });
    expect(await world.deps.scanLog.report()).toBeNull();
  });

  it("a report that cannot be kept does not spoil the scan", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 1 }));
    const scanLog = {
      ...world.deps.scanLog,
      rememberReport: () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE")),
    };
    await expect(scan({ ...world.deps, scanLog }, { dryRun: false })).resolves.toMatchObject({ schema: 1 });
    expect(world.log.lines.map((line) => line.fields["event"])).toContain("scan.report_not_kept");
  });

  it(`of a large organization the oldest ${KEPT.unmanaged} unmanaged keys are kept, and how many there are`, async () => {
    const world = makeWorld();
    for (let n = 0; n < KEPT.unmanaged + 50; n++) world.org.addKey({ name: `k${n}`, ageDays: n });
    await scan(world.deps, { dryRun: false });
    const report = await world.deps.scanLog.report();
    expect(report?.unmanaged.total).toBe(KEPT.unmanaged + 50);
    expect(report?.unmanaged.shown).toHaveLength(KEPT.unmanaged);
    expect(report?.unmanaged.shown[0]).toMatchObject({ ageDays: KEPT.unmanaged + 49 });
  });

  it.each([
    { when: "while both keys work", state: "draining" as const, endedAt: null },
    { when: "after the end, until the next scan", state: "completed" as const, endedAt: 1 },
  ])("$when, a target shows the key that applications read", async ({ state, endedAt }) => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "billing", ageDays: 80 });
    world.setTarget("billing", key);
    await scan(world.deps, { dryRun: false });
    await world.clock.turn(DAY);
    const now = world.clock.now();
    const record = aRotation({
      id: "rot_1",
      state,
      endedAt: endedAt === null ? null : now,
      outgoing: aKey(key.id),
      replacement: aKey("apikey_new", { createdAt: now - DAY }),
      progress: [
        {
          baseVersion: null,
          pendingVersion: null,
          stagedAt: null,
          promotedVersion: "2",
          promotedAt: now,
          rolledBackAt: null,
        },
      ],
    });
    await world.deps.rotations.commit({ record, expectedRevision: 0, locks: [], audit: [] });
    expect(await target(world, "billing")).toMatchObject({ keyId: "apikey_new", ageMs: DAY, dueAt: now + 89 * DAY });
  });

  it("what needs a person comes first, then what ends soonest", async () => {
    const world = makeWorld();
    const open = [
      aRotation({ id: "rot_later", deadline: 200, target: "a", plan: aPlan({ targets: ["a"] }) }),
      aRotation({ id: "rot_clock", deadline: null, state: "draining", target: "b", plan: aPlan({ targets: ["b"] }) }),
      aRotation({ id: "rot_soon", deadline: 100, target: "c", plan: aPlan({ targets: ["c"] }) }),
      aRotation({
        id: "rot_broken",
        deadline: null,
        target: "d",
        plan: aPlan({ targets: ["d"] }),
        attention: { code: "clock", message: "m", next: "n", since: 0, looks: 0 },
      }),
    ];
    for (const record of open) await world.deps.rotations.commit({ record, expectedRevision: 0, locks: [], audit: [] });
    expect((await overview(world.deps)).open.map((r) => r.id)).toEqual([
      "rot_broken",
      "rot_soon",
      "rot_later",
      "rot_clock",
    ]);
  });

  it("a hold on the target or on its key is shown", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "billing", ageDays: 1 });
    world.setTarget("billing", key);
    await scan(world.deps, { dryRun: false });
    expect(await target(world, "billing")).toMatchObject({ held: false });
    world.settings.holds.push(key.id);
    expect(await target(world, "billing")).toMatchObject({ held: true });
  });

  it("asks neither the Admin API nor a store", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 91 }));
    await scan(world.deps, { dryRun: false });
    const never = () => {
      throw new Error("asked");
    };
    const deps = {
      ...world.deps,
      admin: new Proxy(world.deps.admin, { get: () => never }),
      stores: { of: never, close: async () => undefined },
    };
    expect((await overview(deps)).targets.total).toBe(1);
    expect(await targetOverview(deps, "billing")).toMatchObject({ rotations: [{ target: "billing" }] });
    expect(await targetOverview(deps, "unknown")).toBeNull();
  });

  it("all rotations are listed page by page", async () => {
    const world = makeWorld();
    for (let n = 0; n < 5; n++) {
      const record = aRotation({ id: `rot_${n}`, createdAt: n, target: `t${n}`, plan: aPlan({ targets: [`t${n}`] }) });
      await world.deps.rotations.commit({ record, expectedRevision: 0, locks: [], audit: [] });
    }
    const pages = await Promise.all([0, 1, 2, 3].map((page) => history(world.deps, { page, size: 2 })));
    expect(pages.map((p) => [p.rotations.map((r) => r.id).join(), p.more])).toEqual([
      ["rot_4,rot_3", true],
      ["rot_2,rot_1", true],
      ["rot_0", false],
      ["", false],
    ]);
  });
});

describe("the evidence of a rotation", () => {
  it("is the newest entries about it, counted all, one reader at a time", async () => {
    let reading = 0;
    let most = 0;
    async function* entries(): AsyncGenerator<AuditEntry> {
      most = Math.max(most, ++reading);
      for (let seq = 0; seq < 30; seq++) {
        await Promise.resolve();
        yield { seq, rotation: seq % 2 === 0 ? "rot_1" : "rot_2" } as AuditEntry;
      }
      reading -= 1;
    }
    const audit = { entries } as never;
    const both = await Promise.all([evidenceOf({ audit }, "rot_1", 3), evidenceOf({ audit }, "rot_1", 100)]);
    expect(both.map((e) => [e.entries.length, e.total, e.entries.at(-1)?.seq])).toEqual([
      [3, 15, 28],
      [15, 15, 28],
    ]);
    expect(most).toBe(1);
  });

  it("a log that cannot be read is said, and the next reader tries again", async () => {
    let broken = true;
    async function* entries(): AsyncGenerator<AuditEntry> {
      await Promise.resolve();
      if (broken) throw new KeyturnError("SINK_UNAVAILABLE");
      yield { seq: 1, rotation: "rot_1" } as AuditEntry;
    }
    const audit = { entries } as never;
    await expect(evidenceOf({ audit }, "rot_1", 3)).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    broken = false;
    expect((await evidenceOf({ audit }, "rot_1", 3)).total).toBe(1);
  });
});
