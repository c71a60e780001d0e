import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REGRESSIONS } from "./regressions.ts";
import { play, sequence } from "./sequences.ts";

/** How many; a million take half a minute. Seeds are random in each run: what none met yesterday one may meet today. */
const RUNS = Number(process.env["KEYTURN_SIMULATIONS"] ?? 100_000);
/** Three seconds on an idle machine; a busy one is no broken promise. */
const TIMEOUT_MS = 120_000 + RUNS;
/** `seed:path` of a failure, as its message names it, plays exactly that sequence again. */
const REPLAY = /^(-?\d+):(.*)$/.exec(process.env["KEYTURN_REPLAY"] ?? "");

describe("P1, P4, P5, P6 and P12 in the pure core", () => {
  it(
    `no destructive call breaks a promise in ${RUNS} random sequences of events and faults`,
    { timeout: TIMEOUT_MS },
    () => {
      const replay = REPLAY === null ? {} : { seed: Number(REPLAY[1]), path: REPLAY[2] ?? "" };
      const run = fc.check(
        fc.property(sequence, (doings) => void play(doings)),
        { numRuns: RUNS, ...replay },
      );
      if (!run.failed) return;
      const why = run.errorInstance instanceof Error ? run.errorInstance.message : String(run.errorInstance);
      // All on the first line: that is what the end of a CI run shows.
      throw new Error(
        `${why}; KEYTURN_REPLAY=${run.seed}:${run.counterexamplePath ?? ""} plays ${JSON.stringify(run.counterexample?.[0])}`,
        { cause: run.errorInstance },
      );
    },
  );

  it.each(REGRESSIONS)("$name", ({ doings }) => {
    expect(() => play(doings)).not.toThrow();
  });

  it("the sequences get far enough to mean something: some deactivate, some archive, some roll back", () => {
    const ends = fc.sample(sequence, { numRuns: 4000, seed: 7 }).map((s) => play(s));
    expect(ends.filter((m) => m.calls > 0).length).toBeGreaterThan(50);
    expect(ends.filter((m) => m.keys.apikey_out === "archived").length).toBeGreaterThan(5);
    expect(ends.filter((m) => m.record.history.some((h) => h.event === "done")).length).toBeGreaterThan(20);
  });
});
