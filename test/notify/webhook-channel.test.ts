import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebhookOptions, createWebhookChannel } from "../../src/notify/webhook-channel.ts";
import type { ChannelMemory } from "../../src/ports/outbox.ts";
import type { HistoryEntry, Rotation } from "../../src/rotation/record.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { makeKey } from "../support/keys.ts";
import { listeningLog } from "../support/quiet-log.ts";
import { DAY, HOUR, NOON, aKey, aRotation } from "../support/records.ts";
import { type Receiver, startReceiver, verifies } from "./receiver.ts";

const KEY = Buffer.alloc(32, 7);
const MINUTE = 60_000;

/** The history `opened, approved …`, a minute apart. */
const history = (...events: string[]): HistoryEntry[] =>
  events.map((event, n) => ({ at: NOON + n * MINUTE, event, actor: "cli:ana@laptop", via: "cli" }));

describe("a webhook", () => {
  let receiver: Receiver;
  let log = listeningLog();
  let now = NOON;
  let memory: ChannelMemory | null = null;
  beforeEach(async () => {
    receiver = await startReceiver();
    log = listeningLog();
    now = NOON + HOUR;
    memory = null;
  });
  afterEach(() => receiver.close());

  const open = (more: Partial<WebhookOptions> = {}) =>
    createWebhookChannel({
      name: "ops",
      url: receiver.url,
      secret: () => SecretText.from(["whsec", KEY.toString("base64")].join("_")),
      only: "all",
      publicUrl: "https://keyturn.example.com",
      log,
      random: () => 0,
      now: () => now,
      timeoutMs: 300,
      ...more,
    });
  const tell = (channel: ReturnType<typeof open>, record: Partial<Rotation>) =>
    channel.deliver(
      { rotation: aRotation(record), holds: [], now, auditHead: { seq: 41, hash: "abc" } },
      memory,
      async (next) => {
        memory = JSON.parse(JSON.stringify(next)) as ChannelMemory;
      },
    );
  const types = () => receiver.received.map((each) => each.message.type);

  it("posts one message per entry of the history, in order, and none twice", async () => {
    const channel = open();
    await tell(channel, { history: history("opened") });
    await tell(channel, { history: history("opened", "approved", "staged") });
    expect(await tell(channel, { history: history("opened", "approved", "staged") })).toEqual({ nextAt: null });
    expect(types()).toEqual(["rotation.opened", "rotation.approved", "rotation.staged"]);
    expect(new Set(receiver.received.map((each) => each.message.id)).size).toBe(3);
  });

  it("says what happened, where it stands, and the audit chain's head (R18)", async () => {
    await tell(open(), {
      state: "draining",
      history: history("attention:outgoing_still_used"),
      deadline: null,
      attention: { code: "outgoing_still_used", message: "Still used.", next: "wait", since: NOON, looks: 1 },
      replacement: aKey("apikey_new", { hint: "sk-ant-api03-abc...wxyz" }),
    });
    expect(JSON.parse(receiver.received[0]?.text ?? "")).toEqual({
      schema: 1,
      id: expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string,
      type: "rotation.attention_raised",
      at: "2026-11-20T12:00:00.000Z",
      install: "keyturn",
      actor: "cli:ana@laptop",
      via: "cli",
      code: "outgoing_still_used",
      rotation: {
        id: "rot_test",
        target: "billing",
        state: "draining",
        reason: "age",
        outgoingKey: { id: "apikey_out", name: "out", hint: null },
        replacementKey: { id: "apikey_new", name: "new", hint: "sk-ant-api03-abc...wxyz" },
        needsAttention: {
          code: "outgoing_still_used",
          message: "Still used.",
          impact: "Both keys work. Whatever still uses the outgoing key would fail if it were deactivated now.",
          next: "wait",
        },
        deadline: null,
        url: "https://keyturn.example.com/rotations/rot_test",
      },
      auditHead: { seq: 41, hash: "abc" },
    });
  });

  it("is signed so that an independent receiver accepts it, for five minutes", async () => {
    await tell(open(), { history: history("opened") });
    const [got] = receiver.received;
    if (got === undefined) throw new Error("nothing came");
    expect(got.headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": got.message.id,
      "webhook-timestamp": String(now / 1000),
    });
    expect(verifies(got, KEY, now / 1000 + 299)).toBe(true);
    expect(verifies(got, KEY, now / 1000 + 301)).toBe(false);
    expect(verifies({ ...got, text: got.text.replace("opened", "cancelled") }, KEY, now / 1000)).toBe(false);
    expect(verifies(got, Buffer.alloc(32, 8), now / 1000)).toBe(false);
  });

  it("an id names the same happening for ever: after a lost memory, in another process, in a shortened history", async () => {
    const all = history("opened", "approved", "attention:held", "attention_cleared", "attention:held");
    await tell(open(), { history: all });
    const first = receiver.received.splice(0).map((each) => each.message.id);
    memory = null;
    await tell(open(), { history: all.slice(2) });
    expect(receiver.received.map((each) => each.message.id)).toEqual(first.slice(2));
    expect(new Set(first).size).toBe(5);
    receiver.received.splice(0);
    memory = null;
    await tell(open(), { id: "rot_other", history: all });
    expect(receiver.received.map((each) => each.message.id)).not.toContain(first[0]);
  });

  it("two entries of one instant and one event are two messages", async () => {
    await tell(open(), { history: [...history("rebuilt"), ...history("rebuilt")] });
    expect(new Set(receiver.received.map((each) => each.message.id)).size).toBe(2);
  });

  it("`only: attention` hears of attention raised and cleared, and of nothing else", async () => {
    const channel = open({ only: "attention" });
    await tell(channel, { history: history("opened", "approved", "attention:held", "attention_cleared", "staged") });
    await tell(channel, {
      history: history("opened", "approved", "attention:held", "attention_cleared", "staged", "verified"),
    });
    expect(types()).toEqual(["rotation.attention_raised", "rotation.attention_cleared"]);
  });

  it.each([{ answer: 500 }, { answer: 503 }, { answer: 408 }, { answer: 429 }, { answer: "hang" as const }])(
    "$answer: the same message is tried again soon, and those behind it wait",
    async ({ answer }) => {
      receiver.answers.push(answer, answer);
      const channel = open();
      const twice = { history: history("opened", "approved") };
      expect(await tell(channel, twice)).toEqual({ nextAt: now + 500 });
      expect(await tell(channel, twice)).toEqual({ nextAt: now + 500 });
      expect(types()).toEqual(["rotation.opened"]);
      now += 500;
      expect(await tell(open(), twice)).toEqual({ nextAt: now + 1000 });
      now += 1000;
      expect(await tell(channel, twice)).toEqual({ nextAt: null });
      expect(types()).toEqual(["rotation.opened", "rotation.opened", "rotation.opened", "rotation.approved"]);
      expect(new Set(receiver.received.slice(0, 3).map((each) => each.message.id)).size).toBe(1);
    },
  );

  it.each([
    { header: "120", ms: 120_000 },
    { header: new Date(NOON + HOUR + 90_000).toUTCString(), ms: 90_000 },
    { header: "999999", ms: HOUR },
    { header: "soon", ms: 500 },
  ])("retry-after: $header is honoured up to an hour", async ({ header, ms }) => {
    receiver.answers.push({ status: 503, headers: { "retry-after": header } });
    expect(await tell(open(), { history: history("opened") })).toEqual({ nextAt: now + ms });
  });

  it("a redirect is not followed: the secret's holder is who the configuration names", async () => {
    const other = await startReceiver();
    receiver.answers.push({ status: 307, headers: { location: other.url } });
    expect(await tell(open(), { history: history("opened") })).toEqual({ nextAt: now + 30_000 });
    expect(other.received).toEqual([]);
    expect(log.lines[0]?.fields).toMatchObject({ event: "webhook.failing", code: "HTTP_307" });
    await other.close();
  });

  it.each([
    { answer: 400, days: 1 },
    { answer: 404, days: 1 },
    { answer: 500, days: 3 },
  ])("a message that is answered with $answer for $days d is given up with one warning", async ({ answer, days }) => {
    // Some 1,700 tries: without a network between.
    let status = answer;
    const tried: string[] = [];
    const channel = open({
      fetch: async (_url, init) => {
        tried.push((JSON.parse(init?.body as string) as { type: string }).type);
        return new Response(null, { status });
      },
    });
    const start = now;
    for (let next: number | null = now; next !== null && now < start + (days + 1) * DAY;) {
      now = next;
      next = (await tell(channel, { history: history("opened") })).nextAt;
    }
    const skipped = log.lines.filter((line) => line.fields["event"] === "webhook.skipped");
    expect(skipped).toHaveLength(1);
    expect((now - start) / DAY).toBeGreaterThanOrEqual(days);
    expect((now - start) / DAY).toBeLessThan(days + 0.1);
    expect(log.events().filter((event) => event === "webhook.failing")).toHaveLength(1);
    // What happened since gets its own time.
    status = 204;
    tried.splice(0);
    await tell(channel, { history: [...history("opened"), { at: now, event: "approved", actor: "a", via: "cli" }] });
    expect(tried).toEqual(["rotation.approved"]);
  });

  it("410: nothing more of this rotation, and a warning", async () => {
    receiver.answers.push(410);
    const channel = open();
    expect(await tell(channel, { history: history("opened") })).toEqual({ nextAt: null });
    expect(await tell(channel, { history: history("opened", "approved") })).toEqual({ nextAt: null });
    expect(receiver.received).toHaveLength(1);
    expect(log.events()).toEqual(["webhook.gone"]);
  });

  it("nobody listens: said once with a code alone, and once more when it works again", async () => {
    const { url } = receiver;
    await receiver.close();
    let where = url;
    const posts: string[] = [];
    const channel = open({ url, fetch: (_url, init) => fetch(where, init), onPost: (code) => posts.push(code) });
    const told = { history: history("opened", "approved") };
    for (let n = 0; n < 3; n++) {
      now += MINUTE;
      await tell(channel, told);
    }
    receiver = await startReceiver();
    where = receiver.url;
    now += MINUTE;
    await tell(channel, told);
    expect(types()).toEqual(["rotation.opened", "rotation.approved"]);
    expect(log.lines.map((line) => [line.level, line.fields["event"], line.fields["code"]])).toEqual([
      ["warn", "webhook.failing", "UNREACHABLE"],
      ["info", "webhook.works_again", undefined],
    ]);
    // For the metrics each request counts.
    expect(posts).toEqual(["unreachable", "unreachable", "unreachable", "delivered", "delivered"]);
  });

  it("a long history comes in parts, so that no rotation keeps others waiting", async () => {
    const long = { history: history(...Array.from({ length: 45 }, () => "retry")) };
    const channel = open();
    expect(await tell(channel, long)).toEqual({ nextAt: now });
    expect(receiver.received).toHaveLength(20);
    await tell(channel, long);
    expect(await tell(channel, long)).toEqual({ nextAt: null });
    expect(receiver.received).toHaveLength(45);
    expect(new Set(receiver.received.map((each) => each.message.at)).size).toBe(45);
  });

  it("P3: neither the secret nor key text is in a message, the memory or the log", async () => {
    const key = makeKey("webhook");
    receiver.answers.push(500, { status: 302, headers: { location: `https://example.com/${key}` } });
    const channel = open();
    for (let n = 0; n < 3; n++) {
      await tell(channel, {
        history: history("opened", "staged"),
        outgoing: aKey("apikey_out", { hint: `${key.slice(0, 16)}...${key.slice(-4)}` }),
      });
      now += HOUR;
    }
    const everything = JSON.stringify([receiver.received.map((r) => [r.headers, r.text]), memory, log.lines]);
    expect(everything).not.toContain(key.slice(20, 40));
    expect(everything).not.toContain(KEY.toString("base64"));
    expect(everything).not.toContain("fp-apikey_out");
  });
});
