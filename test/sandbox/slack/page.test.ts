import { describe, expect, it } from "vitest";
import type { SlackSandbox } from "../../../src/sandbox/slack/start.ts";
import { approveButton, card, plain, startApp, startChat } from "./support.ts";

const show = async (chat: SlackSandbox, path = "/") => (await fetch(chat.url + path)).text();
const act = (chat: SlackSandbox, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(chat.url + path, { method: "POST", body: new URLSearchParams(fields), headers, redirect: "manual" });
const post = (chat: SlackSandbox, blocks: readonly object[] = card, text = "due") =>
  chat.workspace.post({ channel: chat.channel, text, blocks: blocks.map((block) => ({ ...block })) });
const clickOn = (chat: SlackSandbox, ts: string) => ({
  as: chat.people.ana.id,
  in: chat.channel,
  channel: chat.channel,
  ts,
  block: "decide",
  action: "approve",
});

describe("the chat as a page", () => {
  it("says that it is simulated, and loads nothing from elsewhere", async () => {
    const chat = await startChat();
    const response = await fetch(chat.url);
    const text = await response.text();
    expect(text).toContain("<title>Chat (simulated Slack)</title>");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(
      [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, to]) => to).filter((to) => !/^(\/|data:,)/.test(to ?? "")),
    ).toEqual([]);
    for (const asset of ["/chat.css", "/chat.js"]) expect((await fetch(chat.url + asset)).status).toBe(200);
  });

  it("shows a person the channel and their own private messages, not those of others", async () => {
    const chat = await startChat();
    const { ana, ben } = chat.people;
    post(chat, [], "for all");
    chat.workspace.post({ channel: chat.workspace.directMessages(ana.id).id, text: "a secret link", blocks: [] });
    chat.workspace.post({ channel: chat.channel, text: "only Ben", blocks: [], onlyFor: ben.id });
    const anas = await show(chat, `/?as=${ana.id}`);
    expect(anas).toContain("for all");
    expect(anas).not.toContain("only Ben");
    expect(anas).toMatch(/1<span class="spoken"> new/);
    expect(await show(chat, `/?as=${ana.id}&in=D0ANA`)).toContain("a secret link");
    expect(await show(chat, `/?as=${ben.id}&in=D0ANA`)).not.toContain("a secret link");
    expect(await show(chat, `/?as=${ben.id}`)).toContain("only Ben");
  });

  it("sends a click, and asks before one that wants a yes", async () => {
    const app = await startApp();
    const chat = await startChat(app.url);
    const confirm = {
      title: plain("Approve this plan?"),
      text: plain("A person then creates a key."),
      confirm: plain("Approve"),
    };
    const message = post(chat, [{ type: "actions", block_id: "decide", elements: [{ ...approveButton, confirm }] }]);
    const asked = await act(chat, "/click", clickOn(chat, message.ts));
    expect(asked.status).toBe(303);
    expect(app.received).toEqual([]);
    const page = await show(chat, asked.headers.get("location") ?? "");
    expect(page).toContain("Approve this plan?");
    await act(chat, "/click", { ...clickOn(chat, message.ts), confirmed: "yes" });
    expect(app.received).toHaveLength(1);
  });

  it("sends a command in the name of the person", async () => {
    const app = await startApp(() => ({ body: "One rotation is open." }));
    const chat = await startChat(app.url);
    const { olga } = chat.people;
    await act(chat, "/command", { as: olga.id, in: chat.channel, line: "/keyturn status" });
    const fields = Object.fromEntries(new URLSearchParams(app.received[0]?.body));
    expect(fields).toMatchObject({ command: "/keyturn", text: "status", user_id: olga.id, team_id: chat.teamId });
    expect(await show(chat, `/?as=${olga.id}`)).toContain("One rotation is open.");
  });

  it("shows markup as Slack does, and everything else as text", async () => {
    const chat = await startChat();
    const text = [
      "*bold* _it_ `a_b_c` snake_case_name",
      "<https://example.com/?a=1&amp;b=2|a link> <javascript:alert(1)|no link>",
      `<@${chat.people.ana.id}> <!subteam^${chat.group}> &lt;!channel&gt;`,
      "<!date^1700000000^due {date_num}|later> <script>alert(1)</script>",
    ].join("\n");
    post(chat, [{ type: "section", text: { type: "mrkdwn", text } }]);
    const page = await show(chat);
    expect(page).toContain("<strong>bold</strong> <em>it</em> <code>a_b_c</code> snake_case_name");
    expect(page).toContain('<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener">a link</a>');
    expect(page).not.toContain('href="javascript:');
    expect(page).toContain('<span class="mention">@Ana</span>');
    expect(page).toContain('<span class="mention">@key-approvers</span>');
    expect(page).toContain("&lt;!channel&gt;");
    expect(page).toContain(">due 2023-11-14</time>");
    expect(page).not.toContain("<script>alert");
  });

  it.each(["cross-site", "same-site"])("does nothing for a form that comes from elsewhere (%s)", async (site) => {
    const app = await startApp();
    const chat = await startChat(app.url);
    const message = post(chat);
    const refused = await act(chat, "/click", clickOn(chat, message.ts), { "sec-fetch-site": site });
    expect(refused.status).toBe(403);
    expect(app.received).toEqual([]);
  });

  it("says when there is something new", async () => {
    const chat = await startChat();
    const before = await show(chat, "/revision");
    post(chat);
    expect(Number(await show(chat, "/revision"))).toBeGreaterThan(Number(before));
  });
});
