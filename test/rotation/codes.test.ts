import { describe, expect, it } from "vitest";
import {
  ATTENTION,
  type AttentionCode,
  NOT_DUE,
  PROBLEMS,
  REASONS,
  REFUSALS,
  isUrgent,
} from "../../src/rotation/codes.ts";
import { nextStepFor } from "../../src/rotation/next-steps.ts";
import { rotationIn } from "../support/observations.ts";

const LISTS = { REASONS, NOT_DUE, ATTENTION, PROBLEMS, REFUSALS };
const CODES = Object.entries(LISTS).flatMap(([list, codes]) =>
  Object.entries(codes).map(([code, say]) => ({ list, code, say })),
);
const ATTENTIONS = Object.keys(ATTENTION) as AttentionCode[];
const record = rotationIn("draining", { id: "rot_42" });

describe("the closed lists of codes", () => {
  it.each(CODES)("$list.$code has a sentence", ({ code, say }) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(say.length).toBeGreaterThan(10);
    expect(say).not.toMatch(/undefined|\s$|^\s/);
  });

  it.each([...Object.values(ATTENTION), ...Object.values(REFUSALS)])("an alert reads as a sentence: %s", (say) => {
    expect(say).toMatch(/^[A-Z].*\.$/);
  });

  it("R5: exactly two reasons are urgent", () => {
    expect(Object.keys(REASONS).filter((r) => isUrgent(r as keyof typeof REASONS))).toEqual([
      "compromised",
      "deactivated_elsewhere",
    ]);
  });

  it("the codes that the rules name exist", () => {
    expect(ATTENTIONS).toEqual(
      expect.arrayContaining([
        "key_limit",
        "nothing_to_roll_back_to",
        "plan_changed",
        "target_removed",
        "state_behind",
        "clock",
        "replacement_unused",
        "replacement_dead",
        "destination_changed",
        "held",
        "approval_missing",
      ]),
    );
    expect(Object.keys(PROBLEMS)).toEqual(
      expect.arrayContaining([
        "destinations_disagree",
        "managed_elsewhere",
        "changed_elsewhere",
        "mark_removed",
        "leftover_pending",
        "leftover_key",
        "foreign_pending",
        "ambiguous_rule",
        "gives_up",
        "unshipped_tail",
      ]),
    );
  });
});

describe("every attention says what to do", () => {
  it.each(ATTENTIONS)("%s", (code) => {
    const next = nextStepFor(code, record);
    expect(next.length).toBeGreaterThan(10);
    expect(next).not.toMatch(/undefined|null|\[object/);
    expect(nextStepFor(code, { ...record, target: null, replacement: null })).not.toMatch(/undefined|null|\[object/);
  });

  it("commands on a rotation name it, so that they can be copied", () => {
    for (const code of ATTENTIONS) {
      const next = nextStepFor(code, record);
      for (const [command] of next.matchAll(/keyturn (show|approve|cancel|retry|proceed|reinstate|submit)( \S+)?/g)) {
        if (code !== "target_removed") expect(command, code).toContain("rot_42");
      }
    }
  });

  it("R17: a hold is lifted on the target, or on the key where there is none", () => {
    expect(nextStepFor("held", record)).toContain("keyturn unhold billing");
    expect(nextStepFor("held", { ...record, target: null })).toContain("keyturn unhold apikey_out");
  });

  it("R13: what usage cannot decide a person may, with a reason", () => {
    for (const code of [
      "outgoing_still_used",
      "replacement_unused",
      "usage_unknown",
      "outgoing_reactivated",
    ] as const) {
      expect(nextStepFor(code, record)).toContain("keyturn proceed rot_42 --reason");
    }
  });

  it("R7: a dead replacement after deactivation: reinstate", () => {
    expect(nextStepFor("replacement_dead", record)).toBe("keyturn reinstate rot_42");
  });
});
