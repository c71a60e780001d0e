import { LogLevel, WebClient } from "@slack/web-api";
import { describe, expect, it } from "vitest";
import { METHODS } from "../../../src/sandbox/slack/web-api.ts";
import { approveButton, card, plain, startChat } from "./support.ts";

const nothing = () => undefined;
const silent = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  setName: nothing,
  getLevel: () => LogLevel.ERROR,
};

/** The official client: what it understands is what Slack would have sent. */
async function open() {
  const chat = await startChat();
  const options = { slackApiUrl: chat.apiUrl, retryConfig: { retries: 0 }, logger: silent };
  const client = new WebClient(chat.botToken, options);
  const stranger = new WebClient("nobody", options);
  return { chat, client, stranger };
}

describe("the simulated Web API, by the official client", () => {
  it("posts, threads and edits messages; blocks that an edit leaves out stay", async () => {
    const { chat, client } = await open();
    const posted = await client.chat.postMessage({ channel: chat.channel, text: "due", blocks: [...card] });
    const ts = posted.ts ?? "";
    await client.chat.postMessage({ channel: chat.channel, text: "approved", thread_ts: ts, reply_broadcast: true });
    await client.chat.update({ channel: chat.channel, ts, text: "decided" });
    const [message, reply] = chat.messages();
    expect(message).toMatchObject({ ts, text: "decided", editedTs: expect.stringMatching(/^\d+\.\d{6}$/) as string });
    expect(message?.blocks).toHaveLength(2);
    expect(reply).toMatchObject({ threadTs: ts, broadcast: true });
    await client.chat.update({ channel: chat.channel, ts, text: "done", blocks: [] });
    expect(chat.messages()[0]?.blocks).toEqual([]);
  });

  it("sends private messages that only their reader sees", async () => {
    const { chat, client } = await open();
    const { ana, ben } = chat.people;
    const opened = await client.conversations.open({ users: ana.id });
    expect(opened.channel?.id).toMatch(/^D/);
    await client.chat.postMessage({ channel: opened.channel?.id ?? "", text: "for Ana" });
    await client.chat.postMessage({ channel: ana.id, text: "by her own id" });
    await client.chat.postEphemeral({ channel: chat.channel, user: ben.id, text: "for Ben" });
    expect(chat.messages()).toEqual([]);
    expect(chat.messages(ana.id).map((message) => message.text)).toEqual(["for Ana", "by her own id"]);
    expect(chat.messages(ben.id).map((message) => message.text)).toEqual(["for Ben"]);
  });

  it("knows its people, its team and its group", async () => {
    const { chat, client } = await open();
    expect(await client.auth.test()).toMatchObject({ ok: true, team_id: chat.teamId });
    const { user } = await client.users.info({ user: chat.people.olga.id });
    expect(user).toMatchObject({ team_id: chat.teamId, deleted: false, is_bot: false, is_restricted: false });
    const { users } = await client.usergroups.users.list({ usergroup: chat.group });
    expect(users).toEqual([chat.people.ana.id, chat.people.ben.id]);
  });

  it.each([
    {
      what: "another channel",
      method: "chat.postMessage",
      args: { channel: "C404", text: "x" },
      error: "channel_not_found",
    },
    { what: "neither text nor blocks", method: "chat.postMessage", args: { channel: "C0KEYS" }, error: "no_text" },
    {
      what: "an unknown block",
      method: "chat.postMessage",
      args: { channel: "C0KEYS", blocks: [{ type: "sparkle" }] },
      error: "invalid_blocks",
    },
    {
      what: "a section of 3,001 characters",
      method: "chat.postMessage",
      args: { channel: "C0KEYS", blocks: [{ type: "section", text: plain("x".repeat(3001)) }] },
      error: "invalid_blocks",
    },
    {
      what: "51 blocks",
      method: "chat.postMessage",
      args: { channel: "C0KEYS", blocks: Array.from({ length: 51 }, () => ({ type: "divider" })) },
      error: "invalid_blocks",
    },
    {
      what: "an action twice in a block",
      method: "chat.postMessage",
      args: { channel: "C0KEYS", blocks: [{ type: "actions", elements: [approveButton, approveButton] }] },
      error: "invalid_blocks",
    },
    {
      what: "an edit of nothing",
      method: "chat.update",
      args: { channel: "C0KEYS", ts: "1.000000", text: "x" },
      error: "message_not_found",
    },
    { what: "a person who is not there", method: "users.info", args: { user: "U404" }, error: "user_not_found" },
    {
      what: "private messages to nobody",
      method: "conversations.open",
      args: { users: "U404" },
      error: "user_not_found",
    },
    {
      what: "a group that is gone",
      method: "usergroups.users.list",
      args: { usergroup: "S404" },
      error: "no_such_subteam",
    },
    {
      what: "a modal without a click",
      method: "views.open",
      args: { trigger_id: "1.2.3", view: { type: "modal", title: plain("Why"), blocks: [] } },
      error: "invalid_trigger_id",
    },
    {
      what: "a modal with a title of 25 characters",
      method: "views.open",
      args: { trigger_id: "1.2.3", view: { type: "modal", title: plain("x".repeat(25)), blocks: [] } },
      error: "invalid_arguments",
    },
    { what: "another method", method: "chat.sparkle", args: {}, error: "unknown_method" },
  ])("refuses $what as Slack does: $error", async ({ method, args, error }) => {
    const { client, chat } = await open();
    await expect(client.apiCall(method, args)).rejects.toMatchObject({ data: { ok: false, error } });
    expect(chat.messages()).toEqual([]);
  });

  it("lets nobody in with another token, whatever the method", async () => {
    const { stranger } = await open();
    for (const method of Object.keys(METHODS))
      await expect(stranger.apiCall(method), method).rejects.toMatchObject({ data: { error: "invalid_auth" } });
  });
});
