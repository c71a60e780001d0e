import { describe, expect, it } from "vitest";
import { PHASES, marksAfterEnd, marksFor, readMarkFacts } from "../../src/rotation/marks.ts";
import { fingerprintOf } from "../../src/rotation/secret.ts";
import { rotationIn } from "../support/observations.ts";
import { NOON } from "../support/records.ts";

const FINGERPRINT = fingerprintOf("a text");
const record = rotationIn("draining", { id: "rot_01J9ZQ", revision: 12, install: "keyturn-eu.prod" });

const NOTHING = {
  version: null,
  install: null,
  rotation: null,
  revision: null,
  phase: null,
  outgoingKeyId: null,
  replacementKeyId: null,
  fingerprint: null,
  at: null,
  hold: null,
};
/** What a manager keeps of the entries: those that are not removed. */
const kept = (marks: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(Object.entries(marks).filter((e): e is [string, string] => e[1] !== null));

describe("R16: marks fit the strictest manager", () => {
  it.each(PHASES)("in phase %s: with a hold at most 10 entries, of at most 200 plain characters", (phase) => {
    const entries = Object.entries(kept({ ...marksFor(record, phase, FINGERPRINT, NOON), hold: "billing" }));
    expect(entries.length).toBeLessThanOrEqual(10);
    for (const [name, value] of entries) {
      expect(name).toMatch(/^[a-z]+$/);
      expect(value).toMatch(/^[A-Za-z0-9_.:-]{1,200}$/);
    }
  });

  it("the version before us, which earlier releases wrote, is removed", () => {
    expect(marksFor(record, "stage", FINGERPRINT, NOON)).toMatchObject({ base: null });
    expect(marksAfterEnd("keyturn", null, null)).toMatchObject({ base: null });
  });

  it("a value that does not fit is left out, not cut or escaped", () => {
    const odd = { ...record, install: "a b", id: "r".repeat(201), outgoing: { ...record.outgoing, id: 'x"{}' } };
    const marks = marksFor(odd, "stage", null, NOON);
    expect(marks).toMatchObject({ install: null, rotation: null, outgoing: null });
    expect(kept(marksFor({ ...record, id: "r".repeat(200) }, "stage", null, NOON))["rotation"]).toHaveLength(200);
  });

  it("P3: of the value they carry 16 hex digits of its fingerprint and nothing else", () => {
    expect(marksFor(record, "stage", FINGERPRINT, NOON)["fp"]).toBe(FINGERPRINT.slice(0, 16));
    expect(marksFor(record, "stage", null, NOON)["fp"]).toBeNull();
  });

  it("R17: writing a phase leaves a hold as it is", () => {
    expect(Object.keys(marksFor(record, "archive", FINGERPRINT, NOON))).not.toContain("hold");
    expect(Object.keys(marksAfterEnd("keyturn", "apikey_new", FINGERPRINT))).not.toContain("hold");
  });
});

describe("marks are read as they were written", () => {
  it("round trip of an open rotation", () => {
    expect(readMarkFacts(kept(marksFor(record, "deactivate", FINGERPRINT, NOON)))).toEqual({
      version: 2,
      install: "keyturn-eu.prod",
      rotation: "rot_01J9ZQ",
      revision: 12,
      phase: "deactivate",
      outgoingKeyId: "apikey_out",
      replacementKeyId: "apikey_new",
      fingerprint: FINGERPRINT.slice(0, 16),
      at: NOON,
      hold: null,
    });
  });

  it("after the end: what recognises the value at the next scan, and nothing of the rotation", () => {
    const open = marksFor(record, "deactivate", FINGERPRINT, NOON);
    const end = kept({ ...open, ...marksAfterEnd("keyturn", "apikey_new", FINGERPRINT) });
    expect(Object.keys(end).sort()).toEqual(["fp", "install", "replacement", "v"]);
    expect(readMarkFacts(end)).toEqual({
      ...NOTHING,
      version: 2,
      install: "keyturn",
      replacementKeyId: "apikey_new",
      fingerprint: FINGERPRINT.slice(0, 16),
    });
  });

  it("after the end with a value that is not ours nothing is claimed about it", () => {
    expect(marksAfterEnd("keyturn", null, null)).toMatchObject({ replacement: null, fp: null });
  });

  it("no marks at all", () => {
    expect(readMarkFacts({})).toEqual(NOTHING);
  });
});

describe("R2: forged, garbled or foreign marks are read as nothing", () => {
  it.each<{ what: string; marks: Record<string, string> }>([
    { what: "entries of others", marks: { team: "billing", "aws:cloudformation:stack-id": "x", Rotation: "r" } },
    {
      what: "empty values",
      marks: { install: "", rotation: "", rev: "", phase: "", outgoing: "", fp: "", t: "", hold: "" },
    },
    { what: "quotes and braces", marks: { rotation: '{"id":1}', outgoing: 'apikey_"x"', install: "a b" } },
    { what: "a line break", marks: { rotation: "rot_1\nrot_2", outgoing: "apikey_1\n" } },
    { what: "a control character", marks: { outgoing: "apikey_1\u0000" } },
    { what: "letters that only look alike", marks: { outgoing: "\u0430pikey_1" } },
    { what: "too long", marks: { outgoing: `apikey_${"1".repeat(200)}` } },
    { what: "a phase we do not have", marks: { phase: "destroy" } },
    { what: "an object's own names as a phase", marks: { phase: "constructor" } },
    { what: "a negative revision", marks: { rev: "-1" } },
    { what: "a fraction", marks: { rev: "1.5", t: "0.1" } },
    { what: "a number in another notation", marks: { rev: "0x10", t: "1e3" } },
    { what: "a number with spaces", marks: { rev: " 12 ", t: "\n" } },
    { what: "more than a number can hold", marks: { rev: "99999999999999999999", t: "Infinity" } },
    { what: "words", marks: { rev: "latest", t: "2026-11-20" } },
  ])("$what", ({ marks }) => {
    expect(readMarkFacts(marks)).toEqual(NOTHING);
  });

  it("one bad entry does not take the good ones with it", () => {
    expect(readMarkFacts({ rotation: "rot_1", rev: "x", phase: "stage" })).toEqual({
      ...NOTHING,
      rotation: "rot_1",
      phase: "stage",
    });
  });
});
