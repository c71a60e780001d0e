import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Directory } from "../../src/ports/directory.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { createDirectory } from "../../src/slack/directory.ts";
import { type SlackClient, createWebClient } from "../../src/slack/web-client.ts";
import { type Fault, type SlackApi, slackApi } from "../support/slack-api.ts";

let slack: SlackApi;
let client: SlackClient;
let directory: Directory;
let ada: string;

beforeAll(async () => {
  slack = await slackApi();
  const { members } = (await slack.ask("users.list", {})) as { members: { id: string; name: string }[] };
  ada = members.find((m) => m.name === "ada")?.id ?? "";
});
afterAll(() => slack.stop());
beforeEach(() => {
  slack.calls.length = 0;
  const timeouts = { post: 300, edit: 300, click: 300 };
  client = createWebClient({ token: () => SecretText.from(slack.token), apiUrl: slack.url, timeouts });
  directory = createDirectory(client, { teamId: null });
});

const user = (more: object): Fault => ({
  kind: "answer",
  body: { ok: true, user: { id: ada, team_id: "T000000001", profile: { email: "Ada@Example.com" }, ...more } },
});

describe("Slack's directory", () => {
  it("knows a person, with the address in lower case", async () => {
    expect(await directory.member(ada)).toEqual({
      userId: ada,
      teamId: "T000000001",
      displayName: "ada",
      email: "ada@emulate.dev",
      barred: null,
    });
    slack.fault("users.info", user({}));
    expect((await directory.member(ada))?.email).toBe("ada@example.com");
  });

  it("P10: a person is asked for each time, the workspace once", async () => {
    for (let i = 0; i < 3; i++) await directory.member(ada);
    slack.groups.set("S1", [ada]);
    for (let i = 0; i < 3; i++) expect(await directory.groupMembers("S1")).toEqual([ada]);
    const asked = (method: string) => slack.calls.filter((c) => c.method === method).length;
    expect([asked("users.info"), asked("auth.test"), asked("usergroups.users.list")]).toEqual([3, 1, 3]);
    slack.groups.set("S1", []);
    expect(await directory.groupMembers("S1")).toEqual([]);
  });

  it("nobody is null; a configured workspace is not asked for", async () => {
    expect(await directory.member("U404")).toBeNull();
    expect(await createDirectory(client, { teamId: "T9" }).teamId()).toBe("T9");
    expect(slack.calls.map((c) => c.method)).toEqual(["users.info"]);
  });

  it.each([
    [{ deleted: true }, "deactivated"],
    [{ is_restricted: true }, "a guest account"],
    [{ is_ultra_restricted: true, is_restricted: true }, "a guest account"],
    [{ is_bot: true }, "a bot"],
    [{ is_stranger: true }, "of another workspace"],
    [{ team_id: "T666" }, "of another workspace"],
    [{ is_admin: true }, null],
  ])("P10: %j is barred: %s", async (more, barred) => {
    slack.fault("users.info", user(more));
    expect((await directory.member(ada))?.barred).toBe(barred);
  });

  it.each<[string, () => Promise<unknown>, string, Fault, string]>([
    [
      "a limit",
      () => directory.groupMembers("S1"),
      "usergroups.users.list",
      { kind: "status", status: 429, retryAfter: 7 },
      "ratelimited",
    ],
    ["a broken Slack", () => directory.member(ada), "users.info", { kind: "status", status: 503 }, "http_503"],
    ["no answer", () => directory.member(ada), "users.info", { kind: "silent" }, "no_answer"],
    ["an answer about somebody else", () => directory.member(ada), "users.info", user({ id: "U1" }), "unreadable"],
    [
      "an answer about nobody",
      () => directory.member(ada),
      "users.info",
      { kind: "answer", body: { ok: true } },
      "unreadable",
    ],
    [
      "a page of a proxy",
      () => directory.member(ada),
      "users.info",
      { kind: "status", status: 200, body: "<html>" },
      "unreadable",
    ],
    [
      "a group that is gone",
      () => directory.groupMembers("S404"),
      "chat.delete",
      { kind: "silent" },
      "no_such_subteam",
    ],
    [
      "a free plan",
      () => directory.groupMembers("S1"),
      "usergroups.users.list",
      { kind: "error", error: "plan_upgrade_required" },
      "plan_upgrade_required",
    ],
    [
      "a group without members' list",
      () => directory.groupMembers("S1"),
      "usergroups.users.list",
      { kind: "answer", body: { ok: true } },
      "unreadable",
    ],
    [
      "a missing scope",
      () => directory.member(ada),
      "users.info",
      { kind: "error", error: "missing_scope" },
      "missing_scope",
    ],
    [
      "a revoked token",
      () => directory.teamId(),
      "auth.test",
      { kind: "error", error: "token_revoked" },
      "token_revoked",
    ],
  ])("P10: %s is no answer", async (_what, ask, method, fault, reason) => {
    slack.groups.delete("S404");
    slack.fault(method, fault);
    await expect(ask()).rejects.toMatchObject({ code: "DIRECTORY_UNAVAILABLE", reason });
  });

  it("a failed question for the workspace is asked again", async () => {
    slack.fault("auth.test", { kind: "status", status: 500 });
    await expect(directory.teamId()).rejects.toMatchObject({ code: "DIRECTORY_UNAVAILABLE" });
    expect(await directory.teamId()).toBe("T000000001");
  });
});

describe("Slack's Web API", () => {
  it("P3: an error has Slack's code or the status, never its text or the token", async () => {
    const canary = "quoted-from-slack";
    const faults: [string, Fault][] = [
      ["SLACK_UNAVAILABLE", { kind: "error", error: `not_a_code ${canary}` }],
      ["SLACK_UNAVAILABLE", { kind: "status", status: 500, body: canary }],
      ["SLACK_UNAVAILABLE", { kind: "status", status: 200, body: canary }],
    ];
    for (const [code, fault] of faults) {
      slack.fault("chat.postMessage", fault);
      const error: unknown = await client
        .call("chat.postMessage", { channel: "C1", text: canary }, "post")
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ code });
      const shown = `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`;
      expect(shown).not.toContain(canary);
      expect(shown).not.toContain(slack.token);
    }
  });

  it("a post is never repeated by itself, since a second one is a second message; an edit is", async () => {
    const broken: Fault = { kind: "status", status: 503 };
    slack.fault("chat.postMessage", broken);
    await expect(client.call("chat.postMessage", {}, "post")).rejects.toMatchObject({ reason: "http_503" });
    slack.fault("chat.update", broken);
    await expect(client.call("chat.update", { channel: "C1", ts: "1" })).rejects.toMatchObject({
      reason: "message_not_found",
    });
    expect(slack.calls.map((c) => c.method)).toEqual(["chat.postMessage", "chat.update", "chat.update"]);
  });

  it("a limit is told at once, with its time", async () => {
    slack.fault("chat.update", { kind: "status", status: 429, retryAfter: 30 });
    await expect(client.call("chat.update", {})).rejects.toMatchObject({
      code: "SLACK_UNAVAILABLE",
      reason: "ratelimited",
      retryAfterMs: 30_000,
    });
    expect(slack.calls).toHaveLength(1);
  });

  it("the token is read anew for each call, and sent to the configured address alone", async () => {
    const tokens = [slack.token, "another"];
    const changing = createWebClient({ token: () => SecretText.from(tokens.shift() ?? ""), apiUrl: slack.url });
    expect(await changing.call("auth.test", {})).toMatchObject({ ok: true });
    await changing.call("auth.test", {}).catch(() => undefined);
    expect(tokens).toEqual([]);
    await client.call("http://127.0.0.1:1/steal", {}).catch(() => undefined);
    expect(slack.calls.at(-1)?.method).toContain("steal");
  });

  it.each([
    ["not_in_channel", "Invite the app"],
    ["channel_not_found", "Invite the app"],
    ["is_archived", "Unarchive"],
    ["missing_scope", "scopes"],
    ["invalid_auth", "bot token"],
  ])("%s comes with what to do", async (error, next) => {
    slack.fault("chat.postMessage", { kind: "error", error });
    await expect(client.call("chat.postMessage", {}, "post")).rejects.toMatchObject({
      code: "SLACK_REFUSED",
      reason: error,
      next: expect.stringContaining(next),
    });
  });
});
