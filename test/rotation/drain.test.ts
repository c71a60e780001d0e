import { describe, expect, it } from "vitest";
import { type DrainEvidence, HABIT_MS, judgeDrain, longestPauseMs, neededQuietMs } from "../../src/rotation/drain.ts";
import { DAY, HOUR, NOON } from "../support/records.ts";

const MINUTE = 60_000;
const DAILY = ["2026-11-17", "2026-11-18", "2026-11-19"];

/** Quiet for exactly the 24 hours that are asked for, known up to now, and the replacement in use. */
const evidence = (more: Partial<DrainEvidence> = {}): DrainEvidence => ({
  now: NOON + DAY,
  propagatedAt: NOON,
  quietForMs: 24 * HOUR,
  daysBefore: DAILY,
  outgoing: { lastUsedAt: null, freshUntil: NOON + DAY },
  replacementUsed: true,
  ...more,
});

describe("R13: the key's own habit", () => {
  it.each<{ days: string[]; pauseDays: number }>([
    { days: [], pauseDays: 0 },
    { days: ["2026-11-02"], pauseDays: 0 },
    { days: ["2026-11-02", "2026-11-03", "2026-11-04"], pauseDays: 0 },
    { days: ["2026-11-02", "2026-11-04"], pauseDays: 2 },
    { days: ["2026-10-26", "2026-11-02", "2026-11-09"], pauseDays: 7 },
    { days: ["2026-11-02", "2026-11-06", "2026-11-07", "2026-11-10"], pauseDays: 4 },
    { days: ["2026-10-24", "2026-10-26"], pauseDays: 2 }, // a clock change in Europe: days are UTC
    { days: ["2026-12-31", "2027-01-01"], pauseDays: 0 },
  ])("used on $days: the longest pause is $pauseDays days", ({ days, pauseDays }) => {
    expect(longestPauseMs(days)).toBe(pauseDays * DAY);
  });

  it("the quiet time is the configured one or the key's longest pause, whichever is longer", () => {
    expect(neededQuietMs(24 * HOUR, DAILY)).toBe(DAY);
    expect(neededQuietMs(24 * HOUR, ["2026-11-02", "2026-11-09"])).toBe(7 * DAY);
    expect(neededQuietMs(7 * DAY, ["2026-11-02", "2026-11-09"])).toBe(7 * DAY);
    expect(neededQuietMs(0, [])).toBe(0);
  });

  it("is read from 31 days back", () => {
    expect(HABIT_MS).toBe(31 * DAY);
  });
});

describe("R13: drained means quiet for long enough, as far as the data is known", () => {
  it("quiet for exactly the time asked for, and not a millisecond less", () => {
    expect(judgeDrain(evidence())).toEqual({ drained: true, quietSince: NOON, window: { from: NOON, to: NOON + DAY } });
    expect(judgeDrain(evidence({ now: NOON + DAY - 1 }))).toMatchObject({
      drained: false,
      why: "not_quiet_long_enough",
    });
  });

  it("time after the data's freshness proves nothing: an hour of lag is an hour more of waiting", () => {
    const lag = (now: number) => judgeDrain(evidence({ now, outgoing: { lastUsedAt: null, freshUntil: now - HOUR } }));
    expect(lag(NOON + DAY + HOUR - 1)).toMatchObject({ drained: false, why: "not_quiet_long_enough" });
    expect(lag(NOON + DAY + HOUR)).toEqual({ drained: true, quietSince: NOON, window: { from: NOON, to: NOON + DAY } });
  });

  it("data that claims to be fresh beyond now is believed only up to now", () => {
    const ahead = evidence({ now: NOON + HOUR, outgoing: { lastUsedAt: null, freshUntil: NOON + 30 * DAY } });
    expect(judgeDrain(ahead)).toMatchObject({ drained: false });
  });

  it("data from before propagation shows nothing at all", () => {
    expect(
      judgeDrain(evidence({ now: NOON + 30 * DAY, outgoing: { lastUsedAt: null, freshUntil: NOON - 1 } })),
    ).toMatchObject({
      drained: false,
      why: "not_quiet_long_enough",
    });
  });

  it("P12: unknown freshness is not drained, however long it is quiet", () => {
    const unknown = evidence({ now: NOON + 400 * DAY, outgoing: { lastUsedAt: null, freshUntil: null } });
    expect(judgeDrain(unknown)).toMatchObject({ drained: false, why: "usage_unknown" });
    expect(judgeDrain({ ...unknown, quietForMs: 0, daysBefore: [] })).toMatchObject({
      drained: false,
      why: "usage_unknown",
    });
  });

  it("a use starts the window anew, at the end of its minute", () => {
    const used = (now: number) => judgeDrain(evidence({ now, outgoing: { lastUsedAt: NOON + HOUR, freshUntil: now } }));
    expect(used(NOON + HOUR + MINUTE + DAY - 1)).toMatchObject({ drained: false, why: "outgoing_still_used" });
    expect(used(NOON + HOUR + MINUTE + DAY)).toMatchObject({ drained: true, quietSince: NOON + HOUR + MINUTE });
  });

  it("a minute that straddles the propagation may hold a use after it", () => {
    const straddling = (now: number) =>
      judgeDrain(evidence({ now, outgoing: { lastUsedAt: NOON - MINUTE + 1, freshUntil: now } }));
    expect(straddling(NOON + DAY)).toMatchObject({ drained: false, why: "outgoing_still_used" });
    expect(straddling(NOON + DAY + 1)).toMatchObject({ drained: true, quietSince: NOON + 1 });
  });

  it("a use wholly before the propagation does not count", () => {
    const before = evidence({ outgoing: { lastUsedAt: NOON - MINUTE, freshUntil: NOON + DAY } });
    expect(judgeDrain(before)).toMatchObject({ drained: true, quietSince: NOON });
  });

  it("a weekly batch needs a whole week: a day of quiet is not enough", () => {
    const weekly = evidence({ daysBefore: ["2026-11-04", "2026-11-11", "2026-11-18"] });
    expect(judgeDrain(weekly)).toMatchObject({ drained: false, why: "not_quiet_long_enough" });
    const week = NOON + 7 * DAY;
    expect(judgeDrain({ ...weekly, now: week, outgoing: { lastUsedAt: null, freshUntil: week } })).toMatchObject({
      drained: true,
    });
  });
});

describe("R13: both keys silent is not drained when the outgoing one was in use", () => {
  it("used before, and the replacement shows no use of its own: the applications may be stopped", () => {
    expect(judgeDrain(evidence({ replacementUsed: false }))).toMatchObject({
      drained: false,
      why: "replacement_unused",
    });
  });

  it("a single day of use is use", () => {
    expect(judgeDrain(evidence({ daysBefore: ["2026-10-21"], replacementUsed: false }))).toMatchObject({
      why: "replacement_unused",
    });
  });

  it("never used in 31 days: nothing is to be expected of the replacement", () => {
    expect(judgeDrain(evidence({ daysBefore: [], replacementUsed: false }))).toMatchObject({ drained: true });
  });

  it("a use of the outgoing key is named before a missing use of the replacement", () => {
    const both = evidence({ replacementUsed: false, outgoing: { lastUsedAt: NOON + DAY - 1, freshUntil: NOON + DAY } });
    expect(judgeDrain(both)).toMatchObject({ why: "outgoing_still_used" });
  });
});

describe("R13: quietFor 0", () => {
  it("is satisfied as soon as the data reaches the end of propagation", () => {
    const none = evidence({ quietForMs: 0, now: NOON + HOUR });
    expect(judgeDrain({ ...none, outgoing: { lastUsedAt: null, freshUntil: NOON - 1 } })).toMatchObject({
      drained: false,
    });
    expect(judgeDrain({ ...none, outgoing: { lastUsedAt: null, freshUntil: NOON } })).toMatchObject({ drained: true });
  });

  it("still waits for the end of the minute of the last use, and for the replacement's own", () => {
    const none = evidence({
      quietForMs: 0,
      now: NOON + HOUR,
      outgoing: { lastUsedAt: NOON + HOUR - 1, freshUntil: NOON + HOUR },
    });
    expect(judgeDrain(none)).toMatchObject({ drained: false, why: "outgoing_still_used" });
    expect(judgeDrain(evidence({ quietForMs: 0, replacementUsed: false }))).toMatchObject({
      why: "replacement_unused",
    });
  });
});

describe("when it looks again", () => {
  it.each([
    { quietForMs: 24 * HOUR, pause: 5 * MINUTE },
    { quietForMs: 8 * MINUTE, pause: MINUTE },
    { quietForMs: 800, pause: 250 },
    { quietForMs: 0, pause: 250 },
  ])("quietFor $quietForMs ms: every $pause ms", ({ quietForMs, pause }) => {
    const verdict = judgeDrain(evidence({ now: NOON, quietForMs, outgoing: { lastUsedAt: null, freshUntil: null } }));
    expect(verdict).toMatchObject({ lookAgainAt: NOON + pause });
  });
});
