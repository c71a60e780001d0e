import { describe, expect, it } from "vitest";
import { type KeySeen, OBSERVES, isDead, isGone } from "../../src/rotation/observation.ts";
import { STATES, type State, isFinal, isWaitingForPerson } from "../../src/rotation/states.ts";

describe("P12: what a status proves", () => {
  it.each<{ status: KeySeen | null; dead: boolean; gone: boolean }>([
    { status: "active", dead: false, gone: false },
    { status: "inactive", dead: true, gone: false },
    { status: "archived", dead: true, gone: true },
    { status: "expired", dead: true, gone: true },
    { status: "missing", dead: true, gone: true },
    { status: "unknown:paused", dead: false, gone: false },
    { status: "unknown:archived", dead: false, gone: false },
    { status: null, dead: false, gone: false },
  ])("$status: dead $dead, gone $gone", ({ status, dead, gone }) => {
    expect([isDead(status), isGone(status)]).toEqual([dead, gone]);
  });
});

describe("R7: what is looked at", () => {
  const states = Object.keys(STATES) as State[];

  it("the destinations in every open state but those before anything of ours is there", () => {
    const blind = states.filter((s) => !isFinal(s) && !OBSERVES[s].includes("destinations"));
    expect(blind).toEqual(["awaiting_approval", "revoking"]);
  });

  it("the pending places only while a replacement is awaited, and nothing after the end", () => {
    expect(states.filter((s) => OBSERVES[s].includes("pending"))).toEqual(["awaiting_replacement"]);
    expect(states.filter((s) => isFinal(s) && OBSERVES[s].length > 0)).toEqual([]);
  });

  it("R5: maxOpenRotations counts the two states that wait for a person's deed", () => {
    expect(states.filter(isWaitingForPerson)).toEqual(["awaiting_approval", "awaiting_replacement"]);
  });
});
