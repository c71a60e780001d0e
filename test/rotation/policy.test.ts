import { describe, expect, it } from "vitest";
import { type Candidate, EXPIRY_NOTICE_MS, ageDays, ageMs, judge } from "../../src/rotation/policy.ts";
import { DAY, HOUR, NOON } from "../support/records.ts";

/** A key that reaches its limit of 90 days this instant, with nothing in the way. */
const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  now: NOON,
  createdAt: NOON - 90 * DAY,
  expiresAt: null,
  active: true,
  maxAgeMs: 90 * DAY,
  openRotationId: null,
  notBefore: null,
  rolledBack: false,
  failures: 0,
  waiting: 0,
  maxOpenRotations: 10,
  ...more,
});
const young = { createdAt: NOON - DAY };
const later = { due: false, reason: "not_due" } as const;

describe("a key is proposed for rotation", () => {
  it.each<{ when: string; given: Partial<Candidate>; verdict: object }>([
    {
      when: "on the day it reaches its maximum age",
      given: {},
      verdict: { due: true, reason: "age", message: "90 days old; the limit is 90 days" },
    },
    {
      when: "but not a millisecond before",
      given: { createdAt: NOON - 90 * DAY + 1 },
      verdict: { ...later, message: "89 days old; the limit is 90 days" },
    },
    {
      when: "R24: and one created in the future is 0 s old",
      given: { createdAt: NOON + 400 * DAY },
      verdict: { ...later, message: "0 s old; the limit is 90 days" },
    },
    {
      when: "in compressed time, with seconds in the message",
      given: { createdAt: NOON - 5000, maxAgeMs: 5000 },
      verdict: { due: true, reason: "age", message: "5 s old; the limit is 5 s" },
    },
    {
      when: "14 days before it expires",
      given: { ...young, createdAt: NOON - 60 * DAY, expiresAt: NOON + EXPIRY_NOTICE_MS },
      verdict: { due: true, reason: "expires_soon", message: "expires 2026-12-04T12:00:00.000Z" },
    },
    {
      when: "but not a millisecond earlier",
      given: { createdAt: NOON - 60 * DAY, expiresAt: NOON + EXPIRY_NOTICE_MS + 1 },
      verdict: later,
    },
    {
      when: "R8: at half of a life shorter than 28 days",
      given: { createdAt: NOON - 3 * DAY, expiresAt: NOON + 3 * DAY },
      verdict: { due: true, reason: "expires_soon" },
    },
    {
      when: "R8: but not before half of it",
      given: { createdAt: NOON - 3 * DAY, expiresAt: NOON + 3 * DAY + 2 },
      verdict: later,
    },
    {
      when: "for its expiry, when it is too old as well",
      given: { expiresAt: NOON + DAY },
      verdict: { due: true, reason: "expires_soon" },
    },
    {
      when: "whatever its age, when others deactivated it",
      given: { ...young, active: false },
      verdict: {
        due: true,
        reason: "deactivated_elsewhere",
        message: "the key in use is not active; it was deactivated outside Keyturn",
      },
    },
    {
      when: "but not while a rotation is open",
      given: { openRotationId: "rot_1" },
      verdict: { due: false, reason: "rotation_open", message: "rotation rot_1 is open" },
    },
    {
      when: "R20: but not before the time that the last end set",
      given: { notBefore: NOON + 1 },
      verdict: { due: false, reason: "not_before", message: "not proposed again before 2026-11-20T12:00:00.001Z" },
    },
    { when: "R20: and from that time on", given: { notBefore: NOON }, verdict: { due: true, reason: "age" } },
    {
      when: "R20: but not by itself after three ends without completing",
      given: { failures: 3 },
      verdict: {
        due: false,
        reason: "problem",
        message: "three rotations in a row ended without completing; open one with `keyturn rotate`",
      },
    },
    { when: "R20: and still after two", given: { failures: 2 }, verdict: { due: true, reason: "age" } },
    {
      when: "R5: but not beyond maxOpenRotations",
      given: { waiting: 10 },
      verdict: {
        due: false,
        reason: "limit_reached",
        message: "10 rotations already wait for a person (policy.maxOpenRotations)",
      },
    },
    { when: "R5: and while one place is free", given: { waiting: 9 }, verdict: { due: true, reason: "age" } },
    { when: "R5: none at all with a limit of 0", given: { maxOpenRotations: 0 }, verdict: { reason: "limit_reached" } },
  ])("$when", ({ given, verdict }) => {
    expect(judge(candidate(given))).toMatchObject(verdict);
  });
});

describe("the order of the checks", () => {
  const everything = { active: false, openRotationId: "rot_1", failures: 3, notBefore: NOON + DAY, waiting: 10 };

  it("R4: an open rotation comes first: its reason is replaced, no second one is opened", () => {
    expect(judge(candidate(everything))).toMatchObject({ reason: "rotation_open" });
  });

  it("R5, R20: an urgent reason ignores notBefore, maxOpenRotations and earlier failures", () => {
    expect(judge(candidate({ ...everything, openRotationId: null }))).toMatchObject({
      due: true,
      reason: "deactivated_elsewhere",
    });
  });

  it("a key that is not due says so, whatever else is wrong", () => {
    const given = { ...everything, ...young, active: true, openRotationId: null };
    expect(judge(candidate(given))).toMatchObject({ due: false, reason: "not_due" });
  });

  it("giving up is told before a date that would sound as if it came back by itself", () => {
    expect(judge(candidate({ failures: 3, notBefore: NOON + DAY, waiting: 10 }))).toMatchObject({ reason: "problem" });
    expect(judge(candidate({ notBefore: NOON + DAY, waiting: 10 }))).toMatchObject({ reason: "not_before" });
  });
});

describe("age", () => {
  it.each([
    { createdAt: NOON - DAY + 1, days: 0 },
    { createdAt: NOON - DAY, days: 1 },
    { createdAt: NOON - 89 * DAY - 23 * HOUR, days: 89 },
    { createdAt: NOON + DAY, days: 0 },
  ])("is counted in whole days past, never negative: $days", ({ createdAt, days }) => {
    expect(ageDays({ now: NOON, createdAt })).toBe(days);
    expect(ageMs({ now: NOON, createdAt })).toBe(Math.max(0, NOON - createdAt));
  });
});
