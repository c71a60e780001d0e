import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const run = promisify(execFile);
const LOCK = JSON.stringify({
  packages: {
    "": { name: "keyturn" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/b": { version: "2.0.0", integrity: "sha512-b", optional: true },
  },
});
const INSTALLED = JSON.stringify({
  packages: { "node_modules/a": { version: "1.0.0", integrity: "sha512-a" } },
});

/** Stands for npm: notes that it was called, takes a moment, and leaves what `npm ci` leaves. */
const NPM = `#!/bin/sh
echo "$*" >> "$PWD/calls"
if [ -e "$PWD/broken" ]; then echo "npm error E404"; exit 3; fi
sleep 0.3
mkdir -p node_modules
cp installed.json node_modules/.package-lock.json
`;

/** A repository with the real launcher and a stand-in for npm, first on PATH. */
let root: string;
let env: NodeJS.ProcessEnv;
const calls = (): number =>
  existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8").trim().split("\n").length : 0;
const start = (...args: string[]) =>
  run(process.execPath, [join(root, "scripts/start.mjs"), ...args], { cwd: root, env });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "keyturn-start-"));
  cpSync("scripts", join(root, "scripts"), { recursive: true });
  writeFileSync(join(root, "package-lock.json"), LOCK);
  writeFileSync(join(root, "installed.json"), INSTALLED);
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/npm"), NPM);
  chmodSync(join(root, "bin/npm"), 0o755);
  env = { ...process.env, PATH: [join(root, "bin"), process.env["PATH"] ?? ""].join(delimiter) };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("the launcher", () => {
  it("installs once, says so in one line on stderr, and runs the command", async () => {
    const first = await start("node", "-p", "6*7");
    expect(first.stdout).toBe("42\n");
    expect(first.stderr.trim().split("\n")).toEqual([expect.stringContaining("npm ci")]);
    expect(await start("node", "-p", "6*7")).toEqual({ stdout: "42\n", stderr: "" });
    expect(calls()).toBe(1);
  });

  it("two started at once on a fresh clone install once; both run", async () => {
    const results = await Promise.all([start("node", "-p", "1"), start("node", "-p", "2"), start("node", "-p", "3")]);
    expect(results.map(({ stdout }) => stdout.trim())).toEqual(["1", "2", "3"]);
    expect(calls()).toBe(1);
  });

  it("accepts what somebody else installed", async () => {
    mkdirSync(join(root, "node_modules"));
    writeFileSync(join(root, "node_modules/.package-lock.json"), INSTALLED);
    expect(await start("node", "-p", "1")).toEqual({ stdout: "1\n", stderr: "" });
    expect(calls()).toBe(0);
  });

  it.each([
    { when: "a package of another version", installed: INSTALLED.replace("1.0.0", "1.0.1") },
    { when: "a package missing", installed: '{"packages":{}}' },
    { when: "half an install", installed: "{" },
  ])("installs again with $when", async ({ installed }) => {
    mkdirSync(join(root, "node_modules"));
    writeFileSync(join(root, "node_modules/.package-lock.json"), installed);
    await start("node", "-p", "1");
    expect(calls()).toBe(1);
  });

  it("installs again when the lock file changed", async () => {
    await start("node", "-p", "1");
    writeFileSync(join(root, "package-lock.json"), LOCK.replace("1.0.0", "1.1.0"));
    writeFileSync(join(root, "installed.json"), INSTALLED.replace("1.0.0", "1.1.0"));
    await start("node", "-p", "1");
    expect(calls()).toBe(2);
  });

  it("takes over from an install whose process ended", async () => {
    const gone = spawn(process.execPath, ["-e", ""]);
    await once(gone, "exit");
    mkdirSync(join(root, ".cache"));
    writeFileSync(join(root, ".cache/install.lock"), String(gone.pid));
    await start("node", "-p", "1");
    expect(calls()).toBe(1);
  });

  it("shows npm's own output only when it fails, and ends with its exit code", async () => {
    writeFileSync(join(root, "broken"), "");
    await expect(start("node", "-p", "1")).rejects.toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining("npm error E404"),
    });
  });
});

describe("the command keeps what it would have alone", () => {
  beforeEach(() => start("node", "-p", "1"));

  it("the exit code", async () => {
    await expect(start("node", "-e", "process.exit(75)")).rejects.toMatchObject({ code: 75 });
  });

  it("standard input and its arguments", async () => {
    const script = "process.stdin.on('data', (d) => console.log(String(d), process.argv.slice(1)))";
    const child = spawn(process.execPath, [join(root, "scripts/start.mjs"), "node", "-e", script, "a b", "$HOME"], {
      env,
    });
    child.stdin.end("secret");
    const chunks: string[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(String(chunk)));
    await once(child, "close");
    expect(chunks.join("")).toBe("secret [ 'a b', '$HOME' ]\n");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("%s, and what the command makes of it", async (signal) => {
    const script = `process.on('${signal}', () => process.exit(7)); setInterval(() => {}, 1000); console.log('ready')`;
    for (const command of ["node", process.execPath]) {
      // `node` replaces the launcher; any other command runs beside it.
      const child = spawn(process.execPath, [join(root, "scripts/start.mjs"), command, "-e", script], { env });
      await once(child.stdout, "data");
      child.kill(signal);
      expect(await once(child, "close")).toEqual([7, null]);
    }
  });

  it("the signal that ends it", async () => {
    const child = spawn(
      process.execPath,
      [join(root, "scripts/start.mjs"), process.execPath, "-e", "process.kill(process.pid, 'SIGKILL')"],
      { env },
    );
    expect(await once(child, "close")).toEqual([null, "SIGKILL"]);
  });

  it("a command that does not exist is named", async () => {
    await expect(start("no-such-command")).rejects.toMatchObject({
      code: 1,
      stderr: "keyturn: no-such-command cannot be started (ENOENT)\n",
    });
  });
});
