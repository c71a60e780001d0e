import { isValidSlackRequest } from "@slack/bolt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SecretText } from "../../src/rotation/secret.ts";
import { ACTION } from "../../src/slack/actions.ts";
import { ENDPOINTS } from "../../src/slack/receiver.ts";
import { verifySignature } from "../../src/slack/signature.ts";
import { memoryDirectory } from "../support/doubles/memory-directory.ts";
import { eventually } from "../support/quiet-log.ts";
import { someApprovers } from "../support/settings.ts";
import { type World, makeWorld } from "../support/world.ts";
import { PREVIOUS, SIGNING, type Signing, type SlackRig, aClick, signed, slackRig } from "./rig.ts";

/** https://docs.slack.dev/authentication/verifying-requests-from-slack, "validating a request". */
const PUBLISHED = {
  secret: ["8f742231b10e8888", "abcd99yyyzzz85a5"].join(""),
  timestamp: 1531420618,
  body: [
    ["token=xyzz0WbapA4vBCDEFasx0q6G", "team_id=T1DC2JH3J", "team_domain=testteamnow", "channel_id=G8PSS9T3V"],
    ["channel_name=foobar", "user_id=U2CERLKJA", "user_name=roadrunner", "command=%2Fwebhook-collect", "text="],
    ["response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"],
    ["trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"],
  ]
    .flat()
    .join("&"),
  signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
};

describe("the signature of a request", () => {
  const headers = {
    "x-slack-signature": PUBLISHED.signature,
    "x-slack-request-timestamp": String(PUBLISHED.timestamp),
  };
  const check = (given: { headers?: object; body?: string; ageS?: number; secrets?: string[] }) =>
    verifySignature(
      { ...headers, ...given.headers },
      Buffer.from(given.body ?? PUBLISHED.body),
      (given.secrets ?? [PUBLISHED.secret]).map((text) => SecretText.from(text)),
      (PUBLISHED.timestamp + (given.ageS ?? 0)) * 1000,
    );

  it.each([
    { when: "Slack's published example", given: {}, expected: { genuine: true, by: 0 } },
    { when: "it 5 minutes later", given: { ageS: 300 }, expected: { genuine: true } },
    { when: "it 5 minutes and 1 s later", given: { ageS: 301 }, expected: { why: "timestamp_old" } },
    { when: "it from 5 minutes ahead", given: { ageS: -300 }, expected: { genuine: true } },
    { when: "it from 5 minutes and 1 s ahead", given: { ageS: -301 }, expected: { why: "timestamp_future" } },
    { when: "one byte more", given: { body: `${PUBLISHED.body}&` }, expected: { why: "signature_wrong" } },
    {
      when: "the second of two secrets",
      given: { secrets: [PREVIOUS, PUBLISHED.secret] },
      expected: { genuine: true, by: 1 },
    },
    { when: "another secret", given: { secrets: [PREVIOUS] }, expected: { why: "signature_wrong" } },
    { when: "no secret", given: { secrets: [] }, expected: { why: "signature_wrong" } },
    {
      when: "a signature cut short",
      given: { headers: { "x-slack-signature": PUBLISHED.signature.slice(0, -1) } },
      expected: { why: "signature_wrong" },
    },
    {
      when: "no signature",
      given: { headers: { "x-slack-signature": undefined } },
      expected: { why: "headers_missing" },
    },
    {
      when: "a timestamp that is no number",
      given: { headers: { "x-slack-request-timestamp": "NaN" } },
      expected: { why: "headers_missing" },
    },
    {
      when: "another timestamp than the signed one",
      given: { headers: { "x-slack-request-timestamp": String(PUBLISHED.timestamp + 1) } },
      expected: { why: "signature_wrong" },
    },
  ])("$when: $expected", ({ given, expected }) => expect(check(given)).toMatchObject(expected));

  it("Bolt's own verifier agrees on the published example, made anew for now", () => {
    const at = Math.floor(Date.now() / 1000);
    const fresh = signed(PUBLISHED.body, { secret: PUBLISHED.secret });
    expect(
      isValidSlackRequest({
        signingSecret: PUBLISHED.secret,
        body: PUBLISHED.body,
        headers: { "x-slack-signature": fresh["x-slack-signature"] ?? "", "x-slack-request-timestamp": at },
      }),
    ).toBe(true);
  });
});

describe("what stands in front of Bolt", () => {
  let world: World;
  let rig: SlackRig;
  beforeEach(async () => {
    world = makeWorld({ settings: { approvers: someApprovers({ slack: { users: ["U0BEN"], groups: [] } }) } });
    world.deps.directory = memoryDirectory(["U0BEN"]);
    rig = await slackRig(world.deps, { secrets: [SIGNING, PREVIOUS], appId: "A0APP" });
  });
  afterEach(() => rig.close());
  const form = { command: "/keyturn", text: "help", team_id: "T0TEAM", user_id: "U0BEN", api_app_id: "A0APP" };
  const help = (signing: Signing = {}, more: Record<string, string> = {}) =>
    rig.post(ENDPOINTS.commands, { ...form, trigger_id: crypto.randomUUID(), ...more }, signing);
  const reasons = () =>
    world.audit.sink.filter((e) => e.action === "click.refused").map((e) => [e.evidence["reason"], e.actor]);

  it.each<[string, Signing]>([
    ["a request signed with the current secret", {}],
    ["a request signed with the secret before it", { secret: PREVIOUS }],
    [
      "a content type with a charset",
      { headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" } },
    ],
    ["a content type in capitals", { headers: { "content-type": "Application/X-WWW-Form-urlencoded" } }],
  ])("%s is answered", async (_, signing) => {
    const { status, body } = await help(signing);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ response_type: "ephemeral" });
    expect(reasons()).toEqual([]);
  });

  it.each<[string, Signing, string]>([
    ["another secret", { secret: "not-ours" }, "signature_wrong"],
    ["an altered body", { body: "command=%2Fkeyturn&text=revoke+billing" }, "signature_wrong"],
    ["a timestamp 6 minutes old", { skewS: -360 }, "timestamp_old"],
    ["a timestamp 10 minutes ahead, which Bolt would take", { skewS: 600 }, "timestamp_future"],
    ["no signature", { headers: { "x-slack-signature": undefined } }, "headers_missing"],
    ["no timestamp", { headers: { "x-slack-request-timestamp": undefined } }, "headers_missing"],
    ["JSON instead of a form", { headers: { "content-type": "application/json" } }, "content_type"],
  ])("P10: %s is refused with 401 and nothing in the body, on record", async (_, signing, reason) => {
    expect(await help(signing)).toEqual({ status: 401, body: "" });
    expect(reasons()).toEqual([[reason, "unknown"]]);
    expect(JSON.stringify(rig.log.lines)).not.toContain("billing");
  });

  it("P10: an unsigned ssl_check with a payload smuggled in is refused", async () => {
    const payload = JSON.stringify(aClick(rig.box, { action: ACTION.approve }));
    const body = new URLSearchParams({ ssl_check: "1", payload }).toString();
    const answer = await help({ body, headers: { "x-slack-signature": "v0=00" } });
    expect(answer).toEqual({ status: 401, body: "" });
  });

  it("P10: the same signed request a second time is refused, in this process or another", async () => {
    const other = await slackRig(world.deps, { replays: rig.replays });
    const body = new URLSearchParams({ ...form, trigger_id: "1.2" }).toString();
    const headers = signed(body);
    const send = (url: string) => fetch(`${url}${ENDPOINTS.commands}`, { method: "POST", headers, body });
    expect((await send(rig.url)).status).toBe(200);
    expect((await send(rig.url)).status).toBe(401);
    expect((await send(other.url)).status).toBe(401);
    expect(reasons()[0]).toEqual(["replayed", "unknown"]);
    await other.close();
  });

  it("P10: a flood of forged requests leaves one entry a minute for each reason, and the count of the rest", async () => {
    for (let i = 0; i < 20; i++) await help({ secret: "not-ours" });
    for (let i = 0; i < 3; i++) await help({ skewS: 600 });
    expect(reasons()).toHaveLength(2);
    await world.clock.turn(60_000);
    await help({ secret: "not-ours" });
    expect(reasons()).toHaveLength(3);
    expect(world.audit.sink.at(-1)?.evidence).toEqual({ reason: "signature_wrong", moreSinceLast: 19 });
    await rig.ears.refusals.close();
    expect(world.audit.sink.at(-1)?.evidence).toEqual({ reason: "timestamp_future", moreSinceLast: 2 });
  });

  it("a body over 256 KiB is refused with 413 before it is read whole", async () => {
    const answer = await help({}, { text: "x".repeat(300 * 1024) });
    expect(answer).toEqual({ status: 413, body: "" });
  });

  it("a signed payload that is no JSON is refused, and no log line quotes it", async () => {
    const { status } = await rig.post(ENDPOINTS.interactions, { payload: "canary-in-a-payload" });
    expect(status).toBe(400);
    expect(JSON.stringify(rig.log.lines)).not.toContain("canary");
    expect(rig.log.lines.map((line) => line.fields["said"])).toContain("Malformed request body");
  });

  it("GET is not answered", async () => {
    expect((await fetch(`${rig.url}${ENDPOINTS.interactions}`)).status).toBe(405);
  });

  it("P10: a click of another Slack app is refused and answered", async () => {
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: "rot_1|0123456789abcdef", appId: "A0OTHER" }));
    await eventually(() => rig.box.posts.length === 1);
    expect(rig.box.posts[0]?.text).toContain("another Slack app");
    expect(reasons()).toEqual([["foreign_app", "slack:U0BEN"]]);
  });

  it("a button that only opens an address is acknowledged and nothing else", async () => {
    const answer = await rig.interact(aClick(rig.box, { action: ACTION.open }));
    expect(answer).toEqual({ status: 200, body: "" });
    expect(rig.box.posts).toEqual([]);
  });

  it.each([
    ["a button nobody knows", { action: "keyturn_unheard_of", value: "rot_1|0123456789abcdef" }, "unknown_button"],
    ["a button without a value", { action: ACTION.approve }, "unknown_button"],
    ["a value that was not made by us", { action: ACTION.approve, value: "rot_1|xyz" }, "unknown_button"],
    ["a rotation nobody knows", { action: ACTION.approve, value: "rot_1|0123456789abcdef" }, "unknown_rotation"],
    [
      "a choice that no menu has",
      { action: ACTION.snooze, block: "keyturn_card|rot_1|0123456789abcdef", option: "9999" },
      "unknown_choice",
    ],
  ])("P10: %s gets a visible answer and an entry on record", async (_, click, reason) => {
    expect((await rig.interact(aClick(rig.box, click))).status).toBe(200);
    await eventually(() => rig.box.posts.length === 1);
    expect(rig.box.posts[0]).toMatchObject({ response_type: "ephemeral", replace_original: false });
    expect(reasons()).toEqual([[reason, "slack:U0BEN"]]);
  });

  it.each([
    ["has no response address", [], "chat.postEphemeral C0CHANNEL U0BEN"],
    ["has none and Slack takes no ephemeral message", ["chat.postEphemeral"], "chat.postMessage D0DIRECT"],
  ])("a click that %s is answered all the same, privately", async (_, failing, expected) => {
    for (const method of failing) rig.client.failing.add(method);
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: "rot_1|0123456789abcdef", mute: true }));
    const told = () =>
      rig.client.calls
        .filter(({ args }) => String(args["text"]).includes("older than what Keyturn remembers"))
        .map(({ method, args }) => [method, args["channel"], args["user"]].filter(Boolean).join(" "));
    await eventually(() => told().length === 1);
    expect(told()).toEqual([expected]);
  });

  it("a response address that answers 500 for good: the answer comes as an ephemeral message", async () => {
    rig.box.failNext.times = 100;
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: "rot_1|0123456789abcdef" }));
    await eventually(() => rig.client.calls.length === 1);
    expect(rig.client.calls[0]).toMatchObject({ method: "chat.postEphemeral", args: { user: "U0BEN" } });
  });

  it("no way at all to answer is in the log", async () => {
    rig.client.fail = true;
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: "rot_1|0123456789abcdef", mute: true }));
    await eventually(() => rig.log.events().includes("slack.answer_lost"));
  });

  it("the same click a second time is answered, not silent", async () => {
    const click = { action: ACTION.approve, value: "rot_1|0123456789abcdef", ts: "1700009999.000200" };
    for (let i = 1; i <= 2; i++) {
      await rig.interact(aClick(rig.box, click));
      await eventually(() => rig.box.posts.length === i);
    }
    expect(rig.box.posts[1]?.text).toContain("Already received");
  });

  it("the private answer is sent once more when Slack does not take it, and its address is in no log line", async () => {
    rig.box.failNext.times = 1;
    await rig.interact(aClick(rig.box, { action: ACTION.approve, value: "rot_1|0123456789abcdef" }));
    await eventually(() => rig.box.posts.length === 1);
    expect(rig.log.events()).toContain("slack.answer_failed");
    expect(JSON.stringify(rig.log.lines)).not.toContain("127.0.0.1");
  });
});
