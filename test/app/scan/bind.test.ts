import { describe, expect, it } from "vitest";
import { type Bound, bind, sharedSecrets, wantedOf } from "../../../src/app/scan/bind.ts";
import type { ReadTarget } from "../../../src/app/scan/read-targets.ts";
import type { AdminKey } from "../../../src/ports/key-admin.ts";
import { type MarkFacts, readMarkFacts } from "../../../src/rotation/marks.ts";
import { SecretText, fingerprintOf, hintOf, markFingerprint } from "../../../src/rotation/secret.ts";
import { makeKey } from "../../support/keys.ts";
import { NOON, aDestination } from "../../support/records.ts";
import { aTarget } from "../../support/settings.ts";

const VALUE = makeKey("in-use");
const OTHER = makeKey("another");
const HINT = hintOf(VALUE);
const OURS = markFingerprint(fingerprintOf(VALUE));
const STALE = markFingerprint(fingerprintOf(OTHER));

const key = (id: string, more: Partial<AdminKey> = {}): AdminKey => ({
  id,
  name: id.replace("apikey_", ""),
  status: "active",
  createdAt: NOON,
  expiresAt: null,
  hint: HINT,
  createdBy: null,
  principal: null,
  scope: "workspace",
  workspaceId: null,
  ...more,
});
const hidden = (id: string, more: Partial<AdminKey> = {}) => key(id, { hint: null, ...more });

interface Given {
  keys: AdminKey[];
  keyId?: string;
  marks?: Record<string, string>;
  values?: string[];
}

function target({ keyId, marks = {}, values = [VALUE] }: Given): ReadTarget {
  const facts: MarkFacts = readMarkFacts(marks);
  const setting = aTarget("billing", {
    keyId: keyId ?? null,
    destinations: values.map((_, i) => aDestination(`${i}.env`)),
  });
  return {
    target: { ...setting, requiredName: null },
    destinations: values.map((text, i) => ({
      dest: aDestination(`${i}.env`),
      value: SecretText.from(text),
      fingerprint: fingerprintOf(text),
      hint: hintOf(text),
      marks: facts,
    })),
    marks: [],
    problem: null,
  };
}

function bound(given: Given): Bound {
  const read = target(given);
  const { hints, ids } = wantedOf([read]);
  const byHint = new Map([...hints].map((h) => [h, given.keys.filter((k) => k.hint === h && k.status !== "archived")]));
  return bind(read, { byId: new Map(given.keys.filter((k) => ids.has(k.id)).map((k) => [k.id, k])), byHint });
}
const outcome = (b: Bound) => (b.key === null ? b.problem.code : [b.key.id, ...b.notes.map((n) => n.code)].join(" + "));

describe("R11: the key of a target is told from the value", () => {
  const A = "apikey_a";
  const B = "apikey_b";
  it.each<Given & { when: string; so: string }>([
    { when: "by its hint, if exactly one key has it", keys: [key(A), key(B, { hint: hintOf(OTHER) })], so: A },
    { when: "by its hint, whatever the key's status", keys: [key(A, { status: "inactive" })], so: A },
    { when: "by its hint, also of an expired key", keys: [key(A, { status: "expired" })], so: A },
    { when: "never by the hint of an archived key", keys: [key(A, { status: "archived" })], so: "unknown_key" },
    { when: "never by a hint that is null", keys: [hidden(A)], so: "unknown_key" },
    { when: "not at all, if two keys have its hint", keys: [key(A), key(B)], so: "ambiguous_key" },
    {
      when: "not by a name, if two keys have its hint",
      keys: [key(A, { name: "billing" }), key(B)],
      so: "ambiguous_key",
    },
    { when: "by key.id, if it is one of the two", keys: [key(A), key(B)], keyId: B, so: B },
    { when: "by key.id, if the key's hint is hidden", keys: [hidden(A)], keyId: A, so: A },
    {
      when: "not by key.id, if its hint is known and differs",
      keys: [key(A, { hint: hintOf(OTHER) })],
      keyId: A,
      so: "key_mismatch",
    },
    { when: "not by a key.id that does not exist", keys: [], keyId: A, so: "unknown_key" },
    {
      when: "by its hint before a key.id of the first run that is out of date",
      keys: [key(A), key(B, { hint: hintOf(OTHER), status: "archived" })],
      keyId: B,
      so: A,
    },
    { when: "by its hint before a key.id without one", keys: [key(A), hidden(B)], keyId: B, so: A },
    {
      when: "by the mark, while the value is the one it was written for",
      keys: [key(A), key(B)],
      marks: { fp: OURS, replacement: B },
      so: B,
    },
    {
      when: "by the mark, also of a key whose hint is hidden",
      keys: [hidden(A)],
      marks: { fp: OURS, replacement: A },
      so: A,
    },
    {
      when: "by the mark, also of a key that was archived meanwhile",
      keys: [key(A, { status: "archived" })],
      marks: { fp: OURS, replacement: A },
      so: A,
    },
    {
      when: "by the outgoing key in a mark, before the promotion",
      keys: [hidden(A), hidden(B)],
      marks: { fp: OURS, phase: "stage", outgoing: A, replacement: B },
      so: A,
    },
    {
      when: "by the replacement in a mark, after it",
      keys: [hidden(A), hidden(B)],
      marks: { fp: OURS, phase: "promoted", outgoing: A, replacement: B },
      so: B,
    },
    {
      when: "by the hint, if the mark names a key with another one",
      keys: [key(A), key(B, { hint: hintOf(OTHER) })],
      marks: { fp: OURS, replacement: B },
      so: A,
    },
    {
      when: "by the hint, if the mark names a key without one (R2)",
      keys: [key(A), hidden(B)],
      marks: { fp: OURS, replacement: B },
      so: A,
    },
    {
      when: "by the hint, if the mark names a key that does not exist",
      keys: [key(A)],
      marks: { fp: OURS, replacement: B },
      so: A,
    },
    {
      when: "by the hint, if the value was changed since; that is noted",
      keys: [key(A), hidden(B)],
      marks: { fp: STALE, replacement: B },
      so: `${A} + changed_elsewhere`,
    },
    {
      when: "not by a stale mark, if nothing else tells",
      keys: [hidden(B)],
      marks: { fp: STALE, replacement: B },
      so: "unknown_key",
    },
    {
      when: "not at all, if its destinations hold different values",
      keys: [key(A)],
      values: [VALUE, OTHER],
      so: "destinations_disagree",
    },
    { when: "of both destinations, if they hold the same", keys: [key(A)], values: [VALUE, VALUE], so: A },
  ])("$when", ({ so, ...given }) => {
    expect(outcome(bound(given))).toBe(so);
  });

  it("a problem with the store comes before any conclusion", () => {
    const read: ReadTarget = { ...target({ keys: [] }), problem: { code: "store_unavailable", message: "down" } };
    expect(outcome(bind(read, { byId: new Map(), byHint: new Map([[HINT, [key(A)]]]) }))).toBe("store_unavailable");
  });

  it("a mark beside a secret with several destinations may speak of another field: no note", () => {
    const read = target({ keys: [], marks: { fp: STALE, replacement: B }, values: [VALUE] });
    const candidates = { byId: new Map<string, AdminKey>(), byHint: new Map([[HINT, [key(A)]]]) };
    const two = {
      ...read,
      target: { ...read.target, destinations: [aDestination("0.env"), aDestination("0.env", { field: "SECOND" })] },
    };
    expect(outcome(bind(read, candidates, sharedSecrets([two])))).toBe(A);
    expect(outcome(bind(read, candidates, sharedSecrets([read])))).toBe(`${A} + changed_elsewhere`);
  });

  it("messages name keys and hints, never the value", () => {
    const refused = bound({ keys: [key(A), key(B)] });
    expect(refused).toMatchObject({
      problem: { message: `a (${A}) and b (${B}) have the hint of the value (${HINT}); name one as key.id` },
    });
    expect(JSON.stringify(refused)).not.toContain(VALUE.slice(20));
  });
});
