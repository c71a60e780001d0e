import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { type ChaosOptions, chaos } from "./run.ts";

/**
 * docs/chaos.md says what this proves and how to run it for shorter or again with a seed.
 */
const seed = process.env["KEYTURN_CHAOS_SEED"] ?? randomBytes(4).toString("hex");
const secondsOf = (byDefault: number): number => Number(process.env["KEYTURN_CHAOS_SECONDS"] ?? byDefault);
const only = process.env["KEYTURN_CHAOS_ON"];

const RUNS: readonly (Pick<ChaosOptions, "kind"> & { seconds: number; title: string })[] = [
  { kind: "sentinel", seconds: secondsOf(600), title: "Redis behind Sentinel" },
  { kind: "cluster", seconds: Math.min(secondsOf(100), 100), title: "Redis Cluster" },
  // Only when it is asked for: to tell what has to do with failovers from what has not.
  { kind: "single", seconds: secondsOf(120), title: "one Redis" },
];

it.each(RUNS.filter(({ kind }) => (only === undefined ? kind !== "single" : kind === only)))(
  "P1–P7, P11: three replicas, 60 rotations in flight and everything going wrong, on $title",
  { timeout: 1_200_000 },
  async ({ kind, seconds }) => {
    const { broken } = await chaos({
      kind,
      seed,
      seconds,
      targets: Number(process.env["KEYTURN_CHAOS_TARGETS"] ?? 60),
      settleSeconds: 75,
      faultEveryMs: 2500,
    });
    // In the first line of the message, which is what the summary of a long run shows.
    expect(broken, `seed ${seed}: ${broken.join(" | ")}`).toEqual([]);
  },
);
