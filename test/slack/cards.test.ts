import { describe, expect, it } from "vitest";
import { ATTENTION, type AttentionCode, REASONS, type Reason } from "../../src/rotation/codes.ts";
import { nextStepFor } from "../../src/rotation/next-steps.ts";
import type { Approval, Rotation } from "../../src/rotation/record.ts";
import { STATES, type State, TRANSITIONS, isFinal } from "../../src/rotation/states.ts";
import { ACTION, readCardValue, readMenuBlock } from "../../src/slack/actions.ts";
import { type CardSettings, hashOf, renderCard } from "../../src/slack/card.ts";
import { renderDigest } from "../../src/slack/digest.ts";
import { renderHandedOver, renderHandover } from "../../src/slack/direct-message.ts";
import { code, escaped, inWords, lines, mentions, oneLine, personOf } from "../../src/slack/escape.ts";
import { renderMilestone, untold } from "../../src/slack/milestones.ts";
import { BLOCK_KIT_LIMITS, blockKitProblems, marksIn } from "../support/block-kit.ts";
import { DAY, HOUR, NOON, aDestination, aKey, aPlan, aRotation, noProgress } from "../support/records.ts";

const settings: CardSettings = {
  publicUrl: "https://keyturn.example.com",
  dashboard: true,
  approvers: { users: ["U01"], groups: ["S01"] },
};
const states = Object.keys(STATES) as State[];
const attentions = Object.keys(ATTENTION) as AttentionCode[];
const card = (r: Rotation, more: Partial<CardSettings> = {}) => renderCard(r, { ...settings, ...more }, [], false);
const all = (r: Rotation, more: Partial<CardSettings> = {}) => JSON.stringify(card(r, more));

const approval = (actor: string, more: Partial<Approval> = {}): Approval => ({
  actor,
  via: "slack",
  at: NOON + HOUR,
  planHash: "",
  breakGlass: false,
  ...more,
});
const inState = (state: State, more: Partial<Rotation> = {}): Rotation =>
  aRotation({ state, endedAt: isFinal(state) ? NOON + DAY : null, ...more });
const attention = (codeOf: AttentionCode, r: Rotation = aRotation()) => ({
  code: codeOf,
  message: ATTENTION[codeOf],
  next: nextStepFor(codeOf, r),
  since: NOON,
  looks: 1,
});

/** Names as long as nobody should make them, with everything in them that Slack or we might trip over. */
const NASTY = "<!channel> *_`~& </x|y> \u{1F511}\u202E\n<@U99> <https://evil.example|click>";
const LONG = NASTY.repeat(100);
const long = (length: number) => LONG.slice(0, length);

function extreme(state: State, codeOf: AttentionCode | null): Rotation {
  const destinations = Array.from({ length: 50 }, (_, i) => aDestination(`${i}${long(3000)}`, { field: long(3000) }));
  const plan = aPlan({
    destinations,
    targets: Array.from({ length: 40 }, (_, i) => `${i}${long(3000)}`),
    approvals: 20,
    requiredName: long(3000),
  });
  const key = aKey(`apikey_${"9".repeat(50)}`, { name: long(3000), hint: long(3000), workspaceId: long(3000) });
  const approvals = Array.from({ length: 20 }, (_, i) =>
    approval(i % 2 === 0 ? `slack:U${"0".repeat(29)}${i % 10}` : `cli:${long(3000)}`, { breakGlass: i > 5 }),
  );
  const r = inState(state, {
    id: `rot_${"x".repeat(40)}`,
    target: long(3000),
    reason: "requested",
    plan,
    progress: destinations.map(noProgress),
    outgoing: key,
    replacement: key,
    approvals,
    approvalsNeeded: 30,
    rebuilt: "marks",
    notBefore: NOON + DAY,
    graceEndsAt: NOON + DAY,
    drainLimitAt: NOON + DAY,
    history: [
      { at: NOON, event: "opened", actor: `cli:${long(3000)}`, via: "cli" },
      { at: NOON, event: "plan_changed", actor: `cli:${long(3000)}`, via: "cli" },
    ],
  });
  if (codeOf === null) return r;
  return { ...r, attention: { ...attention(codeOf, r), message: long(3000), next: long(3000) } };
}

describe("Block Kit limits", () => {
  it("each has a source", () => {
    for (const [, limit, source] of BLOCK_KIT_LIMITS) {
      expect(limit).toBeGreaterThan(0);
      expect(source).toMatch(/^https:\/\/docs\.slack\.dev\//);
    }
  });

  const crowd = {
    publicUrl: `https://${"k".repeat(200)}.example.com`,
    dashboard: true,
    approvers: {
      users: Array.from({ length: 20 }, (_, i) => `U${i}${"0".repeat(28)}`),
      groups: Array.from({ length: 20 }, (_, i) => `S${i}${"0".repeat(28)}`),
    },
  };
  it.each(states)("%s fits with each attention, for a record as large as it gets", (state) => {
    const holds = Array.from({ length: 50 }, () => long(3000));
    for (const codeOf of [null, ...attentions])
      for (const publicUrl of [null, crowd.publicUrl]) {
        const rendered = renderCard(extreme(state, codeOf), { ...crowd, publicUrl }, holds, true);
        expect(blockKitProblems(rendered), String(codeOf)).toEqual([]);
      }
  });

  const events = [...new Set(TRANSITIONS.map(([, event]) => event)), "opened", "rebuilt", "something_new"];
  it.each([...events, ...attentions.map((c) => `attention:${c}`), "attention:unheard"])(
    "the thread's %s fits",
    (event) => {
      const entry = { at: NOON, event, actor: `cli:${long(3000)}`, via: "cli" };
      for (const r of [extreme("draining", null), extreme("draining", "key_limit")]) {
        const milestone = renderMilestone(r, entry, { seq: 1e15, hash: "f".repeat(64) }, true);
        if (event === "opened") expect(milestone).toBeNull();
        else expect(blockKitProblems(milestone ?? {})).toEqual([]);
      }
    },
  );

  it("the digest and the private messages fit", () => {
    const waiting = Array.from({ length: 500 }, (_, i) => ({
      rotation: `rot_${i}`,
      label: long(3000),
      why: REASONS.age,
      since: NOON,
      until: NOON,
    }));
    const r = extreme("awaiting_replacement", null);
    for (const each of [
      renderDigest(waiting, 50),
      renderDigest([], 50),
      renderHandover(r, { url: `https://${"k".repeat(200)}.example.com/intake#${"t".repeat(43)}`, expiresAt: NOON }),
      renderHandover(r, null),
      renderHandedOver(r),
    ])
      expect(blockKitProblems(each)).toEqual([]);
  });

  it("the check itself sees what is too long, empty, doubled or unknown", () => {
    const text = (length: number) => ({ type: "mrkdwn", text: "x".repeat(length) });
    const button = { type: "button", action_id: "a", text: { type: "plain_text", text: "b".repeat(76) } };
    const blocks = [
      { type: "section", text: text(3001) },
      { type: "section", text: text(0) },
      { type: "actions", block_id: "i", elements: [button, button] },
      { type: "video", block_id: "i" },
    ];
    expect(blockKitProblems({ text: "", blocks })).toEqual(
      expect.arrayContaining([
        "blocks[0]: section text is 3001",
        "blocks[1]: section text is empty",
        "blocks[2].elements[0].text: button text is 76",
        "blocks[2].elements[1]: action_id a twice",
        "blocks[3]: unknown block video",
        "text: text of a message is empty",
      ]),
    );
  });
});

describe("foreign text", () => {
  it("a name cannot ring, link or break out, wherever it stands", () => {
    const ours = /<(@[UW]\w+|!subteam\^S\w+|!date\^\d+\^[^<>|]+\|[^<>]+)>/g;
    for (const state of states) {
      for (const codeOf of [null, "destination_changed" as const]) {
        const r = extreme(state, codeOf);
        const entry = { at: NOON, event: "approved", actor: `cli:${NASTY}`, via: "cli" };
        const rendered = [card(r), renderMilestone(r, entry, null, true), renderHandover(r, null)];
        const marks = rendered.flatMap((each) => marksIn(each ?? {})).map((text) => text.replaceAll(ours, ""));
        for (const text of marks) expect(text).not.toMatch(/[<>]/);
        expect(JSON.stringify(rendered)).not.toContain("<!channel>");
        expect(JSON.stringify(rendered)).not.toContain("<@U99>");
      }
    }
  });

  it.each([
    ["a & b <!here>", "a &amp; b &lt;!here&gt;"],
    ["two\nlines", "two\u{FFFD}lines"],
    ["left\u202Eright", "left\u{FFFD}right"],
  ])("%j is shown as %j", (text, shown) => expect(escaped(text)).toBe(shown));

  it("is cut before it is escaped, and not within a character", () => {
    expect(escaped("&".repeat(200), 10)).toBe(`${"&amp;".repeat(9)}…`);
    expect(oneLine("\u{1F511}".repeat(9), 4)).toBe("\u{1F511}…");
    expect(code("a`b")).toBe("`a'b`");
  });

  it("lines that do not fit are counted", () => {
    expect(lines(["one", "two"], 100)).toBe("one\ntwo");
    expect(lines(["x".repeat(60), "y".repeat(60), "z"], 100)).toBe(`${"x".repeat(60)}\n… and 2 more`);
    expect(lines(["x".repeat(200)], 100)).toBe("… and 1 more");
  });

  it.each([
    [24 * HOUR, "1 day"],
    [7 * DAY, "7 days"],
    [36 * HOUR, "36 hours"],
    [HOUR, "1 hour"],
    [90_000, "1 minute"],
    [1500, "1 second"],
    [91 * DAY + HOUR, "91 days"],
  ])("%i ms are %s", (ms, words) => expect(inWords(ms)).toBe(words));

  it("only a Slack id becomes a mention", () => {
    expect(personOf("slack:U0AB")).toBe("<@U0AB>");
    expect(personOf("slack:U0AB> <!channel")).toBe("`slack:U0AB&gt; &lt;!channel`");
    expect(personOf("cli:ada@host")).toBe("`cli:ada@host`");
    expect(mentions({ users: ["U1", "U2", "U3"], groups: ["S1"] }, 2)).toBe("<!subteam^S1>, <@U1> and 2 more");
  });
});

describe("the card", () => {
  it("says what, why, where, what next, until when and who may decide", () => {
    const text = all(aRotation({ outgoing: aKey("apikey_out", { hint: "sk-ant-api03-R2D...igAA" }) }));
    for (const each of [
      "Replace the key of billing?",
      "`out` (`sk-ant-api03-R2D...igAA`), 91 days old when this began",
      REASONS.age,
      "`files:billing.env#ANTHROPIC_API_KEY`",
      "within 7 days",
      "Without a decision this expires <!date^1795435200^{date_short_pretty} at {time}|2026-11-23 12:00 UTC>.",
      "<!subteam^S01>, <@U01>",
      "unused for 1 day (within 7 days)",
      "archived 7 days later",
    ])
      expect(text).toContain(each);
  });

  it("R13: when the quiet that is asked for exceeds the limit, a person is announced", () => {
    const plan = aPlan({ drain: { quietForMs: 8 * DAY, limitMs: 7 * DAY } });
    expect(all(aRotation({ plan }))).toContain("a person will have to decide");
    expect(all(aRotation())).not.toContain("a person will have to decide");
    const timing = { ...aRotation().timing, noUsageCheck: true };
    expect(all(aRotation({ timing }))).toContain("use is not watched");
  });

  it("changes only when the record does", () => {
    for (const state of states)
      expect(hashOf(card(inState(state)))).toBe(hashOf(card(inState(state, { revision: 9 }))));
    expect(hashOf(card(aRotation()))).not.toBe(hashOf(card(aRotation({ approvals: [approval("slack:U01")] }))));
  });

  const idsOf = (r: Rotation, more: Partial<CardSettings> = {}) =>
    card(r, more)
      .blocks.flatMap((b) => (b.type === "actions" ? b.elements : []))
      .map((e) => e.action_id);
  it.each<[string, Rotation, string[]]>([
    ["is to be approved", aRotation(), [ACTION.approve, ACTION.snooze, ACTION.reject, ACTION.open]],
    ["is compromised", aRotation({ reason: "compromised" }), [ACTION.approve, ACTION.reject, ACTION.open]],
    ["waits for a key", inState("awaiting_replacement"), [ACTION.link, ACTION.delegate, ACTION.open]],
    ["goes on", inState("draining"), [ACTION.open]],
    ["needs attention", inState("draining", { attention: attention("key_limit") }), [ACTION.retry, ACTION.open]],
    [
      "lacks an approval",
      inState("draining", { attention: attention("approval_missing") }),
      [ACTION.approve, ACTION.open],
    ],
    [
      "R15: has another plan than the card",
      inState("draining", { attention: attention("plan_changed") }),
      [ACTION.open],
    ],
    ["is reinstated", inState("reinstated", { attention: attention("key_limit") }), [ACTION.open]],
  ])("has the buttons of its state: %s", (_what, r, ids) => expect(idsOf(r)).toEqual(ids));

  it.each(states.filter(isFinal))("P10: %s has no button", (state) => {
    for (const c of [null, ...attentions])
      expect(idsOf(inState(state, { attention: c === null ? null : attention(c) }))).toEqual([]);
  });

  it("P10: buttons carry the rotation and the plan, and nothing else; the menus' block names them", () => {
    const r = aRotation();
    const block = card(r).blocks.find((b) => b.type === "actions");
    const expected = { rotation: r.id, planHash: r.planHash.slice(0, 16) };
    expect(readMenuBlock(block?.block_id)).toEqual(expected);
    for (const e of block?.type === "actions" ? block.elements : [])
      if (e.type === "button") expect(readCardValue(e.value)).toEqual(expected);
  });

  it("approving asks once more; there is one primary button", () => {
    const elements = card(aRotation()).blocks.flatMap((b) => (b.type === "actions" ? b.elements : []));
    expect(elements.filter((e) => "style" in e && e.style === "primary")).toMatchObject([
      { action_id: ACTION.approve, confirm: { confirm: { text: "Approve" } } },
    ]);
  });

  it("without pages it names the commands and links nowhere", () => {
    const r = inState("awaiting_replacement");
    expect(all(r, { publicUrl: null })).toContain("keyturn submit rot_test");
    expect(all(aRotation(), { publicUrl: null })).toContain("keyturn approve rot_test");
    expect(idsOf(r, { publicUrl: null })).toEqual([]);
    expect(idsOf(r, { clicksReach: false })).toEqual([]);
    expect(all(aRotation(), { clicksReach: false })).toMatch(/keyturn approve rot_test.*keyturn show rot_test/);
    expect(idsOf(aRotation(), { dashboard: false })).not.toContain(ACTION.open);
    expect(all(aRotation(), { dashboard: false })).toContain("keyturn show rot_test");
    expect(all(aRotation(), { publicUrl: null })).not.toContain("http");
  });

  it("R15: a changed plan says that approvals are void", () => {
    const history = [{ at: NOON, event: "plan_changed", actor: "keyturn", via: "worker" }];
    expect(all(aRotation({ history }))).toContain("Approvals given before are void");
    expect(all(aRotation())).not.toContain("void");
  });

  it("R21: a broken glass is seen in every state after it", () => {
    for (const state of states)
      expect(
        all(inState(state, { approvals: [approval("cli:eve@host", { via: "cli", breakGlass: true })] })),
      ).toContain("by breaking the glass");
  });

  it.each(attentions)("%s says what happened, the impact and the next command", (codeOf) => {
    const text = all(inState("draining", { attention: attention(codeOf) }));
    expect(text).toContain("Needs attention");
    expect(text).toContain(JSON.stringify(escaped(ATTENTION[codeOf], 400)).slice(1, -1));
    expect(text).toContain("*Next:*");
  });

  it.each(Object.keys(REASONS) as Reason[])("the reason %s is a sentence on it", (reason) =>
    expect(all(aRotation({ reason }))).toContain(escaped(REASONS[reason])),
  );

  it("who decided is named after the end", () => {
    const history = [{ at: NOON, event: "rejected", actor: "slack:U07", via: "slack" }];
    expect(all(inState("rejected", { history, notBefore: NOON + 7 * DAY }))).toContain("Rejected by <@U07>");
    const note = { text: "<!channel> a & b", actor: "slack:U07", at: NOON };
    expect(all(inState("rejected", { history, note }))).toContain(
      "*Reason given by <@U07>:* &lt;!channel&gt; a &amp; b",
    );
    expect(all(inState("completed"))).toContain("The replacement key is in place");
    expect(all(inState("expired"))).toContain("Nobody decided in time");
  });
});

describe("the thread", () => {
  const at = (n: number, event: string) => ({ at: NOON + n, event, actor: "keyturn", via: "worker" });
  it("goes on after what was told last, also when the oldest entries are gone or the record was rebuilt", () => {
    const history = [at(0, "opened"), at(1, "approved"), at(1, "staged"), at(2, "verified")];
    const names = (told: { at: number; event: string } | null, from = history) =>
      untold(from, told).map((h) => h.event);
    expect(names({ at: NOON, event: "opened" })).toEqual(["approved", "staged", "verified"]);
    expect(names({ at: NOON + 1, event: "approved" })).toEqual(["staged", "verified"]);
    expect(names({ at: NOON + 2, event: "verified" })).toEqual([]);
    expect(names({ at: NOON + 1, event: "gone" })).toEqual(["verified"]);
    expect(names(null)).toEqual([]);
  });

  it("R18: each milestone has the audit head as its anchor", () => {
    const told = renderMilestone(inState("draining"), at(0, "promoted"), { seq: 41, hash: "ab".repeat(32) }, true);
    expect(JSON.stringify(told)).toContain(`audit 41 \`${"ab".repeat(16)}\``);
  });

  it("an attention that lasts is loud, one that is over is quiet", () => {
    const r = inState("draining", { attention: attention("key_limit") });
    expect(renderMilestone(r, at(0, "attention:key_limit"), null, true)?.loud).toBe(true);
    expect(renderMilestone(r, at(0, "attention:key_limit"), null, false)?.loud).toBe(false);
    const over = renderMilestone(r, at(0, "attention:clock"), null, true);
    expect([over?.loud, over?.text]).toEqual([false, expect.stringContaining("now over")]);
    expect(renderMilestone(r, at(0, "promoted"), null, true)?.loud).toBe(false);
  });
});
