import { describe, expect, it } from "vitest";
import { ChainIndex } from "../../src/audit/chain-index.ts";
import { GENESIS, hashOf, isSound, isSoundLine, lineOf, link, startEpoch } from "../../src/audit/chain.ts";
import type { AuditEntry, ChainHead } from "../../src/ports/audit.ts";
import { T0, aDraft } from "../redis/harness.ts";

const start = (previous: ChainHead | null, at = T0): AuditEntry =>
  startEpoch("kt", previous, { at, reason: previous === null ? "first_start" : "redis_empty", atLeast: 0, found: {} });

/** An epoch of `length` entries after `previous`. */
function epoch(length: number, previous: ChainHead | null = null, at = T0): AuditEntry[] {
  const first = start(previous, at);
  return [
    first,
    ...link(
      "kt",
      first,
      Array.from({ length: length - 1 }, (_, n) => aDraft({ evidence: { n } })),
    ),
  ];
}

function judge(entries: readonly AuditEntry[], anchor: ChainHead | null = null) {
  const index = new ChainIndex();
  for (const entry of entries) index.add(entry, isSound(entry));
  return index.judge(anchor);
}

const at = (entries: readonly AuditEntry[], n: number): AuditEntry => entries[n] as AuditEntry;
const changed = (entry: AuditEntry, more: Partial<AuditEntry>): AuditEntry => ({ ...entry, ...more });
const rehashed = (entry: AuditEntry, more: Partial<AuditEntry>): AuditEntry => {
  const { hash: _hash, ...body } = { ...entry, ...more };
  return { ...body, hash: hashOf(body) };
};

describe("P11: an untouched chain is intact", () => {
  const one = epoch(10);
  const two = epoch(5, at(one, 9), T0 + 1);

  it.each([
    { when: "nothing at all", entries: [], head: null },
    { when: "one epoch", entries: one, head: 10 },
    { when: "two epochs", entries: [...one, ...two], head: 15 },
    { when: "any order", entries: [...one, ...two].toReversed(), head: 15 },
    { when: "every entry twice", entries: [...one, ...one], head: 10 },
  ])("$when", ({ entries, head }) => {
    const judgement = judge(entries);
    expect(judgement.bad).toBeNull();
    expect(judgement.head?.seq ?? null).toBe(head);
    expect(judgement.unshippedTail).toBe(0);
  });

  it("the first entry of all points to 64 zeros and is number 1; numbers go on over epochs", () => {
    expect(at(one, 0)).toMatchObject({ seq: 1, prev: GENESIS, action: "chain.epoch_started" });
    expect(at(two, 0)).toMatchObject({ seq: 11, prev: at(one, 9).hash });
    expect(at(two, 0).evidence).toMatchObject({
      previous: { epoch: at(one, 9).epoch, seq: 10, hash: at(one, 9).hash },
    });
  });

  it("an epoch is later than the one before it, even when the clock went back", () => {
    expect(at(epoch(1, at(one, 9), 5), 0).epoch).toBe(at(one, 0).epoch + 1);
  });

  it("R18: entries that turn up beyond what the next epoch names are an unshipped tail, not a break", () => {
    const early = epoch(3, at(one, 6), T0 + 1);
    expect(judge([...one, ...early])).toMatchObject({ bad: null, unshippedTail: 3, head: { seq: 10 } });
  });

  it("R18: what lies beyond the cut need not link: a set-back Redis may have gone on otherwise", () => {
    const next = epoch(3, at(one, 6), T0 + 1);
    const branch = rehashed(at(one, 8), { via: "other", prev: "e".repeat(64) });
    expect(judge([...one.slice(0, 8), branch, ...next])).toMatchObject({ bad: null, unshippedTail: 2 });
    expect(judge([...one.slice(0, 8), branch]).bad?.at.seq).toBe(9);
  });

  it("R18: a whole epoch that nobody continued is an unshipped tail", () => {
    const lost = epoch(4, at(one, 9), T0 + 1);
    const next = epoch(2, at(one, 9), T0 + 2);
    expect(judge([...one, ...lost, ...next])).toMatchObject({ bad: null, unshippedTail: 4, epochs: 3 });
  });
});

describe("P11: tampering shows at the first bad entry", () => {
  const one = epoch(20);
  const two = epoch(5, at(one, 19), T0 + 1);
  const all = [...one, ...two];
  const without = (n: number) => all.filter((_, index) => index !== n);
  const swap = (n: number, entry: AuditEntry) => all.map((old, index) => (index === n ? entry : old));

  it.each([
    { when: "a field changed", entries: swap(4, changed(at(all, 4), { actor: "mallory" })), bad: 5 },
    { when: "evidence changed", entries: swap(4, changed(at(all, 4), { evidence: { n: 99 } })), bad: 5 },
    {
      when: "a field changed and the hash recomputed",
      entries: swap(4, rehashed(at(all, 4), { actor: "mallory" })),
      bad: 6,
    },
    { when: "the number changed", entries: swap(4, changed(at(all, 4), { seq: 400 })), bad: 5 },
    { when: "the epoch changed", entries: swap(4, rehashed(at(all, 4), { epoch: 7 })), bad: 5 },
    { when: "the installation changed", entries: swap(4, changed(at(all, 4), { install: "other" })), bad: 5 },
    { when: "a line removed", entries: without(4), bad: 5 },
    { when: "the first line removed", entries: without(0), bad: 1 },
    { when: "the last line of an epoch removed", entries: without(19), bad: 20 },
    { when: "the first line of the newest epoch removed", entries: without(20), bad: 21 },
    {
      when: "two neighbours' contents exchanged",
      entries: swap(4, rehashed(at(all, 5), { seq: 5 })).map((entry, n) =>
        n === 5 ? rehashed(at(all, 4), { seq: 6 }) : entry,
      ),
      bad: 5,
    },
    {
      when: "a second entry with the same number added",
      entries: [...all, rehashed(at(all, 4), { actor: "mallory" })],
      bad: 5,
    },
    { when: "the same before the real one", entries: [rehashed(at(all, 4), { actor: "mallory" }), ...all], bad: 5 },
    {
      when: "a line put in between",
      entries: [...all, rehashed(at(all, 4), { seq: 500, epoch: at(two, 0).epoch })],
      bad: 26,
    },
    {
      when: "two breaks: the first is named",
      entries: swap(9, changed(at(all, 9), { via: "x" })).filter((_, n) => n !== 4),
      bad: 5,
    },
  ])("$when: bad at $bad", ({ entries, bad }) => expect(judge(entries).bad?.at.seq).toBe(bad));

  it.each([
    { when: "the newest entries are cut off", entries: all.slice(0, 22), anchor: at(all, 24), bad: 23 },
    { when: "a whole epoch is cut off", entries: one, anchor: at(all, 20), bad: 21 },
    { when: "everything is gone", entries: [], anchor: at(all, 0), bad: 1 },
    {
      when: "the end was rewritten with right hashes",
      entries: [...all.slice(0, 24), rehashed(at(all, 24), { actor: "mallory" })],
      anchor: at(all, 24),
      bad: 25,
    },
  ])("against Redis's head: $when", ({ entries, anchor, bad }) => {
    expect(judge(entries).bad).toBeNull();
    expect(judge(entries, anchor).bad?.at.seq).toBe(bad);
  });

  it("a Redis that is older than the sink proves nothing against the sink", () => {
    expect(judge(all, at(one, 10)).bad).toBeNull();
  });

  it("an epoch that names another predecessor than its own link is bad", () => {
    const forged = rehashed(at(two, 0), {
      evidence: { reason: "redis_empty", previous: { epoch: at(one, 0).epoch, seq: 20, hash: "f".repeat(64) } },
    });
    expect(judge([...one, forged]).bad).not.toBeNull();
  });

  it("an epoch that claims to continue from itself is judged, not followed for ever", () => {
    const own = rehashed(at(two, 0), {
      evidence: { previous: { epoch: at(two, 0).epoch, seq: 20, hash: at(one, 19).hash } },
    });
    expect(judge([...one, own]).bad).not.toBeNull();
  });
});

describe("an entry and its line", () => {
  it("reads back to the same hash, whatever the draft contained", () => {
    const evidence = {
      undefinedField: undefined,
      date: new Date(T0),
      lone: "\ud800",
      nan: Number.NaN,
      minus: -0,
      nested: { b: 1, a: [null] },
    };
    const entry = at(link("kt", { epoch: 1, seq: 0, hash: GENESIS }, [aDraft({ evidence })]), 0);
    const read = JSON.parse(lineOf(entry)) as AuditEntry;
    expect(isSound(read)).toBe(true);
    expect(isSoundLine(lineOf(entry), entry.hash)).toBe(true);
    expect(read).toEqual(entry);
  });

  it("a field given twice passes for readers of one kind, so the line does not pass", () => {
    const line = lineOf(at(epoch(1), 0));
    const doubled = line.replace("{", '{"actor":"mallory",');
    expect(isSound(JSON.parse(doubled) as AuditEntry)).toBe(true);
    expect(isSoundLine(doubled, at(epoch(1), 0).hash)).toBe(false);
  });
});
