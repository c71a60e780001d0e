import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { App, type BlockAction, HTTPReceiver, LogLevel, isValidSlackRequest } from "@slack/bolt";
import type { ModalView } from "@slack/types";
import { describe, expect, it, onTestFinished } from "vitest";
import { signatureOf } from "../../../src/sandbox/slack/interactions.ts";
import type { SlackSandbox } from "../../../src/sandbox/slack/start.ts";
import { SIGNING_SECRET, approveButton, card, plain, startApp, startChat } from "./support.ts";

const post = (chat: SlackSandbox, blocks: readonly object[] = card) =>
  chat.workspace.post({ channel: chat.channel, text: "due", blocks: blocks.map((block) => ({ ...block })) });

const payloadIn = (body: string) =>
  JSON.parse(new URLSearchParams(body).get("payload") ?? "null") as Record<string, unknown>;

describe("what the simulated Slack sends", () => {
  it("is signed as in Slack's published example", () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    // https://docs.slack.dev/authentication/verifying-requests-from-slack
    expect(signatureOf("8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, body)).toBe(
      "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    );
  });

  it("passes Bolt's verifier, and a changed body does not", async () => {
    const app = await startApp();
    const chat = await startChat(app.url);
    post(chat);
    await chat.click({ as: chat.people.ana.id, actionId: "approve" });
    const [click] = app.received;
    const check = (body: string) =>
      isValidSlackRequest({
        signingSecret: SIGNING_SECRET,
        body,
        headers: {
          "x-slack-signature": String(click?.headers["x-slack-signature"]),
          "x-slack-request-timestamp": Number(click?.headers["x-slack-request-timestamp"]),
        },
      });
    expect(click?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(check(click?.body ?? "")).toBe(true);
    expect(check(`${click?.body}&x=1`)).toBe(false);
  });

  it("has the fields of a click", async () => {
    const app = await startApp();
    const chat = await startChat(app.url);
    const message = post(chat);
    await chat.click({ as: chat.people.ana.id, actionId: "approve" });
    expect(payloadIn(app.received[0]?.body ?? "")).toMatchObject({
      type: "block_actions",
      api_app_id: chat.appId,
      team: { id: chat.teamId },
      user: { id: chat.people.ana.id, team_id: chat.teamId },
      channel: { id: chat.channel },
      container: { type: "message", message_ts: message.ts, channel_id: chat.channel, is_ephemeral: false },
      message: { ts: message.ts, text: "due" },
      actions: [{ type: "button", block_id: "decide", action_id: "approve", value: approveButton.value }],
    });
  });

  it.each([
    {
      element: { type: "static_select", options: [{ text: plain("A day"), value: "24" }] },
      choice: "24",
      sends: { selected_option: { value: "24" } },
    },
    {
      element: { type: "overflow", options: [{ text: plain("A day"), value: "24" }] },
      choice: "24",
      sends: { selected_option: { value: "24" } },
    },
    { element: { type: "users_select" }, choice: "U0BEN", sends: { selected_user: "U0BEN" } },
  ])("has what was chosen in a $element.type", async ({ element, choice, sends }) => {
    const app = await startApp();
    const chat = await startChat(app.url);
    post(chat, [{ type: "actions", block_id: "b", elements: [{ ...element, action_id: "choose" }] }]);
    await chat.click({ as: chat.people.ben.id, actionId: "choose", choice });
    expect(payloadIn(app.received[0]?.body ?? "")["actions"]).toMatchObject([{ ...sends, action_id: "choose" }]);
  });

  it("shows a warning at the message when the app does not answer with 200", async () => {
    const app = await startApp(() => ({ status: 401 }));
    const chat = await startChat(app.url);
    const message = post(chat);
    expect(await chat.click({ as: chat.people.olga.id, actionId: "approve" })).toMatchObject({ status: 401 });
    expect(message.trouble).toContain("Olga's click got no answer");
  });

  it("takes five answers to a click within half an hour, and no more", async () => {
    let now = Date.now();
    const app = await startApp();
    const chat = await startChat(app.url, { now: () => now });
    post(chat);
    await chat.click({ as: chat.people.ana.id, actionId: "approve" });
    const address = String(payloadIn(app.received[0]?.body ?? "")["response_url"]);
    const answer = async (text: string) => {
      const response = await fetch(address, { method: "POST", body: JSON.stringify({ text }) });
      return [response.status, await response.text()];
    };
    for (let i = 1; i <= 5; i += 1) expect(await answer(`${i}`)).toEqual([200, "ok"]);
    expect(await answer("6")).toEqual([404, '{"ok":false,"error":"used_url"}']);
    expect(chat.messages(chat.people.ana.id).filter((message) => message.onlyFor !== null)).toHaveLength(5);
    now += 31 * 60_000;
    expect(await answer("7")).toEqual([404, '{"ok":false,"error":"expired_url"}']);
  });

  it("opens one modal for a click, within three seconds", async () => {
    let now = Date.now();
    const chat = await startChat(undefined, { now: () => now });
    const open = async (trigger_id: string) => {
      const view: ModalView = { type: "modal", title: plain("Why"), blocks: [] };
      const headers = { authorization: `Bearer ${chat.botToken}`, "content-type": "application/json" };
      const body = JSON.stringify({ trigger_id, view });
      return (await fetch(`${chat.apiUrl}views.open`, { method: "POST", headers, body })).json();
    };
    const trigger = chat.workspace.trigger(chat.people.ana.id);
    expect(await open(trigger)).toMatchObject({ ok: true });
    expect(await open(trigger)).toEqual({ ok: false, error: "exchanged_trigger_id" });
    const late = chat.workspace.trigger(chat.people.ana.id);
    now += 3001;
    expect(await open(late)).toEqual({ ok: false, error: "expired_trigger_id" });
  });
});

describe("a real Bolt app behind the simulated Slack", () => {
  it("understands clicks, modals and commands, and its answers are shown", async () => {
    const receiver = new HTTPReceiver({ signingSecret: SIGNING_SECRET, logLevel: LogLevel.ERROR });
    const server = createServer((request, response) => receiver.requestListener(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
    const chat = await startChat(undefined, { interactionsUrl: address, commandsUrl: address });
    const app = new App({
      receiver,
      authorize: () => Promise.resolve({ botToken: chat.botToken, botId: "B0KEYTURN" }),
      clientOptions: { slackApiUrl: chat.apiUrl },
      logLevel: LogLevel.ERROR,
    });
    const reasons: unknown[] = [];
    const input = { type: "plain_text_input", action_id: "text", multiline: true } as const;
    const why = { type: "input", block_id: "why", label: plain("Why?"), element: input } as const;
    app.action("approve", async ({ ack, respond, body }) => {
      await ack();
      await respond({ response_type: "ephemeral", replace_original: false, text: `Approved by <@${body.user.id}>.` });
    });
    app.action<BlockAction>("reject", async ({ ack, body, client }) => {
      const view: ModalView = {
        type: "modal",
        callback_id: "reason",
        title: plain("Reject"),
        submit: plain("Reject"),
        blocks: [why],
      };
      await client.views.open({ trigger_id: body.trigger_id, view });
      await ack();
    });
    app.view("reason", async ({ ack, view }) => {
      const text = view.state.values["why"]?.["text"]?.value ?? "";
      reasons.push(text);
      await (text.length < 4 ? ack({ response_action: "errors", errors: { why: "Say more." } }) : ack());
    });
    app.command("/keyturn", ({ ack, command }) => ack(`heard: ${command.text}`));

    const { ana } = chat.people;
    const button = { ...approveButton, action_id: "reject", text: plain("Reject") };
    post(chat, [{ type: "actions", block_id: "b", elements: [approveButton, button] }]);
    expect(await chat.click({ as: ana.id, actionId: "approve" })).toMatchObject({ status: 200 });
    await expect.poll(() => chat.messages(ana.id).at(-1)?.text).toBe(`Approved by <@${ana.id}>.`);
    await chat.click({ as: ana.id, actionId: "reject" });
    await chat.submit(ana.id, { why: { text: "no" } });
    expect(chat.workspace.viewOf(ana.id)?.errors).toEqual({ why: "Say more." });
    await chat.submit(ana.id, { why: { text: "not now" } });
    expect(chat.workspace.viewOf(ana.id)).toBeNull();
    expect(reasons).toEqual(["no", "not now"]);
    await chat.command(ana.id, "/keyturn status app");
    expect(chat.messages(ana.id).at(-1)).toMatchObject({ text: "heard: status app", onlyFor: ana.id });
  });
});
