import { describe, expect, it } from "vitest";
import { approve } from "../../src/app/approve.ts";
import { reject } from "../../src/app/decisions.ts";
import { findRotation, rotationNamed } from "../../src/app/find.ts";
import { revoke } from "../../src/app/revoke.ts";
import { rotate } from "../../src/app/rotate.ts";
import { ana, refusal } from "../support/drive.ts";
import { makeWorld } from "../support/world.ts";

describe("a rotation is found by name", () => {
  it("a key id finds the open rotation that occupies it, else the newest in which it plays a part", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "k" });
    world.setTarget("billing", key);
    const first = await rotate(world.deps, "billing", ana.actor, null);
    expect((await findRotation(world.deps, key.id)).id).toBe(first.id);
    await reject(world.deps, first.id, ana, null);
    expect((await findRotation(world.deps, key.id)).id).toBe(first.id);
    await world.clock.turn(1000);
    const second = await rotate(world.deps, "billing", ana.actor, null);
    expect((await findRotation(world.deps, key.id)).id).toBe(second.id);
  });

  it("R4: a revoked key of no target is found by its id", async () => {
    const world = makeWorld();
    const key = world.org.addKey({ name: "stray" });
    const { rotation } = await revoke(world.deps, key.id, ana, { unmanaged: true });
    expect((await findRotation(world.deps, key.id)).id).toBe(rotation.id);
  });

  it("a target for which nothing was opened is known: what is wrong is the time", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "k" }));
    expect(await refusal(rotationNamed(world.deps, "billing"))).toMatchObject({
      exit: 75,
      code: "WRONG_STATE",
      message: expect.stringContaining("No rotation is open for billing.") as string,
      next: "keyturn rotate billing",
    });
    expect(await refusal(rotationNamed(world.deps, "bling"))).toMatchObject({ exit: 64, code: "NOT_FOUND" });
  });

  it("approving one that has ended says that none is open, and which command opens one", async () => {
    const world = makeWorld();
    world.setTarget("billing", world.org.addKey({ name: "k" }));
    const { id } = await rotate(world.deps, "billing", ana.actor, null);
    await reject(world.deps, id, ana, null);
    expect(await refusal(approve(world.deps, id, ana))).toMatchObject({
      exit: 75,
      message: expect.stringContaining(
        `Rotation ${id} has ended: rejected. No rotation is open for billing.`,
      ) as string,
      next: "keyturn rotate billing",
    });
  });
});
