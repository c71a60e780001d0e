import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deliver } from "../../../src/app/announce/deliver.ts";
import { checkDrain } from "../../../src/app/effects/check-drain.ts";
import { attend, settle } from "../../../src/app/settle.ts";
import { outboxNotifier } from "../../../src/notify/outbox-notifier.ts";
import { createWebhookChannel } from "../../../src/notify/webhook-channel.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { type Receiver, startReceiver } from "../../notify/receiver.ts";
import { DAY, HOUR, NOON, aKey } from "../../support/records.ts";
import { aPost } from "./support.ts";

describe("one alert per cause", () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  /** An installation with one webhook whose every change is delivered at once. */
  async function installation() {
    const post = aPost([]);
    const { deps } = post.world;
    const webhook = createWebhookChannel({
      name: "ops",
      url: receiver.url,
      secret: () => SecretText.from("x".repeat(32)),
      only: "all",
      publicUrl: null,
      log: deps.log,
      random: () => 0,
      now: () => deps.clock.now(),
    });
    const announcing = { ...post.announcing, channels: [webhook] };
    deps.notifier = outboxNotifier({
      first: { changed: async () => undefined },
      outbox: post.outbox,
      clock: deps.clock,
      log: deps.log,
      nudge: () => undefined,
    });
    const told = async () => {
      for (const entry of await post.outbox.due(deps.clock.now(), 10)) await deliver(announcing, entry);
      return receiver.received.map((each) => `${each.message.type} ${each.message.code ?? ""}`.trim());
    };
    const draining = {
      state: "draining",
      propagatedAt: NOON - 8 * DAY,
      drainLimitAt: NOON - DAY,
      replacement: aKey("apikey_new"),
    } as const;
    return { ...post, deps, told, draining };
  }

  it("a key that is still used, looked at 50 times with ever later uses, is one message, one audit entry, one line of history", async () => {
    const { world, deps, save, told, draining } = await installation();
    let record = await save(draining);
    for (let look = 0; look < 50; look++) {
      world.org.usageOf.set("apikey_out", { requests: look + 1, lastUsedAt: world.clock.now() - 60_000 });
      record = await checkDrain(deps, record);
      await told();
      world.clock.set(world.clock.now() + HOUR);
    }
    expect(await told()).toEqual(["rotation.attention_raised outgoing_still_used"]);
    expect(world.audit.actions().filter((action) => action === "attention.raised")).toHaveLength(1);
    expect(record.history.map((entry) => entry.event)).toEqual(["attention:outgoing_still_used"]);
    expect(record.attention).toMatchObject({ since: NOON, looks: 50 });
    // What a person reads is up to date all the same.
    expect(record.attention?.message).toContain(new Date(NOON + 49 * HOUR - 60_000).toISOString());
  });

  it("another cause is another alert; a cause that went away and came back is one as well", async () => {
    const { deps, save, told, draining } = await installation();
    let record = await save(draining);
    record = await attend(deps, record, "usage_unknown");
    await told();
    record = await attend(deps, record, "held", "billing.");
    await told();
    record = await settle(deps, record, null);
    await told();
    record = await settle(deps, record, null);
    record = await attend(deps, record, "held", "billing.");
    expect(await told()).toEqual([
      "rotation.attention_raised usage_unknown",
      "rotation.attention_raised held",
      "rotation.attention_cleared",
      "rotation.attention_raised held",
    ]);
    expect(receiver.received.at(-1)?.message.rotation.needsAttention).toMatchObject({
      code: "held",
      impact: expect.stringContaining("keep working") as string,
      next: expect.stringContaining("keyturn unhold billing") as string,
    });
  });
});
