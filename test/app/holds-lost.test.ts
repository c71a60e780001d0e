import { createRedisMock } from "js-redis-server";
import { expect, it } from "vitest";
import { hold, unhold } from "../../src/app/hold.ts";
import { revoke } from "../../src/app/revoke.ts";
import { rotate } from "../../src/app/rotate.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { startLab } from "../support/lab.ts";
import { makeWorld } from "../support/world.ts";

const ana = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null } as const;

it("R17, P8: a hold on a key of no target stops a revocation although Redis was emptied and no scan ran since", async () => {
  const redis = await createRedisMock();
  const lab = await startLab(redis.url);
  try {
    const seeded = await lab.console.seedKey({ name: "nobody's", ageDays: 10 });
    const { deps } = await lab.app();
    await hold(deps, seeded.key.id, ana);
    await redis.flush();
    await expect(revoke(deps, seeded.key.id, ana, { unmanaged: true })).rejects.toMatchObject({ code: "HELD" });
    expect((await deps.admin.getKey(seeded.key.id)).value?.status).toBe("active");
  } finally {
    await lab.close();
    await redis.close();
  }
});

it.each(["billing", "its key"])(
  "R17: without an audit file only the mark is left of a hold on a target; revoking %s is refused nevertheless",
  async (what) => {
    const redis = await createRedisMock();
    const lab = await startLab(redis.url, { audit: { log: true } });
    try {
      const key = await lab.target("billing", 100);
      const { deps } = await lab.app();
      await hold(deps, "billing", ana);
      await redis.flush();
      const name = what === "billing" ? "billing" : key.id;
      await expect(revoke(deps, name, ana, { unmanaged: false })).rejects.toMatchObject({
        code: "HELD",
        exit: 75,
        message: expect.stringContaining("billing (mark at files:billing.env)") as string,
      });
      expect(await deps.rotations.openIds()).toEqual([]);
      await unhold(deps, "billing", ana);
      expect((await revoke(deps, name, ana, { unmanaged: false })).rotation.state).toBe("revoking");
    } finally {
      await lab.close();
      await redis.close();
    }
  },
);

it("R4, P12: a destination that cannot be read does not stop a revocation; without a sink its marks are read before the call", async () => {
  const world = makeWorld();
  world.audit.condition = "none";
  const key = world.org.addKey({ name: "k", ageDays: 90 });
  world.setTarget("billing", key);
  const { id } = await rotate(world.deps, "billing", ana.actor, null);
  await hold(world.deps, "billing", ana);
  await world.deps.holds.remove("billing", {
    at: 0,
    rotation: null,
    target: null,
    action: "hold.removed",
    actor: "a loss of Redis",
    via: "cli",
    evidence: { subject: "billing" },
  });
  await expect(revoke(world.deps, "billing", ana, { unmanaged: false })).rejects.toMatchObject({ code: "HELD" });
  world.store.fail = (call) => {
    if (call === "readMarks") throw new KeyturnError("STORE_UNAVAILABLE");
  };
  expect((await revoke(world.deps, "billing", ana, { unmanaged: false })).rotation).toMatchObject({
    id,
    state: "revoking",
  });
  await world.work();
  expect(world.org.key(key.id).status).toBe("active");
});
