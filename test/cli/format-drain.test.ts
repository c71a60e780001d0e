import { describe, expect, it } from "vitest";
import { rotationText } from "../../src/cli/format/rotation.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { STATES, type State } from "../../src/rotation/states.ts";
import { viewOf } from "../../src/rotation/view.ts";
import { DAY, HOUR, NOON, aPlan, aRotation } from "../support/records.ts";

const lineOf = (more: Partial<Rotation>): string | undefined =>
  rotationText(viewOf(aRotation(more)), NOON)
    .split("\n")
    .find((line) => line.startsWith("drain "));
const plan = (quietForMs: number, limitMs: number) => aPlan({ drain: { quietForMs, limitMs } });

describe("R13: `show` says what to expect of the drain", () => {
  it.each<{ what: string; more: Partial<Rotation>; said: string }>([
    {
      what: "a key in daily use",
      more: { longestPauseMs: 0 },
      said: "until the outgoing key is unused for 1 day; after 7 days a person decides",
    },
    {
      what: "a weekly batch, within the limit",
      more: { longestPauseMs: 7 * DAY },
      said: "until the outgoing key is unused for 7 days, its longest pause in the month before; after 7 days a person decides",
    },
    {
      what: "a weekly batch, beyond the limit",
      more: { longestPauseMs: 7 * DAY, plan: plan(24 * HOUR, 3 * DAY) },
      said: "a person will have to decide: the outgoing key should be unused for 7 days, its longest pause in the month before, but the limit is 3 days",
    },
    {
      what: "a configured quiet time beyond the limit, whatever the habit",
      more: { longestPauseMs: null, plan: plan(4 * DAY, 3 * DAY) },
      said: "a person will have to decide: the outgoing key should be unused for 4 days, but the limit is 3 days",
    },
    {
      what: "usage that could not be read",
      more: { longestPauseMs: null },
      said: "until the outgoing key is unused for 1 day; after 7 days a person decides; how long it pauses is not known, so it may take longer",
    },
    { what: "a leaked key", more: { reason: "compromised" }, said: "none: the outgoing key's use is not checked" },
    {
      what: "a policy without a check",
      more: { timing: { ...aRotation().timing, noUsageCheck: true } },
      said: "none: the outgoing key's use is not checked",
    },
  ])("$what", ({ more, said }) => expect(lineOf(more)).toBe(`drain         ${said}`));

  it("until the outgoing key is out of use, and not afterwards", () => {
    const told = (Object.keys(STATES) as State[]).filter((state) => lineOf({ state }) !== undefined);
    expect(told).toEqual([
      "awaiting_approval",
      "awaiting_replacement",
      "verifying",
      "promoting",
      "propagating",
      "draining",
    ]);
  });
});
