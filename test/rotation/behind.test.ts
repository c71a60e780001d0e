import { describe, expect, it } from "vitest";
import { decidedAllTheSame, knowsUpTo, onRecord, refuseBehind } from "../../src/rotation/behind.ts";
import { marksFor } from "../../src/rotation/marks.ts";
import type { Attention } from "../../src/rotation/record.ts";
import { amend } from "../../src/rotation/transition.ts";
import { NOON, aRotation } from "../support/records.ts";

const BEHIND: Attention = { code: "state_behind", message: "", next: "", since: NOON, looks: 1 };
const looked = (times: number, r = aRotation({ state: "draining" })) => {
  let record = r;
  for (let i = 0; i < times; i++) record = amend(record, {});
  return record;
};

describe("R16: up to which revision a record knows what happened", () => {
  it("looks and failed steps raise its revision, not what it knows", () => {
    const before = aRotation({ state: "draining" });
    const after = looked(20, before);
    expect([after.revision, knowsUpTo(after)]).toEqual([before.revision + 20, before.revision]);
  });
  it("a save that is on record does, and its marks say so", () => {
    const after = onRecord(aRotation({ state: "draining" }), looked(3));
    expect(knowsUpTo(after)).toBe(after.revision);
    expect(marksFor(looked(5, after), "promoted", null, NOON)["rev"]).toBe(String(after.revision));
  });
  it("a version that does not know the field moves the record on: its revision counts", () => {
    const { revision } = looked(3);
    expect(knowsUpTo({ ...looked(3), revision: revision + 1 })).toBe(revision + 1);
  });
  it("one that is behind learns nothing by an entry that says so", () => {
    const found = looked(1);
    expect(knowsUpTo(onRecord(found, { ...amend(found, {}), attention: BEHIND }))).toBe(knowsUpTo(found));
  });
  it("one that people decided on all the same knows better than everything that was ever written, and keeps that", () => {
    const found = { ...looked(1), attention: BEHIND };
    const decided = decidedAllTheSame(found, { revision: found.revision + 5_000_000, unknownReplacement: "apikey_x" });
    const saved = onRecord(decided, { ...amend(decided, {}), attention: null });
    expect([saved.revision, saved.settledKey]).toEqual([found.revision + 1, "apikey_x"]);
    for (const later of [saved, looked(3, saved), onRecord(saved, looked(1, saved))])
      expect(knowsUpTo(later)).toBeGreaterThan(found.revision + 5_000_000);
  });
  it.each([
    { after: 0, answer: "refused" },
    { after: 9 * 60_000, answer: "refused" },
    { after: 10 * 60_000, answer: "taken" },
  ])("a decision $after ms after it was noticed: $answer", ({ after, answer }) => {
    const decide = () => refuseBehind({ ...aRotation({ state: "draining" }), attention: BEHIND }, NOON + after);
    if (answer === "refused") expect(decide).toThrow(/older state/);
    else expect(decide).not.toThrow();
  });
});
