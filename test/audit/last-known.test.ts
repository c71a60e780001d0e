import { describe, expect, it } from "vitest";
import { lastKnownGatherer } from "../../src/audit/last-known.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";

const at = (epoch: number, seq: number, checkpoint: unknown): AuditEntry =>
  ({ epoch, seq, at: seq, rotation: "rot_1", action: "x", actor: "a", evidence: {}, checkpoint }) as AuditEntry;
const record = (revision: number, endedAt: number | null = null) => ({ id: "rot_1", revision, endedAt });

/** What the entries say of the rotation, in whichever order they are read. */
function known(entries: readonly AuditEntry[]) {
  const both = [entries, entries.toReversed()].map((each) => {
    const gatherer = lastKnownGatherer();
    for (const entry of each) gatherer.take(entry);
    const { checkpoints, ended } = gatherer.result();
    return { open: checkpoints.get("rot_1")?.revision ?? null, ended: ended.get("rot_1") ?? null };
  });
  expect(both[0]).toEqual(both[1]);
  return both[0];
}

describe("what the audit sink knows of a rotation is the checkpoint with the highest revision", () => {
  it.each([
    { when: "one after the other", entries: [at(1, 1, record(1)), at(1, 2, record(2))], is: { open: 2, ended: null } },
    {
      when: "R16: Redis was set back, and went on in a new epoch with an older record",
      entries: [at(1, 8, record(14)), at(2, 1, record(9)), at(2, 2, record(10))],
      is: { open: 14, ended: null },
    },
    {
      when: "R16: it had ended before Redis was set back",
      entries: [at(1, 8, record(14, 5)), at(2, 1, record(9))],
      is: { open: null, ended: 14 },
    },
    {
      when: "a rebuild jumped over all revisions",
      entries: [at(1, 8, record(14)), at(2, 1, record(1_000_014))],
      is: { open: 1_000_014, ended: null },
    },
    {
      when: "R16: another life of the rotation was completed, although a rebuild had jumped over it",
      entries: [at(1, 8, record(1_000_014)), at(2, 1, { ...record(20, 5), state: "completed" })],
      is: { open: null, ended: Infinity },
    },
    {
      when: "but only completed, since anything else can be begun again",
      entries: [at(1, 8, record(1_000_014)), at(2, 1, { ...record(20, 5), state: "cancelled" })],
      is: { open: 1_000_014, ended: null },
    },
    {
      when: "two with one revision: the later one",
      entries: [at(1, 8, record(3)), at(2, 1, record(3, 5))],
      is: { open: null, ended: 3 },
    },
    {
      when: "a checkpoint without a usable revision is none",
      entries: [at(1, 1, record(2)), at(1, 2, { id: "rot_1", revision: "7" }), at(1, 3, { id: "rot_1" })],
      is: { open: 2, ended: null },
    },
  ])("$when", ({ entries, is }) => expect(known(entries)).toEqual(is));
});

describe("the other lives of a rotation that is open", () => {
  const promoting = (revision: number, key: string, endedAt: number | null = null) => ({
    ...record(revision, endedAt),
    state: endedAt === null ? "promoting" : "cancelled",
    replacement: { fingerprint: key },
    progress: [],
  });
  function lives(entries: readonly AuditEntry[]): unknown {
    const both = [entries, entries.toReversed()].map((each) => {
      const gatherer = lastKnownGatherer();
      for (const entry of each) gatherer.take(entry);
      return (gatherer.result().lives.get("rot_1") ?? []).map((life) => (life as { revision: number }).revision);
    });
    expect(both[0]).toEqual(both[1]);
    return both[0];
  }
  const NEWEST = at(9, 1, record(1_000_014));
  it.each([
    { when: "there is one life", entries: [at(1, 1, promoting(4, "a")), at(1, 2, promoting(5, "a"))], are: [] },
    {
      when: "another one promoted a key: its furthest checkpoint",
      entries: [at(1, 1, promoting(4, "a")), at(1, 2, promoting(5, "a")), NEWEST],
      are: [5],
    },
    {
      when: "P5: it was cancelled there",
      entries: [at(1, 1, promoting(4, "a")), at(1, 2, promoting(6, "a", 7)), at(1, 3, promoting(5, "a")), NEWEST],
      are: [],
    },
    {
      when: "the key was only staged there",
      entries: [at(1, 1, { ...promoting(4, "a"), state: "verifying" }), NEWEST],
      are: [],
    },
    {
      when: "R4: it was only staged when the old one was revoked",
      entries: [at(1, 1, { ...promoting(4, "a"), state: "revoking" }), NEWEST],
      are: [],
    },
    {
      when: "R4: it was in some destination when the old one was revoked",
      entries: [at(1, 1, { ...promoting(4, "a"), state: "revoking", progress: [{ promotedAt: 3 }] }), NEWEST],
      are: [4],
    },
    {
      when: "the newest knows that key",
      entries: [at(1, 1, promoting(4, "a")), at(9, 1, promoting(1_000_014, "a"))],
      are: [],
    },
    { when: "the rotation has ended", entries: [at(1, 1, promoting(4, "a")), at(9, 1, record(1_000_014, 7))], are: [] },
  ])("$when", ({ entries, are }) => expect(lives(entries)).toEqual(are));
});
