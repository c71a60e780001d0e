import fc from "fast-check";
import { Model } from "./model.ts";

/** One thing that happens in the model's world. */
export type Doing =
  | { kind: "step"; how: "whole" | "crash" | "freeze" }
  | { kind: "thaw" }
  | { kind: "wait"; ms: number }
  | { kind: "live"; live: "ok" | "doubt" | "bad" }
  | { kind: "person"; doing: string }
  | { kind: "others"; doing: string };

const MINUTE = 60_000;
const PEOPLE = [
  "approve",
  "submit",
  "revoke",
  "cancel",
  "reinstate",
  "retry",
  "proceed",
  "reject pending",
  "hold",
  "unhold",
];
const OTHERS = [
  "disable replacement",
  "enable replacement",
  "disable outgoing",
  "enable outgoing",
  "expire outgoing",
  "restore old value",
  "paste a third key",
  "another target takes the key",
  "another target lets go",
  "use the outgoing key",
  "skew the clock",
  "mend the clock",
];

/** Mostly progress, with people, others and faults in between: pure noise would never get far. */
const doing: fc.Arbitrary<Doing> = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<Doing>({ kind: "step", how: "whole" }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Doing>(
      { kind: "step", how: "crash" },
      { kind: "step", how: "freeze" },
      { kind: "thaw" },
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(1000, 20_000, 10 * MINUTE, 25 * 3600_000, 8 * 86_400_000)
      .map((ms): Doing => ({ kind: "wait", ms })),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom("approve", "submit", "proceed").map((d): Doing => ({ kind: "person", doing: d })),
  },
  { weight: 2, arbitrary: fc.constantFrom(...PEOPLE).map((d): Doing => ({ kind: "person", doing: d })) },
  { weight: 2, arbitrary: fc.constantFrom(...OTHERS).map((d): Doing => ({ kind: "others", doing: d })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Doing>(
      { kind: "live", live: "ok" },
      { kind: "live", live: "doubt" },
      { kind: "live", live: "bad" },
    ),
  },
);

export const step: Doing = { kind: "step", how: "whole" };
export const wait = (ms: number): Doing => ({ kind: "wait", ms });
export const person = (what: string): Doing => ({ kind: "person", doing: what });
export const others = (what: string): Doing => ({ kind: "others", doing: what });
/** An undisturbed rotation; each sequence begins with a part of it, so that the late states are met as often as the early. */
export const HEALTHY: readonly Doing[] = [
  { kind: "person", doing: "approve" },
  { kind: "person", doing: "submit" },
  step,
  step,
  step,
  step,
  step,
  { kind: "wait", ms: 27 * 3600_000 },
  step,
  step,
  { kind: "wait", ms: 8 * 86_400_000 },
  step,
  step,
];

export const sequence: fc.Arbitrary<Doing[]> = fc
  .tuple(fc.integer({ min: 0, max: HEALTHY.length }), fc.array(doing, { minLength: 5, maxLength: 30, size: "max" }))
  .map(([healthy, rest]) => [...HEALTHY.slice(0, healthy), ...rest]);

/** Plays a sequence; throws `Broken` at the first broken promise. */
export function play(sequenceOfDoings: readonly Doing[]): Model {
  const model = new Model();
  for (const d of sequenceOfDoings) {
    if (d.kind === "step") model.step(d.how);
    else if (d.kind === "thaw") model.thaw();
    else if (d.kind === "wait") model.now += d.ms;
    else if (d.kind === "live") model.live = d.live;
    else if (d.kind === "person") model.person(d.doing);
    else model.others(d.doing);
  }
  return model;
}
