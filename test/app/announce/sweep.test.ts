import { describe, expect, it } from "vitest";
import { deliver } from "../../../src/app/announce/deliver.ts";
import { sweep } from "../../../src/app/announce/sweep.ts";
import { rotate } from "../../../src/app/rotate.ts";
import { approve } from "../../../src/app/approve.ts";
import { cancel } from "../../../src/app/decisions.ts";
import { outboxNotifier } from "../../../src/notify/outbox-notifier.ts";
import { ana } from "../../support/drive.ts";
import { NOON } from "../../support/records.ts";
import { aPost } from "./support.ts";

/** Everything that is due, as often as it takes. */
async function deliverAll({ outbox, announcing }: ReturnType<typeof aPost>): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const rows = await outbox.due(announcing.deps.clock.now(), 100);
    if (rows.length === 0) return;
    for (const row of rows) await deliver(announcing, row);
  }
  throw new Error("the outbox does not become empty");
}

describe("the sweep", () => {
  it("adds open rotations that moved on since they were delivered, and no others", async () => {
    const post = aPost();
    const { world, outbox, save } = post;
    await save({ id: "rot_new" });
    await save({ id: "rot_told" });
    await outbox.delivered("rot_told", 1, false);
    await save({ id: "rot_moved" });
    await outbox.delivered("rot_moved", 1, false);
    await save({ id: "rot_moved", state: "awaiting_replacement" });
    await save({ id: "rot_ended", state: "rejected", endedAt: NOON });
    expect(await sweep(world.deps, outbox)).toBe(2);
    expect([...outbox.entries.keys()].toSorted()).toEqual(["rot_moved", "rot_new"]);
    await deliverAll(post);
    expect(await sweep(world.deps, outbox)).toBe(0);
    expect(await sweep(world.deps, outbox, true)).toBeGreaterThan(0);
  });

  it("adds rotations that ended while nobody could be told, and those that are gone", async () => {
    const post = aPost();
    const { world, outbox, channels, save } = post;
    await save({ id: "rot_1" });
    await outbox.remember("rot_1", "slack", { revision: 1 });
    await save({ id: "rot_1", state: "rejected", endedAt: NOON });
    await outbox.remember("rot_gone", "slack", {});
    expect(await sweep(world.deps, outbox)).toBe(2);
    await deliverAll(post);
    expect(channels[0]?.bulletins.map((b) => b.rotation.state)).toEqual(["rejected"]);
    expect(await sweep(world.deps, outbox)).toBe(0);
  });

  it("repairs every change that a dead process saved and did not add: dropped one after another", async () => {
    const post = aPost(["slack"]);
    const { world, outbox, channels } = post;
    const { deps } = world;
    deps.notifier = outboxNotifier({
      first: { changed: async () => undefined },
      outbox,
      clock: deps.clock,
      log: deps.log,
      nudge: () => undefined,
    });
    outbox.deaf = true;
    world.setTarget("billing", world.org.addKey({ name: "billing-key", ageDays: 100 }));
    const told = () => channels[0]?.bulletins.map((b) => b.rotation.state);
    const repaired = async () => {
      await deliverAll(post);
      outbox.deaf = false;
      await sweep(deps, outbox);
      await deliverAll(post);
      outbox.deaf = true;
    };
    const { id } = await rotate(deps, "billing", ana.actor, null);
    await repaired();
    expect(told()).toEqual(["awaiting_approval"]);
    await approve(deps, id, ana);
    await repaired();
    expect(told()).toEqual(["awaiting_approval", "awaiting_replacement"]);
    await cancel(deps, id, ana, null);
    await world.work();
    expect((await world.rotation(id)).state).toBe("cancelled");
    await repaired();
    expect(told()?.at(-1)).toBe("cancelled");
    expect(await outbox.unfinished()).toEqual([]);
  });
});
