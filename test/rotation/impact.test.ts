import { describe, expect, it } from "vitest";
import { ATTENTION, type AttentionCode } from "../../src/rotation/codes.ts";
import { impactOf } from "../../src/rotation/impact.ts";

describe("every attention says what is at risk", () => {
  it.each(Object.keys(ATTENTION) as AttentionCode[])("%s, in one or two short sentences", (code) => {
    const impact = impactOf(code);
    expect(impact).toMatch(/^[A-Z].*\.$/);
    expect(impact.length).toBeLessThanOrEqual(160);
    expect(impact).not.toBe(ATTENTION[code]);
  });

  it.each(["replacement_dead", "outgoing_dead", "nothing_to_roll_back_to"] as const)(
    "%s does not say that all is well",
    (code) => {
      expect(impactOf(code)).toMatch(/failing/);
    },
  );
});
