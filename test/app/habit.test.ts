import { describe, expect, it, vi } from "vitest";
import { habitReader } from "../../src/app/habit.ts";
import { revoke } from "../../src/app/revoke.ts";
import { scan } from "../../src/app/scan/scan.ts";
import type { KeyAdmin, UsageWindow } from "../../src/ports/key-admin.ts";
import { expectedQuietMs } from "../../src/rotation/drain.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { planHashOf } from "../../src/rotation/plan.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { viewOf } from "../../src/rotation/view.ts";
import { type CardSettings, renderCard } from "../../src/slack/card.ts";
import { DAY, type Drive, ana } from "../support/drive.ts";
import { drives } from "../support/drives.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { NOON, aPlan, aRotation } from "../support/records.ts";
import { turnedClock } from "../support/turned-clock.ts";
import { makeWorld } from "../support/world.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "24h", limit: "3d" } } };
const SETTINGS: CardSettings = { publicUrl: null, dashboard: false, approvers: { users: [], groups: [] } };
const cardOf = (r: Rotation): string => JSON.stringify(renderCard(r, SETTINGS, [], false));
const DECIDES = "a person will have to decide";
const UNKNOWN = "is not known, because its usage could not be read";

describe("R13: the approval card already says what to expect of the drain", () => {
  const start = drives();
  const keyIdOf = (d: Drive): string => d.keys["billing"]?.key.id ?? "";
  const weekly = async (d: Drive) => {
    for (const ago of [1, 8, 15])
      await d.console.injectUsage({ keyId: keyIdOf(d), days: { count: 1, endingDaysAgo: ago } });
  };

  it("a weekly batch and a limit of three days: a person will have to decide", async () => {
    const d = await start({ config });
    await weekly(d);
    const r = await d.open();
    expect(r).toMatchObject({ state: "awaiting_approval", longestPauseMs: 7 * DAY });
    expect(cardOf(r)).toContain(
      `unused for 7 days, its longest pause in the month before, but the limit is 3 days: ${DECIDES}`,
    );
    expect(viewOf(await d.load(r.id)).expectedQuietMs).toBe(7 * DAY);
    // … and it comes true.
    await d.until(r.id, "draining");
    await d.turn(3.1 * DAY);
    expect(await d.step(r.id)).toMatchObject({ state: "draining", attention: { code: "usage_unknown" } });
  });

  it("a weekly batch and a limit that is longer: how long it takes, and nobody has to decide", async () => {
    const d = await start({ config: { policy: { drain: { quietFor: "24h", limit: "14d" } } } });
    await weekly(d);
    const card = cardOf(await d.open());
    expect(card).toContain("unused for 7 days, its longest pause in the month before (within 14 days)");
    expect(card).not.toContain(DECIDES);
  });

  it.each([
    { use: "every day", days: 20 },
    { use: "never", days: 0 },
  ])("a key used $use: the configured quiet time, and nobody has to decide", async ({ days }) => {
    const d = await start({ config });
    if (days > 0) await d.console.injectUsage({ keyId: keyIdOf(d), days: { count: days, endingDaysAgo: 1 } });
    const r = await d.open();
    expect(r.longestPauseMs).toBe(0);
    expect(cardOf(r)).toContain("unused for 1 day (within 3 days)");
    expect(cardOf(r)).not.toContain(DECIDES);
    expect(cardOf(r)).not.toContain(UNKNOWN);
    expect(viewOf(r).expectedQuietMs).toBe(DAY);
  });

  it.each([
    { what: "fails", fault: { kind: "status", status: 500 } },
    { what: "refuses us", fault: { kind: "status", status: 403, type: "permission_error" } },
    { what: "answers with something else", fault: { kind: "html" } },
  ] as const)("usage that $what: it opens all the same, and says that it is not known", async ({ fault }) => {
    const d = await start({ config });
    await weekly(d);
    await d.console.addFault({ match: { path: "usage" }, times: null, fault });
    const r = await d.open();
    expect(r).toMatchObject({ state: "awaiting_approval", longestPauseMs: null });
    expect(cardOf(r)).toContain("unused for 1 day (within 3 days)");
    expect(cardOf(r)).toContain(UNKNOWN);
    expect(viewOf(r).expectedQuietMs).toBeNull();
    expect(d.log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", fields: expect.objectContaining({ event: "habit.unknown" }) }),
    );
  });

  it("usage of unknown freshness proves nothing: not known", async () => {
    const d = await start({ config });
    await weekly(d);
    await d.console.settings({ dataRefreshedAt: "null" });
    expect(cardOf(await d.open())).toContain(UNKNOWN);
  });

  it("R15: it is no part of the plan, and follows the plan when that changes", async () => {
    const d = await start({ config });
    await weekly(d);
    const r = await d.open();
    expect(planHashOf(r.plan)).toBe(r.planHash);
    expect(Object.keys(r.plan)).toEqual(Object.keys(aPlan()));
    expect((await d.step(r.id)).planHash).toBe(r.planHash);
    await d.lab.configure({ policy: { drain: { quietFor: "9d", limit: "14d" } } });
    d.deps = await d.again();
    const after = await d.step(r.id);
    expect(after.planHash).not.toBe(r.planHash);
    expect(cardOf(after)).toContain("unused for 9 days (within 14 days)");
    expect(cardOf(after)).not.toContain(DECIDES);
    await d.lab.configure({ policy: { drain: { quietFor: "1h", limit: "14d" } } });
    d.deps = await d.again();
    expect(cardOf(await d.step(r.id))).toContain("unused for 7 days, its longest pause");
  });

  it.each([
    { what: "that leaked", more: { reason: "compromised" }, said: "use is not watched" },
    {
      what: "whose use is not checked",
      more: { timing: { ...aRotation().timing, noUsageCheck: true } },
      said: "use is not watched",
    },
    { what: "that others deactivated", more: { reason: "deactivated_elsewhere" }, said: "unused for 1 day" },
  ] as const)("of a key $what nobody asks, and nothing is said to be unknown", async ({ more, said }) => {
    const { deps, asked } = counting(async () => aWindow());
    const r = aRotation(more);
    expect(await habitReader(deps)(r)).toBeNull();
    expect(asked).toEqual([]);
    expect(cardOf(r)).toContain(said);
    expect(cardOf(r)).not.toContain("not known");
  });

  it("a record from before this was read: not known", () => {
    const { longestPauseMs: _none, ...old } = aRotation({ longestPauseMs: 0 });
    expect(expectedQuietMs(old)).toBeNull();
    expect(cardOf(old)).toContain(UNKNOWN);
  });
});

describe("R13: reading a key's habit delays nothing and stops nothing", () => {
  const asking = ["age", "expires_soon", "owner_left", "requested"] as const;

  it.each(asking)("a rotation because of `%s` asks for the 31 days before, by day", async (reason) => {
    const { deps, asked } = counting(async () => aWindow({ days: ["2026-11-02", "2026-11-09"] }));
    expect(await habitReader(deps)(aRotation({ reason }))).toBe(7 * DAY);
    const now = deps.clock.now();
    expect(asked).toEqual([["apikey_out", now - 31 * DAY, now, "day"]]);
  });

  it("a report that does not come is waited for so long, and not once for every key", async () => {
    const { deps, asked } = counting((signal) => never(signal));
    const habitOf = habitReader(deps, { oneReadMs: 40, patienceMs: 100 });
    for (let i = 0; i < 20; i++) expect(await habitOf(aRotation())).toBeNull();
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThan(5);
    expect(deps.log.lines[0]?.fields).toMatchObject({ event: "habit.unknown", code: "timeout" });
  });

  it("reports that come are asked for, however many keys there are and however long that takes", async () => {
    const { deps, asked } = counting(async () => aWindow());
    const habitOf = habitReader(deps, { oneReadMs: 1000, patienceMs: 0.000_1 });
    for (let i = 0; i < 20; i++) expect(await habitOf(aRotation())).toBe(0);
    expect(asked).toHaveLength(20);
  });

  it("a scan asks for what it opens and nothing else; without answers it opens all the same and soon stops asking", async () => {
    const world = makeWorld({ settings: { maxOpenRotations: 4 } });
    for (let i = 0; i < 6; i++) world.setTarget(`t${i}`, world.org.addKey({ name: `k${i}`, ageDays: 100 + i }));
    world.setTarget("fresh", world.org.addKey({ name: "fresh", ageDays: 3 }));
    const asked: string[] = [];
    let elapsed = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => elapsed);
    const usage = async (id: string): Promise<UsageWindow> => {
      asked.push(id);
      elapsed += 6_000;
      throw new KeyturnError("ADMIN_UNAVAILABLE", "(503)");
    };
    world.deps.admin = { ...world.org.admin, usage };
    expect((await scan(world.deps, { dryRun: true })).opened).toEqual([]);
    expect(asked).toEqual([]);
    expect((await scan(world.deps, { dryRun: false })).opened).toHaveLength(4);
    clock.mockRestore();
    expect(asked).toHaveLength(3);
    expect((await world.open()).map((r) => r.longestPauseMs)).toEqual([null, null, null, null]);
  });

  it("P8: a card that asks again because Redis is lost says what to expect as well", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "billing-key", ageDays: 100 });
    world.setTarget("billing", key);
    world.org.usageOf.set(key.id, { days: ["2026-11-02", "2026-11-12"] });
    const [id = ""] = (await scan(world.deps, { dryRun: false })).opened;
    expect(cardOf(await world.rotation(id))).toContain(DECIDES);
    world.redis.restore();
    world.audit.condition = "none";
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([id]);
    expect(await world.rotation(id)).toMatchObject({ rebuilt: "marks", longestPauseMs: 10 * DAY });
    expect(cardOf(await world.rotation(id))).toContain(DECIDES);
  });

  it("P8: what the audit sink brings back says what it said", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "billing-key", ageDays: 100 });
    world.setTarget("billing", key);
    world.org.usageOf.set(key.id, { days: ["2026-11-02", "2026-11-12"] });
    const [id = ""] = (await scan(world.deps, { dryRun: false })).opened;
    world.org.usageOf.clear();
    world.redis.restore();
    expect((await scan(world.deps, { dryRun: false })).rebuilt).toEqual([id]);
    expect(await world.rotation(id)).toMatchObject({ rebuilt: "sink", longestPauseMs: 10 * DAY });
  });

  it("revoking does not wait for it", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "billing-key", ageDays: 5 });
    world.setTarget("billing", key);
    world.deps.admin = { ...world.org.admin, usage: () => new Promise(() => undefined) };
    const { rotation } = await revoke(world.deps, "billing", ana, { unmanaged: false });
    expect(rotation.state).toBe("revoking");
  });
});

const aWindow = (more: Partial<UsageWindow> = {}): UsageWindow => ({
  requests: 0,
  tokens: 0,
  lastUsedAt: null,
  days: [],
  freshUntil: NOON,
  source: "analytics",
  ...more,
});

const never = (signal: AbortSignal | undefined) =>
  new Promise<UsageWindow>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));

/** What a reader needs, with the questions that it asked. */
function counting(answer: (signal: AbortSignal | undefined) => Promise<UsageWindow>) {
  const asked: unknown[][] = [];
  const log = listeningLog();
  const { admin } = makeWorld().org;
  const usage: KeyAdmin["usage"] = (id, from, to, bucket, signal) => {
    asked.push([id, from, to, bucket]);
    return answer(signal);
  };
  return { asked, deps: { clock: turnedClock(NOON), log, admin: { ...admin, usage } } };
}
