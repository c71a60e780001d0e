import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { play, sequence } from "./sequences.ts";

/** More in the long suite; fast-check prints seed and path of a failure. */
const RUNS = Number(process.env["KEYTURN_SIMULATIONS"] ?? 100_000);

describe("P1, P4, P5, P6 and P12 in the pure core", () => {
  it(`no destructive call breaks a promise in ${RUNS} random sequences of events and faults`, () => {
    fc.assert(
      fc.property(sequence, (doings) => void play(doings)),
      { numRuns: RUNS },
    );
  });

  it("the sequences get far enough to mean something: some deactivate, some archive, some roll back", () => {
    const ends = fc.sample(sequence, { numRuns: 4000, seed: 7 }).map((s) => play(s));
    expect(ends.filter((m) => m.calls > 0).length).toBeGreaterThan(50);
    expect(ends.filter((m) => m.keys.apikey_out === "archived").length).toBeGreaterThan(5);
    expect(ends.filter((m) => m.record.history.some((h) => h.event === "done")).length).toBeGreaterThan(20);
  });
});
