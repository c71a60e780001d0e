import { createHash } from "node:crypto";

/** Numbers that are the same for the same seed. Each actor has a stream of its own, so that one does not disturb another. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Of rows with weights. */
  weighted<T extends { weight: number }>(from: readonly T[]): T;
  shuffled<T>(from: readonly T[]): T[];
  stream(name: string): Random;
}

export function randomOf(seed: string): Random {
  // mulberry32: enough for choosing among faults, and easy to read.
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const random: Random = {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (from) => {
      if (from.length === 0) throw new Error("there is nothing to pick from");
      return from[int(0, from.length - 1)] as (typeof from)[number];
    },
    weighted: (from) => {
      let left = next() * from.reduce((sum, { weight }) => sum + weight, 0);
      for (const one of from) {
        left -= one.weight;
        if (left < 0) return one;
      }
      return random.pick(from);
    },
    shuffled: (from) => {
      const left = [...from];
      return Array.from({ length: left.length }, () => left.splice(int(0, left.length - 1), 1)[0] as (typeof from)[0]);
    },
    stream: (name) => randomOf(`${seed}/${name}`),
  };
  return random;
}
