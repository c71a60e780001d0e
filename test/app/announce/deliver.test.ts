import { describe, expect, it } from "vitest";
import { deliver } from "../../../src/app/announce/deliver.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { makeKey } from "../../support/keys.ts";
import { DAY, NOON } from "../../support/records.ts";
import { aPost } from "./support.ts";

describe("telling people about a rotation", () => {
  it("every channel gets the record, the holds and the head of the audit chain", async () => {
    const { world, outbox, channels, announcing, save, entry } = aPost();
    const record = await save();
    await world.deps.holds.set("billing", "cli:ana", {
      at: NOON,
      rotation: null,
      target: "billing",
      action: "hold.set",
      actor: "cli:ana",
      via: "cli",
      evidence: {},
    });
    await outbox.add("rot_1", NOON);
    expect(await deliver(announcing, await entry())).toBe("delivered");
    for (const channel of channels) {
      expect(channel.bulletins).toEqual([
        {
          rotation: record,
          holds: ["billing (keyturn hold by cli:ana)"],
          now: NOON,
          auditHead: { seq: 1, hash: "1" },
          clicksReach: true,
        },
      ]);
    }
    expect(await outbox.due(NOON + DAY, 10)).toEqual([]);
    expect(await outbox.unfinished()).toEqual([{ id: "rot_1", revision: 1 }]);
  });

  it("repeating it tells nobody twice: each channel gets its own memory back", async () => {
    const { outbox, channels, announcing, save, entry } = aPost();
    await save();
    for (let n = 0; n < 3; n++) {
      await outbox.add("rot_1", NOON);
      await deliver(announcing, await entry());
    }
    for (const channel of channels) {
      expect(channel.bulletins).toHaveLength(1);
      expect(channel.memories).toEqual([null, { revision: 1 }, { revision: 1 }]);
    }
  });

  it("the earliest wish of all channels is when the rotation is looked at next", async () => {
    const { outbox, channels, announcing, save, entry } = aPost();
    await save();
    const [slack, hook] = channels;
    if (slack) slack.instead = async () => ({ nextAt: NOON + 9000 });
    if (hook) hook.instead = async () => ({ nextAt: NOON + 5000 });
    await outbox.add("rot_1", NOON);
    await deliver(announcing, await entry());
    expect(await outbox.due(NOON + 4999, 10)).toEqual([]);
    expect(await outbox.due(NOON + 5000, 10)).toHaveLength(1);
  });

  it("a change that comes while people are being told is told as well", async () => {
    const { outbox, channels, announcing, save, entry } = aPost(["slack"]);
    await save();
    const [slack] = channels;
    if (slack)
      slack.instead = async () => {
        slack.instead = null;
        await save({ state: "awaiting_replacement" });
        await outbox.add("rot_1", NOON);
        return { nextAt: null };
      };
    await outbox.add("rot_1", NOON);
    await deliver(announcing, await entry());
    expect(await outbox.due(NOON, 10)).toHaveLength(1);
    await deliver(announcing, await entry());
    expect(slack?.bulletins.map((b) => b.rotation.state)).toEqual(["awaiting_replacement"]);
  });

  it("of two processes one tells; the other comes back later and leaves the entry as it is", async () => {
    const { world, outbox, channels, announcing, save, entry } = aPost();
    await save();
    await outbox.add("rot_1", NOON);
    const other = await world.deps.leases.acquire("deliver:rot_1", 60_000);
    expect(await deliver(announcing, await entry())).toBe("busy");
    expect(channels.flatMap((c) => c.bulletins)).toEqual([]);
    await other.release();
    expect(await deliver(announcing, await entry())).toBe("delivered");
  });

  it("a process whose lease ran out stops telling, since another may have begun", async () => {
    const { world, outbox, channels, announcing, save, entry } = aPost(["slack"]);
    await save();
    await outbox.add("rot_1", NOON);
    const [slack] = channels;
    const said: string[] = [];
    if (slack)
      slack.deliver = async (_bulletin, _memory, remember) => {
        said.push("one");
        world.redis.state.leases.clear();
        await world.deps.leases.acquire("deliver:rot_1", 60_000);
        await remember({ said: 1 });
        said.push("two");
        return { nextAt: null };
      };
    expect(await deliver(announcing, await entry())).toBe("busy");
    expect(said).toEqual(["one"]);
    expect(await outbox.due(NOON, 10)).toHaveLength(1);
  });

  it("the memory of an ended rotation is final once everything was said", async () => {
    const { outbox, announcing, save, entry } = aPost();
    await save({ state: "completed", endedAt: NOON });
    await outbox.add("rot_1", NOON);
    await deliver(announcing, await entry());
    expect(await outbox.unfinished()).toEqual([]);
    expect(await outbox.due(NOON + DAY, 10)).toEqual([]);
  });

  it("a rotation that is not there any more is forgotten", async () => {
    const { outbox, channels, announcing, entry } = aPost();
    await outbox.remember("rot_gone", "slack", {});
    await outbox.add("rot_gone", NOON);
    expect(await deliver(announcing, await entry("rot_gone"))).toBe("delivered");
    expect(channels.flatMap((c) => c.bulletins)).toEqual([]);
    expect([await outbox.unfinished(), await outbox.due(NOON, 10)]).toEqual([[], []]);
  });
});

describe("a channel that fails", () => {
  const down = () => {
    const post = aPost();
    const [slack, hook] = post.channels;
    if (slack === undefined || hook === undefined) throw new Error("two channels");
    slack.instead = () => Promise.reject(new KeyturnError("DIRECTORY_UNAVAILABLE"));
    return { ...post, slack, hook };
  };
  const nextIn = async (post: Pick<ReturnType<typeof down>, "outbox" | "world">) =>
    (post.outbox.entries.get("rot_1")?.at ?? 0) - post.world.clock.now();

  it("does not keep the others from telling, and is tried again until it works", async () => {
    const post = down();
    const { world, outbox, slack, hook, announcing, save, entry } = post;
    await save();
    await outbox.add("rot_1", NOON);
    const pauses: number[] = [];
    for (let n = 0; n < 12; n++) {
      await deliver(announcing, await entry());
      pauses.push(await nextIn(post));
      world.clock.set(world.clock.now() + (pauses.at(-1) ?? 0));
    }
    expect(hook.bulletins).toHaveLength(1);
    // Half of 1, 2, 4 … seconds with the smallest of randoms, never more than half of 5 minutes.
    expect(pauses.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(pauses.at(-1)).toBe(150_000);
    slack.instead = null;
    await deliver(announcing, await entry());
    expect(slack.bulletins).toHaveLength(1);
    expect(outbox.entries.size).toBe(0);
  });

  it("is said once per trouble, with its code and without its words", async () => {
    const post = down();
    const { world, outbox, slack, announcing, save, entry } = post;
    const key = makeKey("channel");
    await save();
    await save({ id: "rot_2" });
    for (const id of ["rot_1", "rot_2"]) await outbox.add(id, NOON);
    const often = async (times: number) => {
      for (let n = 0; n < times; n++) {
        for (const id of ["rot_1", "rot_2"]) await deliver(announcing, await entry(id));
        world.clock.set(world.clock.now() + 300_000);
      }
    };
    await often(5);
    slack.instead = () => Promise.reject(new Error(`vendor says ${key}`));
    await often(5);
    slack.instead = null;
    await often(1);
    const said = world.log.lines.filter((line) => String(line.fields["event"]).startsWith("announce."));
    expect(said.map((line) => [line.level, line.fields["event"], line.fields["code"]])).toEqual([
      ["warn", "announce.failing", "DIRECTORY_UNAVAILABLE"],
      ["warn", "announce.failing", "INTERNAL"],
      ["info", "announce.works_again", undefined],
    ]);
    expect(JSON.stringify([...outbox.memories, world.log.lines])).not.toContain(key.slice(0, 20));
  });

  it("is left alone for as long as it asks for, whatever changes meanwhile; the others hear of the change at once", async () => {
    const post = down();
    const { world, outbox, slack, hook, announcing, save, entry } = post;
    slack.instead = () =>
      Promise.reject(new KeyturnError("DIRECTORY_UNAVAILABLE", undefined, { retryAfterMs: 30_000 }));
    await save();
    await outbox.add("rot_1", NOON);
    await deliver(announcing, await entry());
    expect(await nextIn(post)).toBe(30_000);
    await save({ state: "awaiting_replacement" });
    await outbox.add("rot_1", NOON);
    await deliver(announcing, await entry());
    expect([slack.memories.length, hook.bulletins.length]).toEqual([1, 2]);
    expect(await nextIn(post)).toBe(30_000);
    world.clock.set(NOON + 30_000);
    await deliver(announcing, await entry());
    expect(slack.memories).toHaveLength(2);
  });

  it("a Redis that is away is no channel's failure: nothing is settled, and nothing more is said", async () => {
    const post = aPost(["slack"]);
    const { outbox, announcing, save, entry } = post;
    await save();
    await outbox.add("rot_1", NOON);
    outbox.remember = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
    await expect(deliver(announcing, await entry())).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
    expect(await outbox.due(NOON, 10)).toHaveLength(1);
    expect(announcing.said.size).toBe(0);
  });
});
