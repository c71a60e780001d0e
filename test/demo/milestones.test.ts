import { describe, expect, it } from "vitest";
import { explainDrain, milestone } from "../../src/demo/milestones.ts";
import { TRANSITIONS } from "../../src/rotation/states.ts";
import { aRotation } from "../support/records.ts";

const MINUTE = Date.UTC(2026, 10, 21, 9, 14, 0);

describe("a milestone", () => {
  const HEALTHY = [
    "approved",
    "staged",
    "verified",
    "promoted",
    "propagated",
    "drained",
    "outgoing_inactive",
    "elapsed",
    "outgoing_gone",
  ];

  it.each(HEALTHY)("`%s` names the state that the table leads to, and says what happened", (event) => {
    const line = milestone({ at: MINUTE, event, actor: "keyturn", via: "worker" }, aRotation());
    const targets = TRANSITIONS.filter(([, on]) => on === event).map(([, , to]) => to as string);
    expect(targets).toContain(line.label);
    expect(line.text.length).toBeGreaterThan(20);
  });

  it("of an attention is its sentence", () => {
    const line = milestone(
      { at: MINUTE, event: "attention:store_denied", actor: "keyturn", via: "worker" },
      aRotation(),
    );
    expect(line).toMatchObject({ label: "needs attention", text: "A secrets manager refuses our credentials." });
  });

  it("that it does not know says who caused it", () => {
    const line = milestone({ at: MINUTE, event: "cancelled", actor: "cli:a@b", via: "cli" }, aRotation());
    expect(line).toMatchObject({ label: "cancelled", text: "by cli:a@b via cli" });
  });
});

describe("the wait for draining", () => {
  it("is explained by the end of the minute in which the outgoing key was last used", () => {
    const wait = explainDrain("app-key", MINUTE + 20_000, MINUTE + 19_500, MINUTE + 21_000);
    expect(wait?.why).toContain("app-key, last used at 09:14:20, counts as used until 09:15:00");
    expect(wait?.left).toBe("about 42 s to go");
  });

  it.each([
    { when: "the key was never used", lastUsedAt: null, now: MINUTE + 21_000 },
    {
      when: "its last use lies in the minute before the replacement went live",
      lastUsedAt: MINUTE - 1,
      now: MINUTE + 100,
    },
    { when: "there is hardly anything left to wait for", lastUsedAt: MINUTE + 1, now: MINUTE + 59_000 },
  ])("is not explained when $when", ({ lastUsedAt, now }) => {
    expect(explainDrain("app-key", lastUsedAt, MINUTE, now)).toBeNull();
  });
});
