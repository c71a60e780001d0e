import type { ChainHead } from "../ports/audit.ts";
import { Hashes } from "./hashes.ts";

/**
 * One epoch: the hashes linked so far from its first entry on, entries that came before their predecessor, and entries
 * beside the chain, whose number another one has.
 */
export interface Epoch {
  first: number | null;
  previous: ChainHead | null;
  linked: Hashes;
  waiting: Map<number, { prev: string; hash: string }>;
  /** By hash. */
  aside: Map<string, { seq: number; prev: string }>;
}

export const newEpoch = (): Epoch => ({
  first: null,
  previous: null,
  linked: new Hashes(),
  waiting: new Map(),
  aside: new Map(),
});

export function hashAt(epoch: Epoch, seq: number): string | null {
  const linked = epoch.first === null ? null : epoch.linked.at(seq - epoch.first);
  return linked ?? epoch.waiting.get(seq)?.hash ?? null;
}

export function linkWaiting(epoch: Epoch): void {
  if (epoch.first === null) return;
  for (;;) {
    const seq = epoch.first + epoch.linked.length;
    const next = epoch.waiting.get(seq);
    if (next === undefined) return;
    epoch.waiting.delete(seq);
    const before = epoch.linked.at(epoch.linked.length - 1);
    if (before !== null && next.prev !== before) epoch.aside.set(next.hash, { seq, prev: next.prev });
    else epoch.linked.push(next.hash);
  }
}

/** Makes the chain the one that ends at `tip`, when all entries from it back to the linked ones are there. */
export function switchTo(epoch: Epoch | undefined, tip: ChainHead): void {
  if (epoch === undefined || epoch.first === null) return;
  const { first, linked, waiting, aside } = epoch;
  const path: { seq: number; hash: string }[] = [];
  let { seq, hash } = tip;
  for (; seq >= first && linked.at(seq - first) !== hash; seq -= 1) {
    const there = waiting.get(seq);
    const node = there?.hash === hash ? there : aside.get(hash);
    if (node === undefined) return;
    path.push({ seq, hash });
    hash = node.prev;
  }
  if (seq < first || path.length === 0) return;
  for (let n = linked.length - 1; n > seq - first; n -= 1)
    aside.set(linked.at(n) ?? "", { seq: first + n, prev: linked.at(n - 1) ?? "" });
  linked.truncate(seq - first + 1);
  for (const step of path.toReversed()) {
    if (waiting.get(step.seq)?.hash === step.hash) waiting.delete(step.seq);
    aside.delete(step.hash);
    linked.push(step.hash);
  }
  for (const [at, { prev, hash: other }] of waiting) {
    if (at >= first + linked.length) continue;
    waiting.delete(at);
    aside.set(other, { seq: at, prev });
  }
  linkWaiting(epoch);
}

/** The highest entry that waits for its predecessor: the chain that leads to it is the longest. */
export function farthest(epoch: Epoch | undefined, number: number): ChainHead | null {
  const seq = Math.max(0, ...(epoch?.waiting.keys() ?? []));
  const hash = epoch?.waiting.get(seq)?.hash;
  return hash === undefined ? null : { epoch: number, seq, hash };
}

/** Entries beside the chain up to a number. */
export const asideOf = (epoch: Epoch, until: number): { seq: number; prev: string; hash: string }[] =>
  [...epoch.aside].filter(([, { seq }]) => seq <= until).map(([hash, { seq, prev }]) => ({ seq, prev, hash }));

/** Those of the entries beside the chain that lead to an end that a later epoch names. */
export function namedIn(epoch: Epoch, ends: readonly ChainHead[], number: number): Set<string> {
  const named = new Set<string>();
  for (const end of ends) {
    if (end.epoch !== number) continue;
    for (let { hash } = end; !named.has(hash);) {
      const node = epoch.aside.get(hash);
      if (node === undefined) break;
      named.add(hash);
      hash = node.prev;
    }
  }
  return named;
}
