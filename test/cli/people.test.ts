import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { keyturn } from "../support/cli.ts";
import { bench, runner } from "./bench.ts";

const at = bench();
const run = runner(at);

describe("what a person reads", () => {
  it.each([
    { typed: ["scna"], means: 'Did you mean "scan"?' },
    { typed: ["aprove", "x"], means: 'Did you mean "approve"?' },
    { typed: ["audit"], means: "audit verify, audit export" },
    { typed: ["config", "chek"], means: "config check" },
    { typed: ["scan", "--dryrun"], means: 'Did you mean "--dry-run"?' },
    { typed: ["rotate", "biling"], means: 'Did you mean "billing"?' },
    { typed: ["hold", "billin"], means: 'Did you mean "billing"?' },
    { typed: ["show", "bling"], means: 'Did you mean "billing"?' },
    { typed: ["list", "--state", "drainin"], means: 'Did you mean "draining"?' },
    { typed: ["wait", "billing", "--for", "complete"], means: 'Did you mean "completed"?' },
  ])("$typed: $means", async ({ typed, means }) => {
    const ran = await run(...typed);
    expect(ran.code).toBe(64);
    expect(ran.stdout).toBe("");
    expect(ran.stderr).toContain(means);
    expect(ran.stderr).toMatch(/^keyturn: .+\n {2}next: .+\n$/);
  });

  it("help: an overview, and one page per command", async () => {
    for (const words of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, stdout } = await keyturn(words);
      expect(code).toBe(0);
      for (const command of COMMANDS) expect(stdout).toContain(`  ${command.name} `);
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(150);
    }
    for (const { name, summary, options } of COMMANDS) {
      const page = await keyturn([...name.split(" "), "--help"]);
      expect(page.code).toBe(0);
      expect((await keyturn(["help", ...name.split(" ")])).stdout).toBe(page.stdout);
      expect(page.stdout).toContain(summary);
      for (const option of Object.keys(options ?? {})) expect(page.stdout).toContain(`--${option}`);
    }
    expect((await keyturn(["help", "scna"])).code).toBe(64);
    expect((await keyturn(["--version"])).stdout).toMatch(/^keyturn \d+\.\d+\.\d+/);
  });

  it("--json and --config may stand before the command", async () => {
    expect(JSON.parse((await keyturn(["--json", "--config", at.lab.configFile, "list"])).stdout)).toEqual([]);
    expect(JSON.parse((await keyturn([`--config=${at.lab.configFile}`, "list", "--json"])).stdout)).toEqual([]);
  });

  it("names from outside are shown, not obeyed", async () => {
    await at.lab.console.seedKey({ name: "evil \u001b[2J\u202e name", ageDays: 3 });
    const { stdout } = await run("scan", "--dry-run");
    expect(stdout).toContain("evil");
    for (const obeyed of ["\u001b", "\u202e"]) expect(stdout).not.toContain(obeyed);
  });

  it("every problem of a configuration at once", async () => {
    const file = join(at.lab.dir, "wrong.yaml");
    await writeFile(
      file,
      "anthropic: { adminKey: env:X, baseURL: https://x }\npolicy: { maxAge: soon }\nstores: { a: { type: dotenv } }\n",
    );
    const { code, stderr } = await keyturn(["config", "check", "--config", file]);
    expect(code).toBe(78);
    for (const word of ["baseURL", "baseUrl", "maxAge", "dotenv-file"]) expect(stderr).toContain(word);
  });
});
