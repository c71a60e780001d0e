import { describe, expect, it } from "vitest";
import { createRefusals } from "../../src/app/desk/refusals.ts";
import { makeWorld } from "../support/world.ts";

const scene = () => {
  const { deps, audit, clock } = makeWorld();
  const refusals = createRefusals({ clock, audit: deps.audit, log: deps.log });
  const entries = () =>
    audit.sink
      .filter((e) => e.action === "click.refused")
      .map((e) => [e.evidence["reason"], e.actor, e.rotation, e.evidence["moreSinceLast"] ?? 0].join(" "));
  return { refusals, clock, entries };
};

describe("P10: refused clicks on record", () => {
  it("each person, reason and rotation has an entry of its own, though they come side by side", async () => {
    const { refusals, entries } = scene();
    const notes = ["slack:U0BEN", "slack:U0EVE"].flatMap((actor) =>
      ["guest", "cross_rotation"].flatMap((reason) =>
        ["rot_1", "rot_2"].map((rotation) => refusals.note(reason, { actor, rotation })),
      ),
    );
    await Promise.all(notes);
    expect(new Set(entries()).size).toBe(8);
  });

  it("a repetition within the minute is counted, and the count is told when the minute is over or at the end", async () => {
    const { refusals, clock, entries } = scene();
    const again = () => refusals.note("guest", { actor: "slack:U0BEN", rotation: "rot_1" });
    await Promise.all([again(), again(), again()]);
    expect(entries()).toEqual(["guest slack:U0BEN rot_1 0"]);
    await clock.turn(60_000);
    await refusals.note("guest", { actor: "slack:U0EVE", rotation: "rot_1" });
    expect(entries().slice(1)).toEqual(["guest slack:U0EVE rot_1 0", "guest slack:U0BEN rot_1 2"]);
    await again();
    await again();
    await refusals.close();
    expect(entries().slice(3)).toEqual(["guest slack:U0BEN rot_1 0", "guest slack:U0BEN rot_1 1"]);
  });

  it("a known person who names any number of rotations gets 120 entries a minute, and the rest is counted", async () => {
    const { refusals, clock, entries } = scene();
    for (let i = 0; i < 150; i++) await refusals.note("cross_rotation", { actor: "slack:U0EVE", rotation: `rot_${i}` });
    expect(entries()).toHaveLength(120);
    await refusals.note("signature_wrong", { actor: null });
    expect(entries()).toHaveLength(121);
    await clock.turn(60_000);
    await refusals.note("guest", { actor: "slack:U0BEN" });
    expect(entries().slice(121)).toEqual(["guest slack:U0BEN  0", "too_many unknown  30"]);
  });

  it("what nobody proved is one kind per reason", async () => {
    const { refusals, entries } = scene();
    for (let i = 0; i < 50; i++) await refusals.note("signature_wrong", { actor: null, rotation: `rot_${i}` });
    expect(entries()).toEqual(["signature_wrong unknown rot_0 0"]);
  });
});
