import { describe, expect, it } from "vitest";
import { checkModel, checkUsage } from "../../../src/app/doctor/admin.ts";
import { checkAudit } from "../../../src/app/doctor/audit.ts";
import { checkConfiguration, checkSecrets } from "../../../src/app/doctor/configuration.ts";
import { checkPublicUrl } from "../../../src/app/doctor/public-url.ts";
import { checkRedis } from "../../../src/app/doctor/redis.ts";
import { checkSlack } from "../../../src/app/doctor/slack.ts";
import { checkChannels } from "../../../src/app/doctor/slack-channels.ts";
import type { AdminKey, KeyAdmin, UsageWindow } from "../../../src/ports/key-admin.ts";
import type { ChainVerdict } from "../../../src/ports/audit.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { longestPause } from "../../../src/schedule/longest-pause.ts";
import { DAY, HOUR, NOON } from "../../support/records.ts";
import { someApprovers, someSettings } from "../../support/settings.ts";
import { slackOf, ward } from "./support.ts";

it.each([
  { name: "redis", version: "7.2.4", level: "pass" },
  { name: "redis", version: "6.2.0", level: "pass" },
  { name: "redis", version: "6.0.16", level: "warn" },
  { name: "redis", version: "4.0.14", level: "fail" },
  { name: "valkey", version: "8.0.1", level: "pass" },
  { name: "redis", version: null, level: "warn" },
])("$name $version: $level", async ({ name, version, level }) => {
  const { surroundings } = ward();
  const patient = await surroundings().redis();
  const lines = await checkRedis({
    redis: () => Promise.resolve({ ...patient, product: () => Promise.resolve({ name, version }) }),
  });
  expect(lines.find((line) => line.name === "redis version")?.level).toBe(level);
});

it("a Redis that refuses one question still answers the others", async () => {
  const patient = await ward().surroundings().redis();
  const safety = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
  const lines = await checkRedis({ redis: () => Promise.resolve({ ...patient, safety }) });
  expect(lines.map(({ name, level }) => [name, level])).toEqual([
    ["redis", "pass"],
    ["redis version", "pass"],
    ["redis", "fail"],
  ]);
});

describe("usage (R13)", () => {
  const usage = async (given: Partial<UsageWindow> | Error, keys: string[] = ["apikey_1"]) => {
    const admin: Partial<KeyAdmin> = {
      listKeys: async function* () {
        yield keys.map((id) => ({ id }) as AdminKey);
      },
      usage: () =>
        given instanceof Error
          ? Promise.reject(given)
          : Promise.resolve({ source: "analytics", ...given } as UsageWindow),
    };
    return checkUsage(ward().surroundings({ admin: admin as KeyAdmin }));
  };
  it.each([
    { when: "it answers", given: { freshUntil: NOON }, level: "pass" },
    { when: "its freshness is unknown", given: { freshUntil: null }, level: "warn" },
    { when: "it is refused", given: new KeyturnError("ADMIN_DENIED"), level: "fail" },
    { when: "it is away", given: new KeyturnError("ADMIN_UNAVAILABLE"), level: "fail" },
  ])("when $when: $level", async ({ given, level }) => {
    expect(await usage(given)).toMatchObject([{ name: "usage data", level }]);
  });
  it("an organization without keys is asked nothing", async () => {
    expect(await usage(new Error("asked"), [])).toMatchObject([{ level: "pass" }]);
  });
});

it.each([
  ["claude-haiku-4-5", "pass"],
  ["claude-sonnet-4.5-20260101", "pass"],
  ["Claude Haiku", "warn"],
  ["gpt-4", "warn"],
])("the model %s: %s", (verifyModel, level) => {
  expect(checkModel(ward().surroundings({ settings: someSettings({ verifyModel }) }))).toMatchObject([{ level }]);
});

describe("the audit log", () => {
  const intact: ChainVerdict = { intact: true, head: null, entries: 3, epochs: 1, unshippedTail: 0, source: "a.jsonl" };
  const audit = (verdict: ChainVerdict | "late", more: object = {}) => {
    const { surroundings, clock } = ward();
    const verify = () => (verdict === "late" ? new Promise<never>(() => undefined) : Promise.resolve(verdict));
    const part = { file: "a.jsonl", writable: () => Promise.resolve({ exists: true }), verify, ...more };
    const running = checkAudit(surroundings({ audit: { ...surroundings().audit, ...part } }));
    return { running, clock };
  };
  it.each([
    { is: "intact", verdict: intact, level: "pass" },
    { is: "intact, with a tail", verdict: { ...intact, unshippedTail: 2 }, level: "warn" },
    { is: "intact, with torn lines", verdict: { ...intact, tornLines: 1 }, level: "warn" },
    {
      is: "broken",
      verdict: { intact: false, firstBad: { epoch: 1, seq: 7 }, why: "hash", entries: 9, source: "a" } as ChainVerdict,
      level: "fail",
    },
  ])("$is: $level", async ({ verdict, level }) => {
    expect((await audit(verdict).running)[1]).toMatchObject({ name: "audit chain", level });
  });
  it("a long chain is a warning, and its file's line stays", async () => {
    const { running, clock } = audit("late");
    await clock.turn(9000);
    expect((await running).map(({ name, level }) => [name, level])).toEqual([
      ["audit file", "pass"],
      ["audit chain", "warn"],
    ]);
  });
  it("no sink at all fails", async () => {
    expect(await audit(intact, { file: null, log: false }).running).toMatchObject([{ level: "fail" }]);
    expect(await audit(intact, { file: null, log: true }).running).toMatchObject([{ level: "warn" }]);
  });
});

describe("the public URL", () => {
  const asked = (publicUrl: string | null, more: object = {}) =>
    checkPublicUrl(ward().surroundings({ settings: someSettings({ publicUrl }), ...more }));
  it.each([
    ["https://keyturn.example.com", "pass"],
    ["http://127.0.0.1:8080", "pass"],
    ["http://localhost:8080", "pass"],
    ["http://127.evil.example.com", "fail"],
    ["http://keyturn.example.com", "fail"],
    [null, "pass"],
  ])("%s: %s", async (url, level) => expect(await asked(url)).toMatchObject([{ name: "public URL", level }]));
  it("not set, with Slack: a warning", async () => {
    expect(await asked(null, { slack: slackOf({}) })).toMatchObject([{ level: "warn" }]);
  });
  it("a redirect, an error page, silence: a warning each", async () => {
    for (const answer of [
      { status: 302, json: null },
      { status: 503, json: { status: "failing" } },
      { status: null, why: "ECONNREFUSED" },
    ])
      expect(await asked("https://x.example", { fetchJson: () => Promise.resolve(answer) })).toMatchObject([
        { level: "warn" },
      ]);
  });
});

describe("Slack", () => {
  const scopes = (...names: string[]) => ({ "auth.test": { team_id: "T1", response_metadata: { scopes: names } } });
  const settings = (fourEyes: boolean, groups: string[]) =>
    someSettings({ approvers: someApprovers({ slack: { users: ["U1"], groups }, fourEyes }) });
  const base = ["chat:write", "commands", "im:write", "users:read"];
  it.each([
    { has: base, level: "pass" },
    { has: base, groups: ["S1"], level: "fail" },
    { has: [...base, "usergroups:read"], groups: ["S1"], level: "pass" },
    { has: base, fourEyes: true, level: "fail" },
    { has: [...base, "users:read.email"], fourEyes: true, level: "pass" },
    { has: base.slice(0, 1), level: "warn" },
  ])(
    "scopes $has, four eyes $fourEyes, groups $groups: $level",
    async ({ has, fourEyes = false, groups = [], level }) => {
      const lines = await checkSlack({ settings: settings(fourEyes, groups) }, slackOf(scopes(...has)));
      expect(lines.filter(({ name }) => name === "slack scopes").map((line) => line.level)).toContain(level);
    },
  );
  it("with signIn.oidc the address is needed: the page of a one-time link knows its person by it", async () => {
    const given = { ...settings(false, []), linksNeedSignIn: true };
    const lines = await checkSlack({ settings: given }, slackOf(scopes(...base)));
    expect(lines.find(({ level }) => level === "fail")?.message).toContain(
      "users:read.email is missing: one-time links",
    );
  });
  it("scopes that Slack does not name are unknown, not missing (P12)", async () => {
    const lines = await checkSlack({ settings: settings(false, []) }, slackOf({ "auth.test": { team_id: "T1" } }));
    expect(lines.find(({ name }) => name === "slack scopes")?.level).toBe("warn");
  });
  const refused = (reason: string) => new KeyturnError("SLACK_REFUSED", `(${reason})`, { reason });
  it.each([
    { info: refused("missing_scope"), link: refused("message_not_found"), level: "pass" },
    { info: refused("missing_scope"), link: refused("channel_not_found"), level: "fail" },
    { info: refused("missing_scope"), link: new KeyturnError("SLACK_UNAVAILABLE"), level: "warn" },
    { info: refused("channel_not_found"), link: refused("message_not_found"), level: "fail" },
    { info: { channel: { name: "keys", is_member: true } }, link: refused("x"), level: "pass" },
    { info: { channel: { name: "keys", is_member: false } }, link: refused("x"), level: "fail" },
    { info: new KeyturnError("SLACK_UNAVAILABLE"), link: refused("x"), level: "fail" },
  ])("a channel: $info, $link: $level", async ({ info, link, level }) => {
    const channels = [{ id: "C1", path: "slack.channel" }];
    const slack = slackOf({ "conversations.info": info, "chat.getPermalink": link }, { channels });
    expect(await checkChannels(slack)).toMatchObject([{ name: "slack channel C1", level }]);
  });
  it("300 channels are asked about in part", async () => {
    const channels = Array.from({ length: 300 }, (_, i) => ({ id: `C${i}`, path: `targets.t${i}.channel` }));
    const slack = slackOf({ "conversations.info": { channel: { is_member: true } } }, { channels });
    const lines = await checkChannels(slack);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)?.message).toContain("280 more");
  });
});

it("secrets: one line when all can be read, one for each that cannot", () => {
  const bad = (path: string) => ({
    path,
    ref: "env:X",
    check: () => {
      throw new KeyturnError("CONFIG_INVALID", `${path}: env:X: not set.`, { next: "Set X." });
    },
  });
  const good = { path: "a", ref: "env:A", check: () => undefined };
  const lines = (...secrets: (typeof good)[]) => checkSecrets(ward().surroundings({ secrets }));
  expect(lines(good, good)).toMatchObject([{ name: "secrets", level: "pass", message: "2 references can be read" }]);
  expect(lines(good, bad("b"), bad("c"))).toMatchObject([
    { name: "secret b", level: "fail", fix: "Set X." },
    { name: "secret c", level: "fail" },
  ]);
});

it("a hundred warnings of the configuration are twenty lines and a count", () => {
  const warnings = Array.from({ length: 100 }, (_, i) => ({ path: `targets.t${i}`, message: "short" }));
  const lines = checkConfiguration(ward().surroundings({ configuration: { file: "k.yaml", stores: [], warnings } }));
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)).toMatchObject({ level: "warn", message: "80 more warnings" });
});

it.each([
  { pattern: "*/15 * * * *", pause: HOUR / 4 },
  { pattern: "0 9 * * 1-5", pause: 3 * DAY },
  { pattern: "0 9 1 * *", pause: 31 * DAY },
  { pattern: "* * * * * *", pause: 1000 },
  { pattern: "*/5 9-17 * * 1-5", pause: 2 * DAY + 15 * HOUR + 5 * 60_000 },
  { pattern: "0 0 1 1 *", pause: 365 * DAY },
])("the longest pause of $pattern", ({ pattern, pause }) => {
  expect(longestPause(pattern, "UTC", NOON)).toBe(pause);
});
