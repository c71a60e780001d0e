import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Deps } from "../../src/app/deps.ts";
import { destinationId } from "../../src/rotation/locks.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { State } from "../../src/rotation/states.ts";
import { type Drive, exists } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };

async function storeAt(d: Drive, r: Rotation) {
  const [dest] = r.plan.destinations;
  if (dest === undefined) throw new Error("no destination");
  const store = await d.deps.stores.of(dest);
  return { dest, store, marks: () => store.readMarks(dest), mark: (m: Record<string, string>) => store.mark(dest, m) };
}

describe("P9, R3: other people's data is as they left it", () => {
  const open = drives();

  it.each<{ state: State }>([
    { state: "awaiting_replacement" },
    { state: "verifying" },
    { state: "promoting" },
    { state: "draining" },
    { state: "grace_period" },
  ])("another variable changed in $state survives to the end, with every comment", async ({ state }) => {
    const d = await open({ config });
    const { id } = await d.to(state);
    const path = `${d.lab.dir}/billing.env`;
    const text = (await readFile(path, "utf8")).replace("DB_PASSWORD=unrelated", "# by ben\nDB_PASSWORD=changed");
    await writeFile(path, `${text}NEW=1\n`);
    await d.until(id, "completed");
    expect(await d.file("billing.env")).toBe(
      `# billing\n# by ben\nDB_PASSWORD=changed\nANTHROPIC_API_KEY=${await d.value("billing.env")}\nNEW=1\n`,
    );
  });

  it("another key pasted in before promotion is never overwritten: a person is asked", async () => {
    const d = await open({ config });
    const { id } = await d.to("promoting");
    const third = (await d.make({ name: "third" })).secret;
    await d.lab.setValue("billing", third);
    for (let i = 0; i < 3; i++)
      expect(await d.step(id)).toMatchObject({ state: "promoting", attention: { code: "destination_changed" } });
    expect(await d.value("billing.env")).toBe(third);
  });

  it("R10: a store that cannot refuse a stale write is written under a lease: held by another, nothing is written", async () => {
    const d = await open({ config });
    const r = await d.to("promoting");
    const lease = await d.deps.leases.acquire(`write:${destinationId((await storeAt(d, r)).dest)}`, 60_000);
    expect(await d.step(r.id)).toMatchObject({ state: "promoting", retry: { code: "LOCK_HELD" } });
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
    await lease.release();
    await d.until(r.id, "propagating");
  });
});

describe("R16: marks are written before what they announce", () => {
  const open = drives();

  it.each<{ state: State; phase: string }>([
    { state: "verifying", phase: "stage" },
    { state: "propagating", phase: "promoted" },
    { state: "grace_period", phase: "deactivated" },
  ])("in $state they say `$phase`", async ({ state, phase }) => {
    const d = await open({ config });
    const r = await d.to(state);
    expect(await (await storeAt(d, r)).marks()).toMatchObject({
      v: "2",
      install: r.install,
      rotation: r.id,
      phase,
      outgoing: r.outgoing.id,
    });
  });

  it("the deactivation is announced before the call, the claim before the approval counts", async () => {
    const d = await open({ config });
    const opened = await d.open();
    expect(await (await storeAt(d, opened)).marks()).toMatchObject({ rotation: opened.id, phase: "claim" });
    const r = await d.until(opened.id, "deactivating");
    let seen: Record<string, string> = {};
    const admin: Deps["admin"] = {
      ...d.deps.admin,
      setKeyStatus: async (...call) => {
        seen = await (await storeAt(d, r)).marks();
        return d.deps.admin.setKeyStatus(...call);
      },
    };
    await d.step(r.id, { ...d.deps, admin });
    expect(seen).toMatchObject({ phase: "deactivate", outgoing: r.outgoing.id, replacement: r.replacement?.id });
  });

  it("after the end only what recognises the value is left", async () => {
    const d = await open({ config });
    const { id } = await d.to("completed");
    const r = await d.step(id);
    const marks = await (await storeAt(d, r)).marks();
    expect(marks).toEqual({
      v: "2",
      install: r.install,
      replacement: r.replacement?.id,
      fp: r.replacement?.fingerprint?.slice(0, 16),
    });
  });

  it("a mark of a higher revision than the record's: Redis is stale, nothing destructive", async () => {
    const d = await open({ config });
    const r = await d.to("deactivating");
    await (await storeAt(d, r)).mark({ rev: String(r.revision + 100) });
    for (let i = 0; i < 2; i++) expect(await d.step(r.id)).toMatchObject({ attention: { code: "state_behind" } });
    expect(await d.statusCalls()).toEqual([]);
  });
});

describe("R19, P3: a key is in its destination and nowhere else", () => {
  const open = drives();

  it("pending copies are gone when the replacement is read everywhere; the old copy at the end", async () => {
    const d = await open({ config });
    const { id, outgoing } = await d.to("propagating");
    const pending = `${d.lab.dir}/.billing.env.keyturn-pending`;
    expect(await readFile(pending, "utf8")).toMatch(/^rot_\w+\.ANTHROPIC_API_KEY=/m);
    await d.until(id, "draining");
    const text = await readFile(pending, "utf8");
    expect(text).not.toMatch(/^rot_\w+\.ANTHROPIC_API_KEY=/m);
    expect(text).toContain(`.previous.ANTHROPIC_API_KEY=${d.keys["billing"]?.secret}`);
    await d.until(id, "completed");
    await d.step(id);
    expect(await exists(pending)).toBe(false);
    const outside = Object.entries(await d.folder()).filter(([name]) => name !== "billing.env" && name !== "admin-key");
    const told = JSON.stringify([outside, d.log.lines, await d.load(id)]);
    for (const key of [d.keys["billing"]?.secret ?? "", await d.value("billing.env")]) {
      expect(told).not.toContain(key);
      // Nor a part of it beyond the hint.
      for (let at = 16; at + 12 < key.length - 4; at++) expect(told.includes(key.slice(at, at + 12))).toBe(false);
    }
    expect(outgoing.hint).toHaveLength(23);
  });
});
