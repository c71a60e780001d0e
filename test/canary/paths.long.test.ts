import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeAdminKey, makeKey, makeOauthToken } from "../support/keys.ts";
import { POLICY } from "../e2e/installation.ts";
import { type Watched, watched } from "./watched.ts";

/** P3: no key text, whole or part beyond the hint, in anything that leaves the process. */
let at: Watched;
let outgoing: { id: string; text: string };
beforeEach(async () => {
  at = await watched(POLICY);
  outgoing = await at.target("billing", 100);
});
afterEach(() => at.close());

const DESTINATION = "billing.env";
const COMPANION = ".billing.env.keyturn-pending";
const OPEN = [DESTINATION, COMPANION];

async function opened(): Promise<string> {
  await at.run(0, ["rotate", "billing"]);
  await at.run(0, ["approve", "billing"]);
  return (await at.show("billing")).id;
}

describe("P3: the whole life of a rotation", () => {
  it("under `serve`, from proposal to archive, with every command that prints something", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "1s" }, schedule: { scan: "* * * * *", timeZone: "UTC" } });
    const server = at.start(["serve"]);
    while (!server.stderr().includes("serve.ready")) await pause(20);
    const port = /"httpPort":(\d+)/.exec(server.stderr())?.[1] ?? "";
    await at.run(0, ["wait", "billing", "--for", "awaiting_approval", "--timeout", "20s"]).catch(() => undefined);
    await at.run(0, ["approve", "billing"]);
    const replacement = await at.make("replacement");
    for (const path of [
      "/livez",
      "/readyz",
      "/startupz",
      "/",
      `/${replacement.text}`,
      `/livez?key=${replacement.text}`,
    ]) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { "x-api-key": replacement.text } });
      at.keep(`HTTP ${answer.status}`, `${JSON.stringify([...answer.headers])}${await answer.text()}`);
    }
    await at.run(0, ["submit", "billing"], `${replacement.text}\n`);
    await at.run(0, ["submit", "billing", "--json"], replacement.text);
    await at.run(0, ["wait", "billing", "--for", "completed", "--timeout", "30s"]);
    for (const words of [
      "list --all",
      "list --all --json",
      "show billing",
      "plan",
      "report",
      "report --json",
      "audit verify",
      "audit export",
      "audit export --format csv",
      "config check --json",
      "scan --dry-run",
    ]) {
      await at.run(0, words.split(" "));
    }
    await expect.poll(() => at.findings([DESTINATION]), { timeout: 10_000 }).toEqual([]);
    server.process.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
    expect(await at.value("billing")).toBe(replacement.text);
    expect(await at.findings([DESTINATION])).toEqual([]);
  });

  it("by run-once, with reinstate, retry and a cancel: pending and previous places are empty at the end", async () => {
    const id = await opened();
    const replacement = await at.make("replacement");
    await at.run(0, ["submit", id], replacement.text);
    await at.until(id, "grace_period");
    await at.run(0, ["reinstate", id]);
    await at.until(id, "reinstated");
    expect(await at.findings(OPEN)).toEqual([]);
    await at.run(0, ["cancel", id]);
    await at.until(id, "cancelled");
    await at.run(0, ["run-once"]);
    expect(await at.value("billing")).toBe(outgoing.text);
    expect(await at.findings([DESTINATION])).toEqual([]);
  });
});

describe("P3: refusals", () => {
  it("of every kind", async () => {
    const id = await opened();
    const disabled = await at.make("disabled");
    await at.console.disableKey(disabled.id);
    const brief = await at.make("brief", { expiresInMs: 3_600_000 });
    const other = await at.console.createWorkspace("other");
    const elsewhere = await at.make("elsewhere", { workspaceId: other.id });
    const unknown = at.watch("unknown key", makeKey("unknown"));
    const admin = at.watch("another Admin key", makeAdminKey("another"));
    const oauth = at.watch("OAuth token", makeOauthToken("another"));
    const rows: [string, string][] = [
      ["empty", ""],
      ["several_lines", `${unknown}\n${outgoing.text}\n`],
      ["assignment", `export ANTHROPIC_API_KEY=${unknown}`],
      ["quoted", `"${unknown}"`],
      ["hint_pasted", `${unknown.slice(0, 60)}...${unknown.slice(-4)}`],
      ["not_printable", `${unknown.slice(0, 50)}\u0007${unknown.slice(50)}`],
      ["too_long", unknown.repeat(10)],
      ["too_long", unknown.repeat(1000)],
      ["admin_key", admin],
      ["oauth_token", oauth],
      ["not_a_key", `key ${unknown}`.replace(" ", "_")],
      ["outgoing_key", outgoing.text],
      ["unknown_key", unknown],
      ["key_not_active", disabled.text],
      ["expires_too_soon", brief.text],
      ["wrong_workspace", elsewhere.text],
    ];
    for (const [code, text] of rows) {
      const ran = await at.run(65, ["submit", id, "--json"], text);
      expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code } });
    }
    await Promise.all([
      at.run(65, ["submit", id], unknown),
      at.run(65, ["submit", id], `${unknown}\n${unknown}`),
    ]).catch(() => undefined);
    expect(await at.findings([DESTINATION])).toEqual([]);
  });

  it("of a key on the command line, wherever it stands: it is not even asked for in Redis", async () => {
    const id = await opened();
    const key = at.watch("key as an argument", makeKey("argument"));
    const lines = [
      ["submit", id, key],
      ["submit", key],
      [key],
      ["show", key],
      ["submit", id, "--key-id", key],
      ["submit", id, `--key=${key}`],
      ["reject", id, "--reason", key],
      ["list", "--state", key],
      ["hold", key],
      ["help", key],
      ["scan", `--${key}`],
      ["wait", id, "--for", key],
    ];
    for (const ran of await Promise.all(lines.map((args) => at.run(64, [...args, "--json"])))) {
      expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "usage" } });
    }
    // Whoever types it puts it into the arguments of the process; all else is ours.
    const found = await at.findings([DESTINATION]);
    expect(found.filter((line) => !line.includes("in arguments of"))).toEqual([]);
  });

  it("of configurations with a key written into them", async () => {
    const literal = at.watch("key in the configuration", makeAdminKey("literal"));
    const file = join(at.dir, "literal.yaml");
    const rows = [
      `anthropic: { adminKey: ${literal} }`,
      `anthropic: { adminKey: "env:${literal}" }`,
      `anthropic: { adminKey: "file:/nowhere/${literal}" }`,
      `anthropic:\n  adminKey: ${literal}\n bad indentation: [`,
      `anthropic: { ${literal}: yes }`,
      `redis: { url: "redis://user:${literal}@127.0.0.1:1" }`,
      `redis: { url: ${literal} }`,
      `holds: [${literal}]\nanthropic: { adminKey: "env:NOWHERE" }`,
      `targets: { ${literal}: { destinations: [{ store: nowhere, secret: ${literal} }] } }`,
    ];
    for (const text of rows) {
      await writeFile(file, text);
      const lines = [
        ["config", "check"],
        ["config", "check", "--json"],
        ["list", "--json"],
      ];
      const ended = await Promise.all(lines.map((words) => at.start([...words, `--config=${file}`]).ended));
      for (const ran of ended) expect([0, 69, 78]).toContain(ran.code);
    }
    expect(await at.findings([DESTINATION, "literal.yaml"])).toEqual([]);
  });
});
