import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findCards } from "../../src/slack/find-cards.ts";
import { HOUR, NOON } from "../support/records.ts";
import type { Fault, SlackApi } from "../support/slack-api.ts";
import { type World, after, approved, buttons, opened, openSlack, posts, setUp, told } from "./channel-rig.ts";

const SILENT: Fault = { kind: "silent" };
const NO_SCOPE: Fault = { kind: "error", error: "missing_scope" };
const MINUTE = 60_000;

let slack: SlackApi;
beforeAll(async () => {
  slack = await openSlack();
});
afterAll(() => slack.stop());
let w: World;
beforeEach(async () => {
  w = await setUp();
});
/** Delivers as the outbox does, whatever becomes of it. */
const tries = async (r = opened()) => w.deliver(r).catch(() => null);
/** Slack's history has real times; the test's clock begins on another day. */
const seen = async () => {
  const { messages } = (await slack.ask("conversations.history", {
    channel: w.keys,
    include_all_metadata: "true",
    limit: "200",
  })) as { messages: object[] };
  return { kind: "answer" as const, body: { ok: true, messages, has_more: false } };
};

describe("Slack takes a card, and its answer is lost", () => {
  it("the card is found by its rotation: no other one comes, and it is brought up to date", async () => {
    slack.fault("chat.postMessage", SILENT);
    await expect(w.deliver(opened())).rejects.toMatchObject({ reason: "no_answer" });
    slack.fault("conversations.history", await seen());
    await w.deliver(approved(opened()));
    expect(await w.cards()).toHaveLength(1);
    expect(w.memories.get("rot_test")).toMatchObject({ posting: null, doubts: [], card: { ts: (await w.card()).ts } });
    expect((await w.card()).text).toContain("waiting for the replacement key");
  });

  it("history is not to be read: a second comes within a minute, a third 5 minutes later, and never another", async () => {
    slack.fault("chat.postMessage", SILENT, SILENT, SILENT, SILENT);
    slack.fault("conversations.history", ...Array.from({ length: 40 }, () => NO_SCOPE));
    const after: number[] = [];
    for (let s = 0; s <= 30; s++) {
      await tries();
      after.push(posts());
      await w.clock.turn(MINUTE);
    }
    expect(after.slice(0, 12)).toEqual([1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
    expect(after.at(-1)).toBe(3);
    expect(await w.cards()).toHaveLength(3);
    expect(await w.deliver(opened())).toEqual({ nextAt: NOON + 36 * HOUR });
  });

  it("many came, then history can be read: the newest stays, the others lose their buttons", async () => {
    slack.fault("chat.postMessage", SILENT, SILENT);
    slack.fault("conversations.history", NO_SCOPE);
    await tries();
    await w.clock.turn(5 * MINUTE);
    await tries();
    slack.fault("conversations.history", await seen());
    await tries();
    const [first, second, ...more] = await w.cards();
    expect([buttons(first), more, buttons(second).length]).toEqual([[], [], 4]);
    expect(first?.text).toContain("Superseded");
    expect(w.memories.get("rot_test")).toMatchObject({ card: { ts: second?.ts } });
  });

  it("history does not show it: the card may still come for 10 seconds, then the card is posted", async () => {
    const empty: Fault = { kind: "answer", body: { ok: true, messages: [], has_more: false } };
    slack.fault("chat.postMessage", { kind: "status", status: 503 });
    slack.fault("conversations.history", empty, empty);
    await tries();
    expect(await tries()).toMatchObject({ nextAt: NOON + 10_000 });
    await w.clock.turn(10_000);
    await tries();
    expect(await w.cards()).toHaveLength(1);
    expect(JSON.stringify(await w.cards())).not.toContain("older card");
  });

  it("history of more pages than are read, or replies in it, is not taken for knowledge", async () => {
    const metadata = { event_type: "keyturn_rotation", event_payload: { rotation: "rot_test" } };
    const page: Fault = {
      kind: "answer",
      body: {
        ok: true,
        has_more: true,
        response_metadata: { next_cursor: "more" },
        messages: [{ ts: "2.2", thread_ts: "1.1", metadata, blocks: [{ type: "header" }] }],
      },
    };
    slack.fault("chat.postMessage", SILENT);
    slack.fault("conversations.history", page, page, page, page, page);
    await tries();
    expect(await tries()).toMatchObject({ nextAt: NOON + 10_000 });
    expect(slack.calls.filter((c) => c.method === "conversations.history")).toHaveLength(5);
  });
});

it("replies and the escalation carry the rotation too, and are not taken for its card", async () => {
  const metadata = { event_type: "keyturn_rotation", event_payload: { rotation: "rot_test" } };
  const messages = [
    { ts: "4.4", thread_ts: "1.1", metadata, blocks: [{ type: "header" }] },
    { ts: "3.3", metadata, blocks: [{ type: "section" }] },
    { ts: "2.2", metadata: { ...metadata, event_payload: { rotation: "rot_other" } }, blocks: [{ type: "header" }] },
    { ts: "1.1", metadata, blocks: [{ type: "header" }] },
  ];
  slack.fault("conversations.history", { kind: "answer", body: { ok: true, messages, has_more: false } });
  expect(await findCards(w.parts.client, w.keys, "rot_test", NOON)).toEqual(["1.1"]);
});

it("Slack never says whether a card stands: the escalation comes all the same, without a link to it", async () => {
  const alarm = await slack.channel("billing");
  w = await setUp({ escalation: { afterMs: 24 * HOUR, channel: alarm, group: null } });
  w.memories.set("rot_test", { posting: NOON - 3, doubts: [NOON - 3, NOON - 2, NOON - 1] });
  slack.fault("conversations.history", NO_SCOPE, NO_SCOPE);
  await tries();
  await w.clock.turn(24 * HOUR);
  await tries();
  const [message, ...more] = await slack.messages(alarm);
  expect([message?.text, more]).toEqual([expect.stringContaining("It waits to be decided"), []]);
  expect([await w.cards(), JSON.stringify(message).includes("Open the card")]).toEqual([[], false]);
});

describe("Slack takes something else, and its answer is lost: it is never said twice", () => {
  it("a reply in the thread", async () => {
    await tries();
    const r = after(approved(opened()), "staged", "verifying");
    slack.fault("chat.postMessage", SILENT, SILENT);
    for (let i = 0; i < 5; i++) await tries(r);
    expect(told(await w.thread())).toEqual([
      expect.stringContaining("Approved by"),
      expect.stringContaining("accepted"),
    ]);
  });

  it.each([
    { what: "a definite refusal", fault: { kind: "error", error: "not_in_channel" } as const },
    { what: "a limit", fault: { kind: "status", status: 429, retryAfter: 1 } as const },
  ])("… but after $what it is", async ({ fault }) => {
    await tries();
    slack.fault("chat.postMessage", fault);
    for (let i = 0; i < 3; i++) await tries(approved(opened()));
    expect(told(await w.thread())).toEqual([expect.stringContaining("Approved by")]);
  });

  it("a reminder and an escalation", async () => {
    const alarm = await slack.channel("alarm");
    w = await setUp({ escalation: { afterMs: 48 * HOUR, channel: alarm, group: null } });
    await tries();
    await w.clock.turn(48 * HOUR);
    slack.fault("chat.postMessage", SILENT, SILENT);
    for (let i = 0; i < 5; i++) await tries();
    expect([(await w.thread()).length, (await slack.messages(alarm)).length]).toEqual([1, 1]);
  });

  it("the private message with the link: no second link ends the first", async () => {
    await tries();
    const r = approved(opened());
    slack.fault("chat.postMessage", { kind: "answer", body: { ok: true, ts: "1.1" } }, SILENT);
    for (let i = 0; i < 5; i++) await tries(r);
    expect(w.links).toHaveLength(1);
  });

  it("the digest, also when its list changes soon after", async () => {
    w = await setUp({ cardsAtOnce: 1 });
    await tries();
    slack.fault("chat.postMessage", SILENT);
    for (let i = 0; i < 5; i++) await tries(opened({ id: `rot_${i % 3}`, target: `target-${i % 3}` }));
    expect((await w.cards()).filter((m) => m.metadata === undefined)).toHaveLength(1);
  });
});
