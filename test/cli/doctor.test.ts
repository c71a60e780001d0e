import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/app/doctor/doctor.ts";
import { doctorText } from "../../src/cli/format/doctor.ts";
import { referencesOf } from "../../src/doctor/references.ts";
import { loadConfig } from "../../config/load.ts";
import { document } from "../support/cli.ts";
import { bench, runner } from "./bench.ts";

const at = bench();
const run = runner(at);

describe("doctor", () => {
  it("a Redis in memory is the one thing that fails here; 1, and everything else is looked at", async () => {
    const ran = await run("doctor", "--json");
    const report = document(ran) as unknown as DoctorReport;
    const failed = report.checks.filter(({ level }) => level === "fail");
    expect(failed.map(({ name, fix }) => [name, fix])).toEqual([
      ["redis persistence", "Use redis-server or valkey-server."],
    ]);
    expect([ran.code, report.schema, report.ok, Object.keys(document(ran))]).toEqual([
      1,
      1,
      false,
      ["schema", "ok", "checks"],
    ]);
    for (const check of report.checks) expect(Object.keys(check)).toEqual(["name", "level", "message", "fix"]);
    const text = await run("doctor");
    expect([text.code, text.stderr]).toEqual([1, ""]);
    expect(text.stdout).toMatch(/\nNot ready: \d+ pass, \d+ warn, 1 fail\.\n$/);
    expect(text.stdout + ran.stdout).not.toContain(at.outgoing.text.slice(-12));
  });

  it("a configuration with mistakes is 78 with the mistakes, and takes no arguments", async () => {
    await writeFile(at.lab.configFile, `${await readFile(at.lab.configFile, "utf8")}\nsurprise: 1\n`);
    const ran = await run("doctor");
    expect([ran.code, ran.stdout]).toEqual([78, ""]);
    expect(ran.stderr).toContain("surprise");
    expect((await run("doctor", "now")).code).toBe(64);
  });

  it("every reference of the configuration is looked at, wherever it stands", async () => {
    const secret = `file:${join(at.lab.dir, "admin-key")}`;
    await at.lab.configure({
      redis: { sentinels: { master: "m", nodes: ["a:1"], password: "env:A" }, password: "env:B" },
      slack: { botToken: "env:C", signingSecret: ["env:D", "env:E"], appToken: "env:F", channel: "C0KEYS" },
      signIn: { token: "env:G" },
      api: { tokens: { ops: { token: "env:H", scopes: ["read"] } } },
      webhooks: { pager: { url: "https://x.example", secret: "env:I" } },
    });
    const found = referencesOf(loadConfig({ path: at.lab.configFile }).config);
    expect(found.map(({ path, ref }) => `${path} ${ref}`).toSorted()).toEqual([
      `anthropic.adminKey ${secret}`,
      "api.tokens.ops.token env:H",
      "redis.password env:B",
      "redis.sentinels.password env:A",
      "signIn.token env:G",
      "slack.appToken env:F",
      "slack.botToken env:C",
      "slack.signingSecret[0] env:D",
      "slack.signingSecret[1] env:E",
      "webhooks.pager.secret env:I",
    ]);
  });

  it("names from outside are shown, not obeyed, and one long name does not move all messages", () => {
    const line = (name: string, message: string) => ({ name, level: "pass" as const, message, fix: null });
    const text = doctorText({ checks: [line("x".repeat(80), "evil \u001b[2J"), line("redis", "answers")] });
    expect(text).not.toContain("\u001b");
    expect(text.split("\n")[1]).toBe(`pass  ${"redis".padEnd(34)}  answers`);
  });
});
