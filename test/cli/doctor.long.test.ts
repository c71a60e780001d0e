import { link, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/app/doctor/doctor.ts";
import type { Finding } from "../../src/app/doctor/finding.ts";
import { type Ran, document, keyturn, spawnKeyturn } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { ALL_SCOPES, type Clinic, POLICY, STRAY, openClinic } from "./doctor-clinic.ts";

let redis: RedisServer;
let at: Clinic;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.client.flushall();
  at = await openClinic(redis.url);
});
afterEach(() => at.close());

const reportOf = (ran: Ran): DoctorReport => document(ran) as unknown as DoctorReport;
const notPassed = (report: DoctorReport): Finding[] => report.checks.filter(({ level }) => level !== "pass");

describe("a healthy installation", () => {
  it("passes in every line but those about plain http to the simulated API, and exits 0", async () => {
    const ran = await at.doctor("--json");
    const report = reportOf(ran);
    expect(notPassed(report).map(({ name, message }) => [name, message])).toEqual([
      ["configuration", "anthropic.baseUrl: plain http: keys travel unencrypted"],
    ]);
    expect([ran.code, report.schema, report.ok]).toEqual([0, 1, true]);
    expect(report.checks.map(({ name }) => name)).toEqual([
      "configuration",
      "configuration",
      "secrets",
      "redis",
      "redis version",
      "redis eviction",
      "redis persistence",
      "admin key",
      "usage data",
      "verify model",
      "clocks",
      "store files",
      "destination files:billing.env#ANTHROPIC_API_KEY",
      "audit file",
      "slack token",
      "slack scopes",
      "slack clicks",
      "slack channel C0KEYS",
      "slack group S0APPROVERS",
      "slack people",
      "approvals",
      "public URL",
      "webhooks",
      "replicas",
      "schedule",
    ]);
    for (const { level, fix } of report.checks) expect(fix === null).toBe(level === "pass");
    const guide = await readFile(join(import.meta.dirname, "../../docs/doctor.md"), "utf8");
    for (const { name } of report.checks)
      expect(guide).toContain(`\`${name.replace(/^((store|destination|slack (channel|group|person)) ).*/, "$1<")}`);
  });

  it("changes nothing: not a file, not a key in Redis, not a request that writes, not a message", async () => {
    const files = async () => {
      const names = (await readdir(at.lab.dir)).toSorted();
      return Promise.all(names.map(async (name) => [name, await readFile(join(at.lab.dir, name), "utf8")]));
    };
    const before = await files();
    await at.doctor();
    expect(await files()).toEqual(before);
    expect(await redis.client.keys("*")).toEqual([]);
    expect((await at.lab.console.requests()).filter(({ method }) => method !== "GET")).toEqual([]);
    expect(at.slack.messages()).toEqual([]);
  });

  it("Redis is asked for nothing that writes, also where an installation is at work", async () => {
    expect((await keyturn(["scan", "--config", at.lab.configFile])).code).toBe(0);
    await redis.client.config("RESETSTAT");
    await at.doctor();
    const stats = await redis.client.info("commandstats");
    const asked = [...stats.matchAll(/^cmdstat_([a-z|]+):/gm)].map(([, name]) => name ?? "");
    expect(asked).toContain("info");
    const writes: string[] = [];
    for (const name of asked) {
      const [info] = (await redis.client.call("COMMAND", "INFO", name)) as [[string, number, string[]] | null];
      if (info?.[2].includes("write") === true) writes.push(name);
    }
    expect(writes).toEqual([]);
  });

  it("is one line of JSON for whoever collects lines, without colours, within its bound", async () => {
    const { stdout } = await at.doctor("--json");
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect((await at.doctor()).stdout).not.toContain("\u001b");
  });

  it("is readable on a terminal: one line per check, the fix below, a count at the end", async () => {
    const { stdout, code } = await at.doctor();
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines.slice(0, -2)) expect(line).toMatch(/^(pass|warn|fail) {2}\S.* {2}\S|^ {6}→ \S/);
    expect(lines.at(-1)).toBe("Ready, with warnings: 24 pass, 1 warn, 0 fail.");
  });

  it("works while serve runs, which goes on; timers are then looked after by it", async () => {
    await at.configure({ http: { port: 0, publicUrl: at.publicUrl } });
    const serve = spawnKeyturn(["serve", "--config", at.lab.configFile], { env: { KEYTURN_LOG_LEVEL: "info" } });
    try {
      while (!serve.stderr().includes("serve.ready")) await pause(50);
      const schedule = async () =>
        reportOf(await at.doctor("--json")).checks.find(({ name }) => name === "schedule")?.message;
      await expect.poll(schedule).toContain("1 serving now");
      expect((await keyturn(["scan", "--dry-run", "--config", at.lab.configFile])).code).toBe(0);
      expect(serve.process.exitCode).toBe(null);
    } finally {
      serve.process.kill("SIGTERM");
      expect((await serve.ended).code).toBe(0);
    }
  });

  it("a configuration that is not in use yet is not announced: a serve beside it keeps its right to act (R15)", async () => {
    const app = await at.lab.app();
    await at.configure({ policy: { ...POLICY, maxAge: "30d" } });
    expect((await at.doctor()).code).toBe(0);
    expect(await app.deps.registry.isNewest()).toBe(true);
  });
});

interface Broken {
  is: string;
  breaks(): Promise<unknown>;
  /** The line as people see it: level, name, message. */
  line: [Finding["level"], string, string | RegExp];
  /** In its fix. */
  fix: string;
}

const slackPart = async (more: Record<string, unknown>): Promise<void> => {
  const config = (await readFile(at.lab.configFile, "utf8")).match(/apiUrl: (\S+)/)?.[1];
  await at.configure({
    slack: {
      botToken: `file:${at.lab.dir}/bot-token`,
      signingSecret: `file:${at.lab.dir}/signing-secret`,
      channel: at.slack.channel,
      apiUrl: config,
      ...more,
    },
  });
};
const NOWHERE = "http://127.0.0.1:9";
const BILLING = "destination files:billing.env#ANTHROPIC_API_KEY";

const BROKEN: Broken[] = [
  {
    is: "the Admin key's file is not there",
    breaks: () => rm(join(at.lab.dir, "admin-key")),
    line: ["fail", "secret anthropic.adminKey", /^The configuration.*admin-key: the file cannot be read \(ENOENT\)\.$/],
    fix: "Check the path",
  },
  {
    is: "a variable is not set",
    breaks: () => slackPart({ botToken: "env:KEYTURN_TEST_UNSET" }),
    line: ["fail", "secret slack.botToken", /the environment variable is not set\.$/],
    fix: "Set KEYTURN_TEST_UNSET.",
  },
  {
    is: "a webhook's secret is too short",
    breaks: () => at.secret("webhook", "short"),
    line: ["fail", "secret webhooks.pager.secret", /24 characters or more/],
    fix: "keyturn config check",
  },
  {
    is: "an API token is too short",
    breaks: () => at.secret("api-token", "short"),
    line: ["fail", "secret api.tokens.ops.token", /fewer than 32 characters/],
    fix: "openssl rand -base64 32",
  },
  {
    is: "the Admin key is another's",
    breaks: () => at.secret("admin-key", `${at.lab.sandbox.adminKey.slice(0, -4)}xxxx`),
    line: ["fail", "admin key", /^The Admin API refused the Admin key\..*401/],
    fix: "anthropic.adminKey",
  },
  {
    is: "the Admin API does not answer",
    breaks: () => at.configure({ anthropic: { adminKey: `file:${at.lab.dir}/admin-key`, baseUrl: NOWHERE } }),
    line: ["fail", "admin key", /^The Admin API did not answer as expected/],
    fix: "anthropic.baseUrl",
  },
  {
    is: "something stands between us and the Admin API",
    breaks: () =>
      at.lab.console.addFault({
        match: { path: "organizations/me" },
        times: null,
        fault: { kind: "html", status: 200 },
      }),
    line: ["fail", "admin key", /text\/html instead of application\/json/],
    fix: "proxy",
  },
  {
    is: "the verify model is no model",
    breaks: () =>
      at.configure({
        anthropic: { adminKey: `file:${at.lab.dir}/admin-key`, baseUrl: at.lab.sandbox.url, verifyModel: "gpt 4" },
      }),
    line: ["warn", "verify model", '"gpt 4" does not look like the name of a model'],
    fix: "anthropic.verifyModel",
  },
  {
    is: "the Admin API's clock is 10 minutes ahead (R24)",
    breaks: () => skewed(10 * 60_000),
    line: ["fail", "clocks", /^the Admin API is (599|600|601) s ahead of .*no key is deactivated or archived \(R24\)$/],
    fix: "NTP",
  },
  {
    is: "the Admin API's clock is a minute behind",
    breaks: () => skewed(-60_000),
    line: ["warn", "clocks", /^(this machine|Redis) is (60|61) s ahead of the Admin API$/],
    fix: "NTP",
  },
  {
    is: "Redis is not there",
    breaks: () => at.configure({ redis: { url: "redis://127.0.0.1:9" } }),
    line: ["fail", "redis", /^Redis .*127\.0\.0\.1:9: ECONNREFUSED\)/],
    fix: "edis",
  },
  {
    is: "Redis evicts",
    breaks: () => redisSetting("maxmemory-policy", "allkeys-lru", "noeviction"),
    line: ["fail", "redis eviction", "maxmemory-policy is allkeys-lru, wanted is noeviction"],
    fix: "config set maxmemory-policy noeviction",
  },
  {
    is: "Redis keeps nothing",
    breaks: () => redisSetting("appendonly", "no", "yes"),
    line: ["fail", "redis persistence", "appendonly is no, wanted is yes"],
    fix: "config set appendonly yes",
  },
  {
    is: "the secret is not there",
    breaks: () => rm(join(at.lab.dir, "billing.env")),
    line: ["fail", BILLING, /^it does not exist, or its field is empty|^The secret or its field does not exist/],
    fix: "",
  },
  {
    is: "the field is empty",
    breaks: () => at.lab.setValue("billing", ""),
    line: ["fail", BILLING, "it does not exist, or its field is empty"],
    fix: "Put the key in use there once",
  },
  {
    is: "the value is no key",
    breaks: () => at.lab.setValue("billing", "changeme"),
    line: ["warn", BILLING, "readable and writable, but its value does not look like an API key"],
    fix: "Correct the secret or the field",
  },
  {
    is: "a second name of the file would go on showing the old key",
    breaks: () => link(join(at.lab.dir, "billing.env"), join(at.lab.dir, "second.env")),
    line: ["fail", BILLING, /^The secret is in a state that Keyturn will not overwrite/],
    fix: "Look at the secret in its manager",
  },
  {
    is: "another installation has an open rotation there (R23)",
    breaks: () => markedBy("other", "rot_0123456789abcdefghij"),
    line: ["fail", BILLING, 'installation "other" has an open rotation here'],
    fix: "Take it out of the configuration of one of the two",
  },
  {
    is: "another installation rotated it last",
    breaks: () => markedBy("other", null),
    line: ["warn", BILLING, 'readable and writable; installation "other" rotated it last'],
    fix: "only one installation",
  },
  {
    is: "a store is left over",
    breaks: () =>
      at.configure({
        stores: {
          files: { type: "dotenv-file", directory: at.lab.dir },
          old: { type: "dotenv-file", directory: "/nowhere" },
        },
      }),
    line: ["warn", "store old", "no target and no rule uses it"],
    fix: "Remove it",
  },
  {
    is: "the audit file can never be made",
    breaks: () => at.configure({ audit: { file: join(at.lab.dir, "admin-key", "audit.jsonl"), log: false } }),
    line: ["fail", "audit file", /audit\.jsonl: ENOTDIR\)$/],
    fix: "audit.file",
  },
  {
    is: "the audit file is a folder",
    breaks: () => at.configure({ audit: { file: at.lab.dir, log: false } }),
    line: ["fail", "audit file", /: not a file\)$/],
    fix: "Name a file in audit.file",
  },
  {
    is: "a record of the audit log was changed",
    breaks: async () => {
      await hold();
      const text = await readFile(at.lab.auditFile, "utf8");
      await writeFile(at.lab.auditFile, text.replace('"via":"cli"', '"via":"api"'));
    },
    line: ["fail", "audit chain", /^broken at record \d+ \(epoch \d+\): /],
    fix: "keyturn audit verify",
  },
  {
    is: "the audit file is gone, and Redis has a chain",
    breaks: async () => {
      await hold();
      await rm(at.lab.auditFile);
    },
    line: ["warn", "audit file", /does not exist here, although the chain has records up to \d+$/],
    fix: "docs/recovery.md",
  },
  {
    is: "the bot token was revoked",
    breaks: () => at.secret("bot-token", ["xoxb", "another", "token"].join("-")),
    line: ["fail", "slack token", /\(auth\.test: invalid_auth\)/],
    fix: "Install the app again",
  },
  {
    is: "Slack answers 500",
    breaks: async () => at.answers.set("auth.test", 500),
    line: ["fail", "slack token", /http_500/],
    fix: "",
  },
  {
    is: "the token belongs to another workspace",
    breaks: () => slackPart({ teamId: "T0OTHER" }),
    line: ["fail", "slack workspace", /^slack\.teamId is T0OTHER, the token belongs to T0SANDBOX/],
    fix: "Correct slack.teamId",
  },
  {
    is: "the token belongs to another app",
    breaks: async () => {
      at.answers.set("bots.info", { ok: true, bot: { app_id: "A0REAL" } });
      await slackPart({ appId: "A0OTHER" });
    },
    line: ["fail", "slack app", /^slack\.appId is A0OTHER, the token belongs to A0REAL/],
    fix: "Correct slack.appId",
  },
  ...["chat:write", "users:read", "usergroups:read"].map((scope): Broken => ({
    is: `the scope ${scope} is missing`,
    breaks: async () => void (at.scopes = ALL_SCOPES.filter((one) => one !== scope)),
    line: ["fail", "slack scopes", new RegExp(`^${scope} is missing: `)],
    fix: "docs/slack.md",
  })),
  {
    is: "the scope im:write is missing",
    breaks: async () => void (at.scopes = ALL_SCOPES.filter((one) => one !== "im:write")),
    line: ["warn", "slack scopes", "im:write is missing: one-time links are not sent in a private message"],
    fix: "docs/slack.md",
  },
  {
    is: "the app-level token is refused",
    breaks: async () => {
      at.answers.set("apps.connections.open", { ok: false, error: "invalid_auth" });
      await slackPart({ appToken: await at.secret("app-token", "a".repeat(40)) });
    },
    line: ["fail", "slack clicks", /^Socket Mode: .*\(apps\.connections\.open: invalid_auth\)/],
    fix: "connections:write",
  },
  {
    is: "the channel does not exist",
    breaks: () => slackPart({ channel: "C0NOWHERE" }),
    line: ["fail", "slack channel C0NOWHERE", "slack.channel: the app does not see this channel"],
    fix: "/invite",
  },
  {
    is: "the channel is archived",
    breaks: async () =>
      at.answers.set("conversations.info", { ok: true, channel: { name: "keys", is_archived: true, is_member: true } }),
    line: ["fail", "slack channel C0KEYS", "#keys (slack.channel) is archived"],
    fix: "Unarchive",
  },
  {
    is: "the app is not in the channel",
    breaks: async () =>
      at.answers.set("conversations.info", {
        ok: true,
        channel: { name: "keys", is_archived: false, is_member: false },
      }),
    line: ["fail", "slack channel C0KEYS", "the app is not in #keys (slack.channel)"],
    fix: "/invite",
  },
  {
    is: "the user group does not exist",
    breaks: () => at.configure({ approvers: { slack: { users: ["U0ANA"], groups: ["S0NOBODY"] } } }),
    line: ["fail", "slack group S0NOBODY", /no_such_subteam/],
    fix: "approvers.slack.groups",
  },
  {
    is: "an approver does not exist",
    breaks: () => at.configure({ approvers: { slack: { users: ["U0ANA", "U0NOBODY"] } } }),
    line: ["fail", "slack person U0NOBODY", "Slack knows no such person"],
    fix: "Correct approvers.slack.users.",
  },
  {
    is: "an approver left",
    breaks: async () => {
      const user = { id: "U0ANA", team_id: at.slack.teamId, deleted: true, profile: {} };
      at.answers.set("users.info", { ok: true, user });
      await at.configure({ approvers: { slack: { users: ["U0ANA"] } } });
    },
    line: ["warn", "slack person U0ANA", "may not decide: the account is deactivated"],
    fix: "Take the id out",
  },
  {
    is: "nobody may approve",
    breaks: () => at.configure({ approvers: { slack: { users: [], groups: [] } } }),
    line: ["fail", "approvals", "nobody may approve"],
    fix: "approvers",
  },
  {
    is: "more approvals are wanted than there are people",
    breaks: () =>
      at.configure({
        approvers: { slack: { users: ["U0ANA"] } },
        policy: { ...POLICY, approval: { required: true, approvals: 2 } },
      }),
    line: ["fail", "approvals", /^a policy asks for 2 approvals, and only 1 can be given/],
    fix: "Name more people",
  },
  {
    is: "four eyes are wanted, and only a terminal can approve (R21)",
    breaks: () => at.configure({ approvers: { cli: ["*"], fourEyes: true } }),
    line: ["fail", "approvals", /^approvers\.fourEyes needs an approver of Slack or OIDC, and there is none/],
    fix: "never counts as four eyes",
  },
  {
    is: "four eyes are wanted of one person (facts slack, section 14)",
    breaks: () => at.configure({ approvers: { slack: { users: ["U0ANA"] }, fourEyes: true } }),
    line: ["warn", "approvals", /^four eyes with one approver/],
    fix: "second person",
  },
  {
    is: "nothing answers at the public address",
    breaks: () => at.configure({ http: { publicUrl: NOWHERE } }),
    line: ["warn", "public URL", /\/livez does not answer from here: /],
    fix: "ingress",
  },
  {
    is: "something else answers at the public address",
    breaks: async () => Object.assign(at.livez, { body: "{}" }),
    line: ["warn", "public URL", /\/livez answers 200, but not as Keyturn does$/],
    fix: "ingress",
  },
  {
    is: "run-once alone, too seldom for the timers (R21)",
    breaks: () => at.configure({ schedule: { scan: "0 9 * * 1-5" } }),
    line: [
      "warn",
      "schedule",
      "no `serve` runs now; up to 3 days between runs at `0 9 * * 1-5` is more than half of propagation.limit (60 minutes)",
    ],
    fix: "run-once",
  },
  {
    is: "the usage endpoints refuse",
    breaks: () =>
      at.lab.console.addFault({
        match: { path: "usage|analytics" },
        times: null,
        fault: { kind: "html", status: 403 },
      }),
    line: ["fail", "usage data", /403/],
    fix: "keyturn proceed",
  },
];

describe("each broken installation has its line, and every other line stays", () => {
  it.each(BROKEN)("$is", async ({ breaks, line: [level, name, message], fix }) => {
    await breaks();
    const ran = await at.doctor("--json");
    const report = reportOf(ran);
    const about = (found: Finding) =>
      found.name === name && (typeof message === "string" ? found.message === message : message.test(found.message));
    const found = report.checks.find(about);
    expect(found ?? notPassed(report)).toMatchObject({ level, name });
    expect(found?.fix).toContain(fix);
    const failed = report.checks.filter((one) => one.level === "fail");
    expect([ran.code, report.ok]).toEqual(failed.length > 0 ? [1, false] : [0, true]);
    // One thing failing never hides another.
    const names = new Set(report.checks.map((one) => one.name.split(" ")[0]));
    for (const each of ["configuration", "redis", "usage", "verify", "clocks", "store", "audit", "public", "schedule"])
      expect(names).toContain(each);
    const text = await at.doctor();
    expect(text.code).toBe(ran.code);
    const lines = text.stdout.split("\n");
    const below = lines.filter((_, i) => lines[i - 1]?.startsWith(`${level}  ${name} `));
    expect(below).toContain(`      → ${found?.fix}`);
    // P3, in every one of them.
    for (const secret of [...at.secrets, STRAY])
      for (const output of [ran.stdout, text.stdout, text.stderr]) expect(output).not.toContain(secret.slice(-12));
  });
});

it("a configuration that does not load: 78, and the problem with its place", async () => {
  await writeFile(at.lab.configFile, "anthropic: { adminKey: plain }\n");
  const ran = await at.doctor("--json");
  expect([ran.code, document(ran)["error"]]).toEqual([78, expect.objectContaining({ code: "config_invalid" })]);
  expect((await at.doctor()).stderr).toContain("anthropic.adminKey");
});

async function hold(): Promise<void> {
  await at.configure({ approvers: { cli: ["*"] } });
  expect((await keyturn(["hold", at.key.id, "--config", at.lab.configFile])).code).toBe(0);
}

/** Every answer of the Admin API has another date. */
async function skewed(ms: number): Promise<void> {
  const date = new Date(Date.now() + ms).toUTCString();
  await at.lab.console.addFault({ times: null, fault: { kind: "headers", headers: { date } } });
}

/** For one test; the server is shared. */
async function redisSetting(name: string, value: string, again: string): Promise<void> {
  await redis.client.config("SET", name, value);
  restore = async () => void (await redis.client.config("SET", name, again));
}
let restore = async (): Promise<void> => undefined;
afterEach(async () => {
  await restore();
  restore = async () => undefined;
});

async function markedBy(install: string, rotation: string | null): Promise<void> {
  const app = await at.lab.app();
  const [dest] = app.deps.settings.targets.flatMap((target) => target.destinations);
  if (dest === undefined) throw new Error("no destination");
  const store = await app.deps.stores.of(dest);
  await store.mark(dest, { v: "1", install, ...(rotation === null ? {} : { rotation, rev: "3", phase: "stage" }) });
}
