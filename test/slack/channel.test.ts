import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Rotation } from "../../src/rotation/record.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { DAY, HOUR, NOON, aKey } from "../support/records.ts";
import { type SlackApi } from "../support/slack-api.ts";
import {
  type World,
  after,
  approved,
  buttons,
  ended,
  idOf,
  openSlack,
  opened,
  posts,
  setUp,
  told,
} from "./channel-rig.ts";

let slack: SlackApi;
beforeAll(async () => {
  slack = await openSlack();
});
afterAll(() => slack.stop());

describe("one card per rotation", () => {
  let w: World;
  beforeEach(async () => {
    w = await setUp();
  });

  it("is posted once, with what keeps it from ringing and previewing, and found by its rotation", async () => {
    for (let i = 0; i < 3; i++) await w.deliver(opened());
    expect(slack.calls.map((c) => c.method)).toEqual(["chat.postMessage"]);
    expect(await w.cards()).toHaveLength(1);
    const card = await w.card();
    expect(card.metadata).toEqual({ event_type: "keyturn_rotation", event_payload: { rotation: "rot_test" } });
    expect(card.text).toContain("Replace the key of billing?");
    expect(buttons(card)).toEqual([ACTION.approve, ACTION.snooze, ACTION.reject, ACTION.open]);
    expect(slack.calls[0]?.args).toMatchObject({ unfurl_links: "false", unfurl_media: "false" });
  });

  it("is edited in place through the whole life, and ends without a button; the thread has the milestones in order", async () => {
    let r = opened();
    await w.deliver(r);
    r = approved(r);
    await w.deliver(r);
    expect(buttons(await w.card())).toEqual([ACTION.link, ACTION.delegate, ACTION.open]);
    const life: [string, Rotation["state"]][] = [
      ["staged", "verifying"],
      ["verified", "promoting"],
      ["promoted", "propagating"],
      ["propagated", "draining"],
      ["drained", "deactivating"],
      ["outgoing_inactive", "grace_period"],
      ["elapsed", "archiving"],
    ];
    for (const [event, state] of life) {
      r = after(r, event, state, { replacement: aKey("apikey_new") });
      await w.deliver(r);
    }
    r = ended(r, "outgoing_gone", "completed");
    await w.deliver(r);
    await w.deliver(r);
    expect(await w.cards()).toHaveLength(1);
    const card = await w.card();
    expect([card.text, buttons(card)]).toEqual(["billing: done", []]);
    expect(told(await w.thread())).toEqual([
      expect.stringContaining("Approved by"),
      expect.stringContaining("accepted"),
      expect.stringContaining("answers live calls"),
      expect.stringContaining("Every destination holds"),
      expect.stringContaining("reads back"),
      expect.stringContaining("out of use"),
      expect.stringContaining("deactivated"),
      expect.stringContaining("grace period is over"),
      expect.stringContaining("archived"),
    ]);
    expect(JSON.stringify(await w.thread())).toContain(`audit 7 \`${"ab".repeat(16)}\``);
  });

  it("several milestones at once are told in order, and what a crash cut off goes on where it stopped", async () => {
    await w.deliver(opened());
    let r = after(approved(opened()), "staged", "verifying");
    r = after(r, "verified", "promoting");
    slack.fault("chat.postMessage", { kind: "status", status: 429, retryAfter: 1 });
    await w.deliver(r);
    slack.fault("chat.postMessage", { kind: "answer", body: { ok: true, ts: "1.1" } }, { kind: "status", status: 503 });
    await expect(w.deliver(r)).rejects.toMatchObject({ code: "SLACK_UNAVAILABLE", reason: "http_503" });
    await w.deliver(r);
    // The lost one counts as said: nobody knows, and a second one would be worse.
    await w.deliver(after(r, "promoted", "propagating"));
    expect(told(await w.thread())).toEqual([
      expect.stringContaining("answers live calls"),
      expect.stringContaining("Every destination holds"),
    ]);
  });

  it.each<[string, Rotation["state"], string]>([
    ["rejected", "rejected", "Rejected"],
    ["snoozed", "snoozed", "Snoozed"],
    ["expired", "expired", "Expired"],
    ["cancelled", "cancelled", "Cancelled"],
  ])("%s: the card says so and has no button, the thread has it too", async (event, state, said) => {
    await w.deliver(opened());
    await w.deliver(ended(opened(), event, state));
    expect(buttons(await w.card())).toEqual([]);
    expect(JSON.stringify(await w.card())).toContain(state);
    expect(told(await w.thread())).toEqual([expect.stringContaining(said)]);
  });

  it("R15: a changed plan voids approvals on the card, aloud in the thread, with new button values", async () => {
    const r = opened();
    await w.deliver(r);
    await w.deliver(after(r, "plan_changed", "awaiting_approval", { planHash: "f".repeat(64) }));
    expect(JSON.stringify(await w.card())).toContain("Approvals given before are void");
    expect(JSON.stringify(await w.card())).toContain(`rot_test|${"f".repeat(16)}`);
    expect(slack.calls.at(-1)?.args).toMatchObject({ reply_broadcast: "true" });
    expect(await w.cards()).toHaveLength(1);
  });

  it("what needs attention is on the card and aloud in the thread, once", async () => {
    await w.deliver(opened({ state: "draining" }));
    const attention = {
      code: "key_limit" as const,
      message: "Too many keys.",
      next: "keyturn retry rot_test",
      since: NOON,
      looks: 1,
    };
    const r = after(opened({ state: "draining" }), "attention:key_limit", "draining", { attention });
    for (let looks = 1; looks < 5; looks++) await w.deliver({ ...r, attention: { ...attention, looks } });
    expect(buttons(await w.card())).toEqual([ACTION.retry, ACTION.open]);
    expect(told(await w.thread())).toEqual([expect.stringContaining("Too many keys.\n")]);
    expect(slack.calls.filter((c) => c.args.reply_broadcast === "true")).toHaveLength(1);
  });

  it("when attention is over the thread says what is fine again", async () => {
    await w.deliver(opened({ state: "draining" }));
    let r = after(opened({ state: "draining" }), "attention:usage_unknown", "draining");
    r = after(r, "attention_cleared", "draining");
    await w.deliver(r);
    expect(told(await w.thread()).at(-1)).toMatch(/Fine again.*The usage of the outgoing key cannot be read\./);
  });

  it("an installation that gets Slack later tells no old stories", async () => {
    let r = approved(opened());
    for (const event of ["staged", "verified", "promoted", "propagated"]) r = after(r, event, "draining");
    await w.deliver(r);
    expect(await w.cards()).toHaveLength(1);
    expect(await w.thread()).toEqual([]);
  });

  it("R21: while nobody hears clicks it has no button and names commands, no link is sent; with a server they come back", async () => {
    await w.deliver(opened(), [], false);
    expect(buttons(await w.card())).toEqual([]);
    expect(JSON.stringify(await w.card())).toMatch(/keyturn approve rot_test.*keyturn reject rot_test/);
    await w.deliver(approved(opened()), [], false);
    expect(JSON.stringify(await w.card())).toContain("keyturn submit rot_test");
    expect(w.links).toEqual([]);
    await w.deliver(approved(opened()));
    expect(buttons(await w.card())).toEqual([ACTION.link, ACTION.delegate, ACTION.open]);
    expect([w.links.length, (await w.cards()).length]).toEqual([1, 1]);
  });

  it("a hold is seen on it", async () => {
    await w.deliver(opened(), ["billing"]);
    expect(JSON.stringify(await w.card())).toContain("Held:");
  });
});

describe("when Slack is in trouble", () => {
  let w: World;
  beforeEach(async () => {
    w = await setUp();
  });

  it("killed before the post: the intent is there, nothing else", async () => {
    w.die(true);
    await expect(w.deliver(opened())).rejects.toThrow("killed");
    expect(posts()).toBe(0);
  });

  it("refused for certain: no doubt about an older card is left", async () => {
    slack.fault("chat.postMessage", { kind: "error", error: "not_in_channel" });
    await expect(w.deliver(opened())).rejects.toMatchObject({
      code: "SLACK_REFUSED",
      reason: "not_in_channel",
      next: expect.stringContaining("Invite the app"),
    });
    await w.deliver(opened());
    expect(JSON.stringify(await w.cards())).not.toContain("older card");
  });

  it("a limit is waited out as long as Slack says", async () => {
    slack.fault("chat.postMessage", { kind: "status", status: 429, retryAfter: 42 });
    expect(await w.deliver(opened())).toEqual({ nextAt: NOON + 42_000 });
    expect(await w.cards()).toEqual([]);
    await w.deliver(opened());
    expect(await w.cards()).toHaveLength(1);
    slack.fault("chat.update", { kind: "status", status: 429, retryAfter: 5 });
    expect(await w.deliver(ended(opened(), "rejected", "rejected"))).toEqual({ nextAt: NOON + 5000 });
    await w.deliver(ended(opened(), "rejected", "rejected"));
    expect(buttons(await w.card())).toEqual([]);
  });

  it("a deleted card comes again, and the thread goes on from where it was", async () => {
    await w.deliver(opened());
    const first = await w.card();
    await slack.ask("chat.delete", { channel: w.keys, ts: first.ts });
    await w.deliver(approved(opened()));
    const [card] = await w.cards();
    expect(card?.ts).not.toBe(first.ts);
    expect(told(await w.thread())).toEqual([expect.stringContaining("Approved by")]);
  });

  it("a card deleted after the end stays deleted", async () => {
    await w.deliver(opened());
    await slack.ask("chat.delete", { channel: w.keys, ts: (await w.card()).ts });
    slack.fault("chat.postMessage", { kind: "error", error: "thread_not_found" });
    await w.deliver(ended(opened(), "rejected", "rejected"));
    expect(await w.cards()).toEqual([]);
  });

  it("a card that may not be edited any more is followed by one that says it counts", async () => {
    await w.deliver(opened());
    slack.fault("chat.update", { kind: "error", error: "edit_window_closed" });
    await w.deliver(approved(opened()));
    const cards = await w.cards();
    expect(cards).toHaveLength(2);
    expect(JSON.stringify(cards[1])).toContain("this one counts");
  });

  it.each(["channel_not_found", "is_archived", "not_in_channel"])(
    "%s on an edit is told, and nothing is posted elsewhere",
    async (error) => {
      await w.deliver(opened());
      slack.fault("chat.update", { kind: "error", error });
      await expect(w.deliver(approved(opened()))).rejects.toMatchObject({ code: "SLACK_REFUSED", reason: error });
      expect(posts()).toBe(1);
    },
  );

  it("a really archived channel is told by its name of trouble", async () => {
    await slack.ask("conversations.archive", { channel: w.keys });
    await expect(w.deliver(opened())).rejects.toMatchObject({ code: "SLACK_REFUSED", reason: "is_archived" });
  });

  it("an edit whose answer was lost is simply made again", async () => {
    await w.deliver(opened());
    slack.fault("chat.update", { kind: "silent" }, { kind: "silent" }, { kind: "silent" });
    await expect(w.deliver(ended(opened(), "rejected", "rejected"))).rejects.toMatchObject({ reason: "no_answer" });
    await w.deliver(ended(opened(), "rejected", "rejected"));
    expect([(await w.cards()).length, buttons(await w.card())]).toEqual([1, []]);
  });
});

describe("many at once", () => {
  const many = (n: number, more: Partial<Rotation> = {}) =>
    Array.from({ length: n }, (_, i) =>
      opened({ id: `rot_${i}`, target: `target-${i}`, createdAt: NOON + i, ...more }),
    );

  it("at most so many cards stand; the rest waits in one digest, oldest first, and comes as places get free", async () => {
    const w = await setUp({ cardsAtOnce: 2 });
    const rotations = many(5);
    for (const r of rotations) await w.deliver(r);
    let all = await w.cards();
    expect(all.filter((m) => m.metadata !== undefined)).toHaveLength(2);
    const digests = all.filter((m) => m.metadata === undefined);
    expect(digests).toHaveLength(1);

    await w.clock.turn(HOUR);
    await w.deliver(rotations[4] as Rotation);
    all = await w.cards();
    const [digest] = all.filter((m) => m.metadata === undefined);
    expect(digest?.text).toBe("3 more rotations wait to be decided");
    expect(JSON.stringify(digest)).toMatch(/target-2.*target-3.*target-4.*keyturn status/);

    await w.deliver(ended(rotations[0] as Rotation, "rejected", "rejected"));
    expect(w.woken).toEqual(["rot_2"]);
    await w.deliver(rotations[4] as Rotation);
    expect((await w.cards()).filter((m) => m.metadata !== undefined)).toHaveLength(2);
    await w.clock.turn(HOUR);
    await w.deliver(rotations[2] as Rotation);
    const cards = (await w.cards()).filter((m) => m.metadata !== undefined);
    expect(cards.map((m) => m.metadata?.event_payload.rotation)).toEqual(["rot_0", "rot_1", "rot_2"]);
    expect(JSON.stringify(await w.cards())).toContain("2 more rotations wait");
  });

  it("a new scan brings so many new cards again, whatever of the last one is undecided", async () => {
    let lastScan = NOON;
    const w = await setUp({ cardsAtOnce: 2, lastScan: async () => lastScan });
    const shown = async () => (await w.cards()).filter((m) => m.metadata !== undefined).length;
    for (const r of many(6)) await w.deliver(r);
    await w.clock.turn(HOUR);
    for (const r of many(6)) await w.deliver(r);
    expect(await shown()).toBe(2);
    lastScan = w.clock.now();
    for (const r of many(6)) await w.deliver(r);
    for (const r of many(6)) await w.deliver(r);
    expect(await shown()).toBe(4);
  });

  it("a flood of 60 is 5 cards and one digest that is not edited for each", async () => {
    const w = await setUp();
    for (const r of many(60)) await w.deliver(r);
    expect(await w.cards()).toHaveLength(6);
    expect(slack.calls.filter((c) => c.method === "chat.update")).toEqual([]);
    expect(await w.deliver(many(60).at(-1) as Rotation)).toEqual({ nextAt: NOON + 15_000 });
    for (let i = 0; i < 3; i++) {
      await w.clock.turn(15_000);
      for (const r of many(60).slice(-3)) await w.deliver(r);
    }
    expect(slack.calls.filter((c) => c.method === "chat.update")).toHaveLength(1);
  });

  it("whoever is decided elsewhere while it waits gets its card at once; when nothing waits the digest says so", async () => {
    const w = await setUp({ cardsAtOnce: 1 });
    const [first, second] = many(2) as [Rotation, Rotation];
    await w.deliver(first);
    await w.deliver(second);
    await w.deliver(approved(second));
    const all = await w.cards();
    expect(all.map((m) => m.metadata?.event_payload.rotation)).toEqual(["rot_0", undefined, "rot_1"]);
    expect(all[1]?.text).toContain("has its card now");
  });

  it("rejected while it waits: no card, and the digest forgets it; expired unseen: a card tells", async () => {
    const w = await setUp({ cardsAtOnce: 1 });
    const [first, second, third] = many(3) as [Rotation, Rotation, Rotation];
    for (const r of [first, second, third]) await w.deliver(r);
    await w.deliver(ended(second, "rejected", "rejected"));
    await w.clock.turn(HOUR);
    await w.deliver(ended(third, "expired", "expired"));
    const all = await w.cards();
    expect(all.map((m) => m.metadata?.event_payload.rotation)).toEqual(["rot_0", undefined, "rot_2"]);
    expect(buttons(all[2])).toEqual([]);
  });

  it("a quarter of its time has passed: it gets its card in any case, and is not reminded of in the same breath", async () => {
    const alarm = await slack.channel("billing");
    const w = await setUp({ cardsAtOnce: 1, escalation: { afterMs: 10 * HOUR, channel: alarm, group: null } });
    const [first, second] = many(2) as [Rotation, Rotation];
    await w.deliver(first);
    await w.deliver(second);
    await w.clock.turn(18 * HOUR - 1);
    await w.deliver(second);
    expect((await w.cards()).filter((m) => m.metadata !== undefined)).toHaveLength(1);
    await w.clock.turn(1);
    const { nextAt } = await w.deliver(second);
    const cards = (await w.cards()).filter((m) => m.metadata !== undefined);
    expect(cards.map((m) => [m.metadata?.event_payload.rotation, buttons(m).length])).toEqual([
      ["rot_0", 4],
      ["rot_1", 4],
    ]);
    expect(nextAt).toBe(w.clock.now() + HOUR);
    expect(slack.calls.filter((c) => c.args.channel === alarm)).toEqual([]);
    await w.clock.turn(HOUR);
    await w.deliver(second);
    expect(slack.calls.filter((c) => c.args.channel === alarm)).toHaveLength(1);
  });

  it("a card that comes after half of the time is reminded of later, not at once", async () => {
    const w = await setUp();
    await w.clock.turn(40 * HOUR);
    expect(await w.deliver(opened())).toEqual({ nextAt: NOON + 56 * HOUR });
    expect(await w.thread()).toEqual([]);
    await w.clock.turn(16 * HOUR);
    await w.deliver(opened());
    expect(await w.thread()).toHaveLength(1);
  });

  it("R5: an urgent one never waits", async () => {
    const w = await setUp({ cardsAtOnce: 1 });
    await w.deliver(opened());
    await w.deliver(opened({ id: "rot_urgent", reason: "deactivated_elsewhere" }));
    expect((await w.cards()).map((m) => m.metadata?.event_payload.rotation)).toEqual(["rot_test", "rot_urgent"]);
  });
});

describe("reminders", () => {
  it("at half of the time, once per wait, with a mention, and the time of it is asked for", async () => {
    const w = await setUp();
    const r = opened();
    expect(await w.deliver(r)).toEqual({ nextAt: NOON + 36 * HOUR });
    await w.clock.turn(36 * HOUR - 1);
    expect(await w.deliver(r)).toEqual({ nextAt: NOON + 36 * HOUR });
    expect(await w.thread()).toEqual([]);
    await w.clock.turn(1);
    expect(await w.deliver(r)).toEqual({ nextAt: null });
    await w.deliver(r);
    expect(told(await w.thread())).toEqual([
      expect.stringContaining(`<!subteam^S01>, <@${idOf("ada")}>: this still waits to be decided`),
    ]);
    const next = { ...approved(r), enteredAt: w.clock.now(), deadline: w.clock.now() + DAY };
    await w.deliver(next);
    await w.clock.turn(12 * HOUR);
    await w.deliver(next);
    expect(told(await w.thread()).at(-1)).toContain(`<@${idOf("ada")}>: this still waits for a replacement key`);
  });

  it("a compromised one has no deadline and is reminded of after an hour", async () => {
    const w = await setUp();
    const r = opened({ reason: "compromised", deadline: null });
    expect(await w.deliver(r)).toEqual({ nextAt: NOON + HOUR });
    await w.clock.turn(HOUR);
    await w.deliver(r);
    expect(await w.thread()).toHaveLength(1);
  });

  it("escalates once to the second channel, mentioning its group and linking the card, and takes it back when it is settled", async () => {
    const alarm = await slack.channel("alarm");
    const w = await setUp({ escalation: { afterMs: 24 * HOUR, channel: alarm, group: "S09" } });
    const r = opened();
    expect(await w.deliver(r)).toEqual({ nextAt: NOON + 24 * HOUR });
    await w.clock.turn(24 * HOUR);
    await w.deliver(r);
    await w.deliver(r);
    const [message, ...more] = await slack.messages(alarm);
    expect(more).toEqual([]);
    expect(message?.text).toContain("<!subteam^S09>: *Replace the key of billing?* It waits to be decided since");
    expect(JSON.stringify(message?.blocks)).toMatch(/<https?:[^|]+\|Open the card>/);
    await w.deliver(ended(r, "rejected", "rejected"));
    expect((await slack.messages(alarm))[0]?.text).toContain("Nothing is to be done here any more");
  });

  it("after the end there are none", async () => {
    const w = await setUp();
    await w.deliver(opened());
    await w.clock.turn(2 * DAY);
    expect(await w.deliver(ended(opened(), "rejected", "rejected"))).toEqual({ nextAt: null });
    expect(told(await w.thread())).toEqual([expect.stringContaining("Rejected")]);
  });
});
