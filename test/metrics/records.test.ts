import { describe, expect, it } from "vitest";
import { overview } from "../../src/app/overview.ts";
import { reject } from "../../src/app/decisions.ts";
import { rotate } from "../../src/app/rotate.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { render } from "../../src/metrics/exposition.ts";
import { MOST, type Observed, recordFamilies } from "../../src/metrics/records.ts";
import { DAY, HOUR, NOON, aPlan, aRotation } from "../support/records.ts";
import { makeWorld } from "../support/world.ts";

const ana = { name: "cli:ana@laptop", via: "cli" } as const;
const NOTHING: Observed = {
  lastScan: null,
  scanScheduled: null,
  scanned: { keys: null, durationMs: null },
  auditHead: null,
  open: [],
  targets: { shown: [], total: 0 },
  unmanaged: { total: 0 },
  problems: { shown: [], total: 0 },
};
const linesOf = (seen: Partial<Observed>) =>
  render(recordFamilies({ ...NOTHING, ...seen }))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
const inWorld = async (world: ReturnType<typeof makeWorld>) =>
  linesOf({ ...(await overview(world.deps)), scanScheduled: NOON });
const about = (lines: readonly string[], name: string) => lines.filter((line) => line.includes(`target="${name}"`));

describe("metrics of targets and rotations", () => {
  it("a new installation claims nothing that nobody looked at", () => {
    expect(linesOf({})).toEqual([
      "keyturn_targets 0",
      "keyturn_problems 0",
      "keyturn_unmanaged_keys 0",
      "keyturn_open_rotations 0",
    ]);
  });

  it("a target has the age, the limit and the due time of the key that applications read, in seconds", async () => {
    const world = makeWorld();
    world.setTarget("search", world.org.addKey({ name: "search", ageDays: 10 }));
    await scan(world.deps, { dryRun: false });
    const lines = await inWorld(world);
    const day = DAY / 1000;
    expect(about(lines, "search")).toEqual([
      `keyturn_target_key_age_seconds{target="search"} ${10 * day}`,
      `keyturn_target_key_max_age_seconds{target="search"} ${90 * day}`,
      `keyturn_target_key_created_timestamp_seconds{target="search"} ${NOON / 1000 - 10 * day}`,
      `keyturn_target_due_timestamp_seconds{target="search"} ${NOON / 1000 + 80 * day}`,
    ]);
    expect(lines).toContain(`keyturn_last_scan_timestamp_seconds ${NOON / 1000}`);
    expect(lines).toContain(`keyturn_scan_scheduled_timestamp_seconds ${NOON / 1000}`);
  });

  it("an open rotation says its state, who is next, why it was opened and until when it waits", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 91 }));
    await scan(world.deps, { dryRun: false });
    const [r] = await world.open();
    const lines = (await inWorld(world)).filter((line) => line.includes(`rotation="${r?.id}"`));
    expect(lines).toEqual([
      `keyturn_rotation_info{target="billing",rotation="${r?.id}",reason="age",urgency="routine"} 1`,
      `keyturn_rotation_state_entered_timestamp_seconds{target="billing",rotation="${r?.id}",state="awaiting_approval",next="approver"} ${NOON / 1000}`,
      `keyturn_rotation_deadline_timestamp_seconds{target="billing",rotation="${r?.id}"} ${(r?.deadline ?? 0) / 1000}`,
    ]);
  });

  it("attention has its code, and is gone with its cause", () => {
    const attention = { code: "outgoing_still_used", message: "", next: "", since: NOON, looks: 0 } as const;
    const r = aRotation({ state: "draining", drainLimitAt: NOON + HOUR, deadline: null, attention });
    const series = 'target="billing",rotation="rot_test"';
    expect(linesOf({ open: [r] })).toEqual(
      expect.arrayContaining([
        `keyturn_rotation_attention{${series},code="outgoing_still_used"} 1`,
        `keyturn_rotation_drain_limit_timestamp_seconds{${series}} ${(NOON + HOUR) / 1000}`,
      ]),
    );
    expect(linesOf({ open: [{ ...r, attention: null }] }).join("\n")).not.toContain("attention");
  });

  it("what has ended or is no longer configured has no series", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 10 }));
    world.setTarget("gone", world.org.addKey({ name: "gone", ageDays: 10 }));
    await scan(world.deps, { dryRun: false });
    const r = await rotate(world.deps, "billing", ana, null);
    expect((await inWorld(world)).join("\n")).toContain(r.id);
    world.settings.targets.splice(1);
    await reject(world.deps, r.id, { actor: ana, breakGlass: null }, null);
    await scan(world.deps, { dryRun: false });
    const text = (await inWorld(world)).join("\n");
    expect(text).not.toContain(r.id);
    expect(text).not.toContain("gone");
    expect(text).toContain('target="billing"');
  });

  it("problems are series by target and code; one that belongs to no target has none", () => {
    const problems = [
      { code: "store_denied", target: "billing" },
      { code: "usage_unreadable", target: null },
    ];
    expect(linesOf({ problems: { shown: problems, total: 2 } })).toEqual(
      expect.arrayContaining([
        'keyturn_target_problem{target="billing",code="store_denied"} 1',
        'keyturn_target_problem{target="",code="usage_unreadable"} 1',
        "keyturn_problems 2",
      ]),
    );
  });

  it("has at most 2,000 series of a kind, whatever the size of the installation, and tells the true numbers", () => {
    const many = Array.from({ length: MOST + 500 }, (_, n) => n);
    const targets = many.map((n) => ({ name: `t${n}`, ageMs: 1, createdAt: 1, expiresAt: 1, maxAgeMs: 1, dueAt: 1 }));
    const open = many.map((n) => aRotation({ id: `rot_${n}` }));
    const lines = linesOf({ targets: { shown: targets, total: 9000 }, open });
    for (const name of ["keyturn_target_key_age_seconds", "keyturn_rotation_info"])
      expect([name, lines.filter((line) => line.startsWith(`${name}{`)).length]).toEqual([name, MOST]);
    expect(lines).toContain("keyturn_targets 9000");
    expect(lines).toContain(`keyturn_open_rotations ${MOST + 500}`);
  });

  it("P3: no key id, key name, hint, person or message is a label", () => {
    const r = aRotation({
      state: "awaiting_replacement",
      submittedBy: "slack:U0PERSON",
      plan: aPlan({ outgoingKeyId: "apikey_secretid" }),
      attention: { code: "key_rejected", message: "the-message", next: "the-next", since: NOON, looks: 0 },
    });
    const text = linesOf({ open: [r] }).join("\n");
    for (const word of ["apikey_", "U0PERSON", "the-message", "the-next", "fp-"]) expect(text).not.toContain(word);
  });
});
