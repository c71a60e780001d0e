import { describe, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { reject } from "../../src/app/decisions.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { rotate } from "../../src/app/rotate.ts";
import { countedAudit } from "../../src/metrics/counted.ts";
import { type Counter, type Counters, createCounters } from "../../src/metrics/counters.ts";
import type { Histogram } from "../../src/metrics/histogram.ts";
import { countedRotations, countedVerifier } from "../../src/metrics/outcomes.ts";
import { DAY } from "../support/records.ts";
import { makeWorld } from "../support/world.ts";

const ana = { name: "cli:ana@laptop", via: "cli", identities: ["cli:ana@laptop"] } as const;
const by = { actor: ana, breakGlass: null };
const options = { keyId: null, acceptExpiry: false, replace: false };

/** Series that are not 0, as `label label` → count. */
const counts = (counter: Counter | Histogram) =>
  Object.fromEntries(
    counter
      .family()
      .samples.filter((s) => s.value > 0 && (s.part === undefined || s.part === "_count"))
      .map((s) => [Object.values(s.labels).join(" "), s.value]),
  );

/** A world whose ports count, with one target whose key is due. */
function countedWorld() {
  const world = makeWorld();
  const counters: Counters = createCounters();
  world.setTarget("billing", world.org.addKey({ name: "billing", ageDays: 100 }));
  const deps = {
    ...world.deps,
    rotations: countedRotations(world.deps.rotations, counters),
    audit: countedAudit(world.deps.audit, counters),
    verifier: countedVerifier(world.deps.verifier, counters),
  };
  world.deps = deps;
  return { world, counters, deps };
}

describe("what came of things", () => {
  it("a rejected rotation: one decision, one end with its reason, and how long it waited", async () => {
    const { world, counters, deps } = countedWorld();
    const r = await rotate(deps, "billing", ana, null);
    await world.clock.turn(2 * DAY);
    await reject(deps, r.id, by, null);
    expect(counts(counters.decisions)).toEqual({ "rejected cli": 1 });
    expect(counts(counters.completed)).toEqual({ "rejected requested": 1 });
    expect(counts(counters.stateSeconds)).toEqual({ awaiting_approval: 1 });
    expect(counts(counters.rotationSeconds)).toEqual({ rejected: 1 });
    const sum = counters.rotationSeconds.family().samples.find((s) => s.part === "_sum" && s.value > 0);
    expect(sum?.value).toBe((2 * DAY) / 1000);
  });

  it("a refused decision is counted as refused, and as nothing else", async () => {
    const { counters, deps } = countedWorld();
    const r = await rotate(deps, "billing", ana, null);
    await expect(approve(deps, r.id, by, "another-plan")).rejects.toMatchObject({ code: "WRONG_STATE" });
    expect(counts(counters.decisions)).toEqual({ "refused cli": 1 });
  });

  it("keys handed over: refused by the reason, then accepted; the live calls by what they proved", async () => {
    const { world, counters, deps } = countedWorld();
    const r = await rotate(deps, "billing", ana, null);
    await approve(deps, r.id, by);
    await expect(submit(deps, r.id, "no-key-at-all", ana, options)).rejects.toMatchObject({ code: "KEY_REFUSED" });
    const key = world.org.addKey({ name: "billing-2", ageDays: 0 });
    await submit(deps, r.id, key.text, ana, options);
    expect(counts(counters.intake)).toEqual({ "accepted cli": 1, "not_a_key cli": 1 });
    expect(counts(counters.decisions)).toEqual({ "approved cli": 1 });
    await world.work();
    const proven = counts(counters.verifications);
    expect(proven["authenticate ok"]).toBeGreaterThan(0);
    expect(Object.keys(proven).filter((name) => !name.endsWith(" ok"))).toEqual([]);
  });

  it("what could not be saved is not counted", async () => {
    const { world, counters, deps } = countedWorld();
    const r = await rotate(deps, "billing", ana, null);
    const stale = await world.rotation(r.id);
    await expect(
      deps.rotations.commit({
        record: { ...stale, state: "rejected", endedAt: 1, revision: 99 },
        expectedRevision: 98,
        locks: [],
        left: { state: "awaiting_approval", since: 0 },
        audit: [],
      }),
    ).rejects.toMatchObject({ code: "CONFLICT" });
    expect([counts(counters.completed), counts(counters.stateSeconds)]).toEqual([{}, {}]);
  });

  it("one entry that stands for many refused clicks counts them all", async () => {
    const { counters, deps } = countedWorld();
    const entry = { at: 0, rotation: null, target: null, action: "click.refused", actor: "unknown", via: "slack" };
    await deps.audit.append([{ ...entry, evidence: { reason: "forged", moreSinceLast: 41 } }]);
    expect(counts(counters.decisions)).toEqual({ "refused slack": 42 });
  });
});
