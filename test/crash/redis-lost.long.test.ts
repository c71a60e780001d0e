import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { advance } from "../../src/app/advance.ts";
import { approve } from "../../src/app/approve.ts";
import { hold, unhold } from "../../src/app/hold.ts";
import { type ScanResult, scan } from "../../src/app/scan/scan.ts";
import type { App } from "../../src/compose.ts";
import { startApplication } from "./application.ts";
import { changesOf, checkEnding } from "./checks.ts";
import { type Ground, inLanes, startGround } from "./ground.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { type Site, accepted, ana, approved, makeSite, restart } from "./site.ts";
import { dieAt, killAll, record } from "./victim.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await startGround();
});
afterEach(killAll);
afterAll(() => ground.close());

const [WHOLE] = SCENARIOS as [Scenario, ...Scenario[]];
/** More steps than a rotation takes; what is left over does nothing. */
const STEPS = 12;

/** Everything of this installation is gone; the others of the suite keep theirs. */
async function loseRedis(site: Site): Promise<void> {
  const { client } = ground.redis;
  const keys = await client.keys(`{${site.name}}*`);
  if (keys.length > 0) await client.del(...keys);
}

type Backup = { key: string; value: Buffer; ttl: number }[];
async function backUp(site: Site): Promise<Backup> {
  const { client } = ground.redis;
  const keys = await client.keys(`{${site.name}}*`);
  const found = await Promise.all(
    keys.map(async (key) => ({ key, value: await client.dumpBuffer(key), ttl: await client.pttl(key) })),
  );
  return found.flatMap(({ key, value, ttl }) => (value === null ? [] : [{ key, value, ttl: Math.max(0, ttl) }]));
}
async function restoreFrom(site: Site, backup: Backup): Promise<void> {
  await loseRedis(site);
  for (const { key, value, ttl } of backup) await ground.redis.client.restore(key, ttl, value);
}

/** Steps without a queue; pauses that the grace period is over when it is asked for. */
async function take(app: App, id: string, steps: number): Promise<void> {
  for (let n = 0; n < steps; n++) {
    const record = await app.deps.rotations.load(id);
    if (record?.state === "grace_period")
      await app.deps.clock.sleep(Math.max(0, (record.graceEndsAt ?? 0) - app.deps.clock.now()));
    await advance(id, app.deps);
  }
}

const scanned = (site: Site): Promise<ScanResult> => site.within(({ deps }) => scan(deps, { dryRun: false }));
const codes = (result: ScanResult): string[] => result.problems.map((p) => p.code);

/** A person answers every question that is open after the loss. */
async function approveAgain(site: Site, id: string): Promise<void> {
  await site.within(async ({ deps }) => {
    const there = await deps.rotations.load(id);
    if (there === null || there.endedAt !== null) return;
    if (there.approvals.length < there.approvalsNeeded) await approve(deps, id, ana);
  });
}

describe.each([
  { sink: true, how: "with the audit file it goes on by itself" },
  { sink: false, how: "without it a person approves again" },
])("P8: Redis is emptied; $how", ({ sink }) => {
  it("after every step", { timeout: 300_000 }, async () => {
    const cases = Array.from({ length: STEPS }, (_, steps) => ({ name: `sink ${sink}, after ${steps} steps`, steps }));
    await inLanes(`emptied, sink ${sink}`, cases, async ({ steps }) => {
      const site = await makeSite(ground, { sink });
      const { id, replacementId } = await site.within((app) => WHOLE.prepare(site, app));
      const application = startApplication(site);
      try {
        await site.within((app) => take(app, id, steps));
        const before = await site.within(({ deps }) => deps.rotations.load(id));
        await loseRedis(site);
        const result = await scanned(site);
        if (before?.endedAt === null && before.outgoing.id === id) expect(result.rebuilt).toEqual([id]);
        if (!sink) await approveAgain(site, id);
        await restart(site);
        await endsAsEver(site, id, replacementId, before?.endedAt === null || before?.cleanedUp === false);
      } finally {
        await application.stop();
      }
    });
  });

  it("at every place where a worker is killed", { timeout: 600_000 }, async () => {
    const first = await makeSite(ground);
    await first.within((app) => accepted(first, app));
    const names = [...new Set((await record(first)).map((call) => call.name))].filter(
      (name) => !/^(start|completed)\//.test(name) && !/(wake|changed|release|sync)$/.test(name),
    );
    await inLanes(
      `killed and emptied, sink ${sink}`,
      names.map((name) => ({ name })),
      async ({ name }) => {
        const site = await makeSite(ground, { sink });
        const { id, replacementId } = await site.within((app) => WHOLE.prepare(site, app));
        const application = startApplication(site);
        try {
          await dieAt(site, { at: `${name}#1`, when: "after" });
          await loseRedis(site);
          await scanned(site);
          if (!sink) await approveAgain(site, id);
          await restart(site);
          await endsAsEver(site, id, replacementId, true);
        } finally {
          await application.stop();
        }
      },
    );
  });
});

/**
 * The same keys in the same places and the same calls. The record may be gone when it had ended, or when the key was
 * archived before anything but the marks could tell of it: then only the outside is looked at.
 */
async function endsAsEver(site: Site, id: string, replacementId: string | null, wasOpen: boolean): Promise<void> {
  const there = await site.within(({ deps }) => deps.rotations.load(id));
  const calls = (await changesOf(site, site.outgoing.key.id)).map((c) => c.bodyStatus);
  const over = (await ground.console.history(site.outgoing.key.id)).key.status === "archived";
  if (there !== null || (wasOpen && !over)) return checkEnding(site, id, replacementId, WHOLE.ending);
  expect(calls).toEqual(["inactive", "archived"]);
  for (const file of ["eu.env", "us.env"]) expect(await site.value(file)).not.toBe(site.outgoing.secret);
}

describe.each([{ sink: true }, { sink: false }])(
  "P8, R16: an old Redis is restored (audit file: $sink)",
  ({ sink }) => {
    it("at every later step: it is noticed, and no call is made twice", { timeout: 600_000 }, async () => {
      const pairs = Array.from({ length: STEPS - 1 }, (_, n) => n + 1).flatMap((later) =>
        [...new Set([0, Math.max(0, later - 1), Math.max(0, later - 3)])].map((earlier) => ({
          name: `of step ${earlier} at step ${later}`,
          earlier,
          later,
        })),
      );
      await inLanes(`old Redis, sink ${sink}`, pairs, async ({ earlier, later }) => {
        const site = await makeSite(ground, { sink });
        const { id, replacementId } = await site.within((app) => WHOLE.prepare(site, app));
        const application = startApplication(site);
        try {
          await site.within((app) => take(app, id, earlier));
          const backup = await backUp(site);
          const old = await site.within(({ deps }) => deps.rotations.load(id));
          await site.within((app) => take(app, id, later - earlier));
          const newer = await site.within(({ deps }) => deps.rotations.load(id));
          await restoreFrom(site, backup);
          const result = await scanned(site);
          // What only the due index had is no other state; nothing is to be noticed then.
          if (sink && newer?.state !== old?.state)
            expect([...codes(result), ...result.rebuilt]).toContain("state_behind");
          await approveAgain(site, id);
          await restart(site);
          await endsAsEver(site, id, replacementId, true);
        } finally {
          await application.stop();
        }
      });
    });

    it("and workers go on before any scan: no call is made twice", { timeout: 300_000 }, async () => {
      const pairs = Array.from({ length: STEPS - 1 }, (_, n) => ({ name: `of step 0 at step ${n + 1}`, later: n + 1 }));
      await inLanes(`old Redis, workers first, sink ${sink}`, pairs, async ({ later }) => {
        const site = await makeSite(ground, { sink });
        const { id, replacementId } = await site.within((app) => WHOLE.prepare(site, app));
        const application = startApplication(site);
        try {
          const backup = await backUp(site);
          await site.within((app) => take(app, id, later));
          await restoreFrom(site, backup);
          await restart(site);
          await scanned(site);
          await approveAgain(site, id);
          await restart(site);
          await endsAsEver(site, id, replacementId, true);
        } finally {
          await application.stop();
        }
      });
    });
  },
);

describe("P5, R2: a forged mark never leads to a destructive call", () => {
  const marksFile = (site: Site, file: string) => join(site.dir, `.${file}.keyturn-marks`);
  const FORGERIES = [
    { phase: "deactivated", replacement: "current" },
    { phase: "archive", replacement: "current" },
    { phase: "revoke", replacement: "none" },
    { phase: "promoted", replacement: "foreign" },
  ] as const;

  it.each([true, false].flatMap((sink) => FORGERIES.map((forgery) => ({ sink, ...forgery }))))(
    "audit file $sink: phase $phase, replacement $replacement",
    async ({ sink, phase, replacement }) => {
      const site = await makeSite(ground, { sink });
      const foreign = await ground.console.seedKey({ name: "other-team-prod", ageDays: 200 });
      const second = await ground.console.seedKey({ name: "other-team-next", ageDays: 2 });
      await site.within(({ deps }) => scan(deps, { dryRun: true }));
      const named = { current: site.outgoing.key.id, none: "", foreign: second.key.id }[replacement];
      const lines = {
        v: "1",
        install: site.name,
        rotation: "rot_00000000000000000000",
        rev: "40",
        phase,
        outgoing: foreign.key.id,
        replacement: named,
        t: "1700000000000",
      };
      const text = Object.entries(lines)
        .filter(([, value]) => value !== "")
        .map(([name, value]) => `keyturn-${name}=${value}\n`)
        .join("");
      for (const file of ["eu.env", "us.env"]) await writeFile(marksFile(site, file), text, { mode: 0o600 });
      await loseRedis(site);
      await scanned(site);
      await restart(site);
      await scanned(site);
      await restart(site);
      for (const key of [foreign, second]) {
        expect(await changesOf(site, key.key.id)).toEqual([]);
        expect((await ground.console.history(key.key.id)).key.status).toBe("active");
      }
      expect(await changesOf(site, site.outgoing.key.id)).toEqual([]);
    },
  );
});

describe.each([{ sink: true }, { sink: false }])(
  "P8, R17: a hold survives the loss of Redis (audit file: $sink)",
  ({ sink }) => {
    it.each(["target", "key"])("set on the %s", async (on) => {
      const site = await makeSite(ground, { sink });
      const { id, replacementId } = await site.within((app) => WHOLE.prepare(site, app));
      const subject = on === "target" ? "billing" : site.outgoing.key.id;
      await site.within(({ deps }) => hold(deps, subject, ana));
      await loseRedis(site);
      await scanned(site);
      await approveAgain(site, id);
      await restart(site);
      expect(await changesOf(site, site.outgoing.key.id)).toEqual([]);
      expect(await site.within(({ deps }) => deps.holds.list())).toHaveProperty(subject);
      await site.within(({ deps }) => unhold(deps, subject, ana));
      await restart(site);
      await checkEnding(site, id, replacementId, WHOLE.ending);
    });
  },
);

it("P2: a key accepted before the loss is the one that is promoted, though nobody hands it over again", async () => {
  const site = await makeSite(ground, { sink: false });
  const { id, replacement } = await site.within((app) => accepted(site, app));
  await loseRedis(site);
  await scanned(site);
  await approveAgain(site, id);
  await restart(site);
  for (const file of ["eu.env", "us.env"]) expect(await site.value(file)).toBe(replacement.secret);
});

it("a rotation that still waits for a key is rebuilt as it was, approvals included, from the audit file", async () => {
  const site = await makeSite(ground);
  const { id } = await site.within((app) => approved(app));
  await loseRedis(site);
  expect((await scanned(site)).rebuilt).toEqual([id]);
  expect(await site.within(({ deps }) => deps.rotations.load(id))).toMatchObject({
    state: "awaiting_replacement",
    approvals: [{ actor: "cli:ana@laptop" }],
  });
  expect(await readFile(site.auditFile, "utf8")).toContain("rotation.rebuilt");
});
