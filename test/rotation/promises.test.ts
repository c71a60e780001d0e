import { describe, expect, it } from "vitest";
import type { KeySeen } from "../../src/rotation/observation.ts";
import {
  CALL_WITHIN_MS,
  type LastLook,
  type P1Facts,
  lackOfP1,
  lackOfProof,
  lackOfTime,
  lastLook,
} from "../../src/rotation/promises.ts";
import { DAY, NOON, aKey, aRotation } from "../support/records.ts";

const record = aRotation({ replacement: aKey("apikey_new") });
const MINUTES = 60_000;

describe("P1: no configured destination holds the outgoing key, and the rotation's hold one other", () => {
  const at = (...fingerprints: (string | null)[]): P1Facts => ({
    elsewhere: [],
    destinations: fingerprints.map((fingerprint, i) => ({ where: `${i}.env`, fingerprint })),
  });
  const [ours, old, third, fourth] = ["fp-apikey_new", "fp-apikey_out", "fp-third", "fp-fourth"];
  const changed = (about: string) => ({ code: "destination_changed", about });

  it.each<{ when: string; facts: P1Facts; replacement: unknown; any: unknown }>([
    { when: "all hold the replacement", facts: at(ours, ours), replacement: null, any: null },
    { when: "one destination holds it", facts: at(ours), replacement: null, any: null },
    {
      when: "P4: all hold one third key",
      facts: at(third, third),
      replacement: changed("0.env holds another value."),
      any: null,
    },
    {
      when: "P4: two third keys",
      facts: at(third, fourth),
      replacement: changed("0.env holds another value."),
      any: changed("1.env holds another value than 0.env."),
    },
    {
      when: "one holds a third key",
      facts: at(ours, third),
      replacement: changed("1.env holds another value."),
      any: changed("1.env holds another value than 0.env."),
    },
    {
      when: "one holds the outgoing key",
      facts: at(ours, old),
      replacement: changed("1.env holds the outgoing key."),
      any: changed("1.env holds the outgoing key."),
    },
    {
      when: "all hold the outgoing key",
      facts: at(old, old),
      replacement: changed("0.env holds the outgoing key."),
      any: changed("0.env holds the outgoing key."),
    },
    {
      when: "one is empty",
      facts: at(ours, null),
      replacement: changed("1.env is empty."),
      any: changed("1.env is empty."),
    },
    {
      when: "there is none",
      facts: at(),
      replacement: changed("The rotation has no destination."),
      any: changed("The rotation has no destination."),
    },
    {
      when: "R1: another target's destination still holds the outgoing key",
      facts: { ...at(ours), elsewhere: ["files:reports.env", "prod:eu/key"] },
      replacement: { code: "outgoing_in_use_elsewhere", about: "It is in files:reports.env, prod:eu/key." },
      any: { code: "outgoing_in_use_elsewhere", about: "It is in files:reports.env, prod:eu/key." },
    },
  ])("$when", ({ facts, replacement, any }) => {
    expect(lackOfP1(record, facts, "replacement")).toEqual(replacement);
    expect(lackOfP1(record, facts, "any")).toEqual(any);
  });

  it("without a replacement on the record nothing is the replacement", () => {
    expect(lackOfP1(aRotation(), at(third), "replacement")).toEqual(changed("0.env holds another value."));
  });
});

describe("P1, R8, P12: the live call", () => {
  const proof = (answer: "ok" | "doubt" | "bad", age: number) =>
    lackOfProof({ at: NOON - age, answer, cause: "a 529" }, NOON);

  it("counts for exactly five minutes", () => {
    expect(proof("ok", 0)).toBeNull();
    expect(proof("ok", 5 * MINUTES)).toBeNull();
    expect(proof("ok", 5 * MINUTES + 1)).toEqual({
      code: "verification_inconclusive",
      about: "The live call is older than five minutes.",
    });
  });

  it("P12: doubt is not failure, and not success", () => {
    expect(proof("doubt", 0)).toEqual({ code: "verification_inconclusive", about: "The live call ended with: a 529." });
  });

  it("a rejected value is no proof, and says so", () => {
    expect(proof("bad", 0)).toEqual({ code: "replacement_unproven", about: "The live call was answered with a 529." });
  });
});

describe("P4, R24: elapsed by every clock we can ask", () => {
  const end = NOON + 7 * DAY;
  const clocks = (ours: number | null, redis: number | null, api: number | null) =>
    lackOfTime(end, { "this machine": ours, Redis: redis, "Admin API": api });

  it("to the millisecond, by the slowest of them", () => {
    expect(clocks(end, end, end)).toBeNull();
    expect(clocks(end, end - 1, end)).toBe("not yet");
    expect(clocks(end, end, end - 1)).toBe("not yet");
    expect(clocks(end - 1, end, end)).toBe("not yet");
  });

  it("clocks exactly five minutes apart are let pass, a millisecond more is not", () => {
    expect(clocks(end + 5 * MINUTES, end, end)).toBeNull();
    expect(clocks(end + 5 * MINUTES + 1, end, end)).toMatchObject({ code: "clock" });
    expect(clocks(end, end, end + 5 * MINUTES + 1)).toMatchObject({ code: "clock" });
  });

  it("a machine eight days ahead archives nothing, and the clocks are named with their times", () => {
    const said = clocks(NOON + 8 * DAY, NOON, null);
    expect(said).toEqual({
      code: "clock",
      about: "this machine: 2026-11-28T12:00:00.000Z, Redis: 2026-11-20T12:00:00.000Z, Admin API: unknown.",
    });
  });

  it("clocks that differ are told even before the time has come", () => {
    expect(clocks(NOON, NOON - 10 * MINUTES, NOON)).toMatchObject({ code: "clock" });
  });

  it("a clock that could not be asked is not counted", () => {
    expect(clocks(end, end, null)).toBeNull();
    expect(clocks(end - 1, null, null)).toBe("not yet");
  });

  it("when no clock could be asked, nothing has elapsed", () => {
    expect(clocks(null, null, null)).toBe("not yet");
    expect(lackOfTime(end, {})).toBe("not yet");
  });

  it("a clock that tells no time is as good as none", () => {
    expect(clocks(Number.NaN, end, end)).toBeNull();
    expect(clocks(Number.NaN, end - 1, null)).toBe("not yet");
    expect(clocks(Number.NaN, NOON + 8 * DAY, NOON)).toMatchObject({ code: "clock" });
  });
});

describe("P5, R9, R15, R17: the last look before a destructive call", () => {
  const seen = (more: Partial<LastLook> = {}): LastLook => ({
    revision: 7,
    holds: [],
    newestConfiguration: true,
    marks: { revision: 7, unknownReplacement: null },
    status: "active",
    ...more,
  });
  const look = (more: Partial<LastLook>) => lastLook({ revision: 7 }, seen(more), "active", "inactive");

  it.each<{ when: string; more: Partial<LastLook>; answer: ReturnType<typeof lastLook> }>([
    { when: "everything is as intended", more: {}, answer: "send" },
    {
      when: "the marks are older than the record",
      more: { marks: { revision: 0, unknownReplacement: null } },
      answer: "send",
    },
    { when: "the record has moved on", more: { revision: 8 }, answer: "conflict" },
    { when: "the record is older than intended: Redis was restored", more: { revision: 6 }, answer: "conflict" },
    { when: "the record is gone", more: { revision: null }, answer: "conflict" },
    { when: "a hold appeared", more: { holds: ["billing"] }, answer: "held" },
    {
      when: "a newer configuration was announced",
      more: { newestConfiguration: false },
      answer: "older_configuration",
    },
    {
      when: "a mark names a higher revision",
      more: { marks: { revision: 8, unknownReplacement: null } },
      answer: "state_behind",
    },
    { when: "it is done already", more: { status: "inactive" }, answer: "already" },
    { when: "it is archived", more: { status: "archived" }, answer: "other_status" },
    { when: "it is expired", more: { status: "expired" }, answer: "other_status" },
    { when: "it is unknown to the API", more: { status: "missing" }, answer: "other_status" },
    { when: "P12: it has a status we do not know", more: { status: "unknown:inactive" }, answer: "other_status" },
    { when: "it is done, but the record has moved on", more: { status: "inactive", revision: 8 }, answer: "conflict" },
    { when: "it is done, but held", more: { status: "inactive", holds: ["billing"] }, answer: "held" },
  ])("$when → $answer", ({ more, answer }) => {
    expect(look(more)).toBe(answer);
  });

  it.each<{ status: KeySeen; answer: ReturnType<typeof lastLook> }>([
    { status: "inactive", answer: "send" },
    { status: "active", answer: "other_status" },
    { status: "archived", answer: "already" },
    { status: "expired", answer: "other_status" },
    { status: "unknown:x", answer: "other_status" },
  ])("P4: archiving is sent only on an inactive key: $status → $answer", ({ status, answer }) => {
    expect(lastLook({ revision: 7 }, seen({ status }), "inactive", "archived")).toBe(answer);
  });

  it("P4: of a held key that is active again the status is told: its grace period is void", () => {
    const look = seen({ status: "active", holds: ["billing"] });
    expect(lastLook({ revision: 7 }, look, "inactive", "archived")).toBe("other_status");
  });

  it("R9: the checks are worth ten seconds", () => {
    expect(CALL_WITHIN_MS).toBe(10_000);
  });
});
