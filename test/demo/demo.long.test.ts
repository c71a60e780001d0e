import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type TestContext, describe, expect, it } from "vitest";
import { sandboxClient } from "../../src/sandbox/client.ts";
import { startSandbox } from "../../src/sandbox/start.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** Draining may wait for the end of a minute; a busy machine for itself. */
const WHOLE_MS = 240_000;

interface Document {
  ok: boolean;
  state: string;
  redis: string;
  seconds: number;
  outgoingKey: { id: string };
  replacementKey: { id: string };
  application: { ok: number; failed: number };
  checks: { name: string; ok: boolean; text: string }[];
  error: unknown;
}

/** Concurrent tests clean up through their own context. */
type Finish = Pick<TestContext, "onTestFinished">;

function folder({ onTestFinished }: Finish): string {
  const base = mkdtempSync(join(tmpdir(), "kt-demo-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  return base;
}

function start({ onTestFinished }: Finish, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  onTestFinished(() => void child.kill("SIGKILL"));
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (out.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (out.stderr += bytes.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, out, ended };
}

const processes = (): { pid: number; parent: number; line: string }[] =>
  execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => {
      const [pid, parent] = line.trim().split(/\s+/).map(Number);
      return { pid: pid ?? 0, parent: parent ?? 0, line };
    });

/** All processes that name the folder in their command line. */
const processesOf = (dir: string): string[] =>
  processes()
    .filter(({ line }) => line.includes(dir))
    .map(({ line }) => line);

const childrenOf = (child: ChildProcess): number[] =>
  processes()
    .filter(({ parent }) => parent === child.pid)
    .map(({ pid }) => pid);

async function untilAllEnded(pids: readonly number[], withinMs: number): Promise<void> {
  const left = () => processes().filter(({ pid, line }) => pids.includes(pid) && !line.includes("<defunct>"));
  for (const end = Date.now() + withinMs; left().length > 0 && Date.now() < end;) await pause(100);
  expect(left()).toEqual([]);
}

/** A PATH on which there is no Redis server. */
function pathWithoutRedis(base: string): NodeJS.ProcessEnv {
  const bin = join(base, "bin");
  mkdirSync(bin);
  symlinkSync("/usr/bin/env", join(bin, "env"));
  return { ...process.env, PATH: bin };
}

async function untilSaid(demo: { child: ChildProcess; out: { stdout: string } }, words: string): Promise<void> {
  for (const end = Date.now() + 60_000; !demo.out.stdout.includes(words); await pause(50)) {
    if (Date.now() > end || demo.child.exitCode !== null)
      throw new Error(`the demo did not say "${words}":\n${demo.out.stdout}`);
  }
}

async function untilNothingRuns(dir: string, withinMs: number): Promise<void> {
  for (const end = Date.now() + withinMs; processesOf(dir).length > 0 && Date.now() < end;) await pause(100);
  expect(processesOf(dir)).toEqual([]);
}

describe("the demo", () => {
  it.concurrent.for([
    { redis: "server", how: "on a Redis server of its own" },
    { redis: "memory", how: "in memory where no Redis server is installed" },
  ])("takes a key from 91 days old to archived, $how", { timeout: WHOLE_MS }, async ({ redis }, test) => {
    const base = folder(test);
    const dir = join(base, "a demo");
    const env = redis === "memory" ? pathWithoutRedis(base) : process.env;
    const demo = start(test, ["demo", "--dir", dir, "--json"], env);
    const exit = await demo.ended;
    const document = JSON.parse(demo.out.stdout) as Document;
    expect(document.checks.filter((check) => !check.ok)).toEqual([]);
    expect(document).toMatchObject({ ok: true, state: "completed", redis, error: null, application: { failed: 0 } });
    expect(document.checks).toHaveLength(8);
    expect(document.seconds).toBeLessThan(120);
    expect(exit).toBe(0);
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(join(dir, "redis/server.json"))).toBe(false);

    // What it leaves is true without it: the same organization, started again, knows the key in the file.
    const sandbox = await startSandbox({ state: join(dir, "sandbox") });
    test.onTestFinished(() => sandbox.close());
    const text = readFileSync(join(dir, "app.env"), "utf8");
    const key = /^ANTHROPIC_API_KEY=(.*)$/m.exec(text)?.[1] ?? "";
    const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
    expect((await fetch(`${sandbox.url}/v1/models`, { headers })).status).toBe(200);
    expect(text).toContain("DATABASE_URL=postgres://localhost/app");
    const history = await sandboxClient(sandbox.url).history(document.outgoingKey.id);
    expect(history.changes.map((change) => change.status)).toEqual(["active", "inactive", "archived"]);

    // And the audit log is intact, also where its Redis is gone.
    const verify = start(test, ["audit", "verify", "--json", "--config", join(dir, "keyturn.yaml")], env);
    expect(await verify.ended).toBe(0);
    expect(JSON.parse(verify.out.stdout)).toMatchObject({ intact: true, epochs: 1 });
    await untilNothingRuns(dir, 5000);
  });

  it.for([
    { signal: "SIGINT", exit: 130 },
    { signal: "SIGTERM", exit: 143 },
  ] as const)("ends with all its processes on $signal while it waits for a person", async ({ signal, exit }, test) => {
    const dir = join(folder(test), "demo");
    const demo = start(test, ["demo", "--manual", "--dir", dir]);
    await untilSaid(demo, "your turn");
    expect(demo.out.stdout).toContain(`approve app --config ${dir}/keyturn.yaml`);
    expect(processesOf(dir).length).toBeGreaterThanOrEqual(3);
    const children = childrenOf(demo.child);
    expect(children.length).toBeGreaterThanOrEqual(3);
    demo.child.kill(signal);
    expect(await demo.ended).toBe(exit);
    expect(demo.out.stdout).toContain("every process has ended");
    await untilAllEnded(children, 1000);
    await untilNothingRuns(dir, 1000);
  });

  it("leaves no process behind when it is killed", async (test) => {
    const dir = join(folder(test), "demo");
    const demo = start(test, ["demo", "--manual", "--dir", dir]);
    await untilSaid(demo, "your turn");
    const children = childrenOf(demo.child);
    demo.child.kill("SIGKILL");
    await untilAllEnded(children, 45_000);
    await untilNothingRuns(dir, 45_000);
  });

  it("says what happened and where to look when a process of its own dies", async (test) => {
    const dir = join(folder(test), "demo");
    const demo = start(test, ["demo", "--dir", dir]);
    await untilSaid(demo, "keyturn serve");
    const serve = /runs as process (\d+)/.exec(demo.out.stdout)?.[1];
    process.kill(Number(serve), "SIGKILL");
    expect(await demo.ended).toBe(1);
    expect(demo.out.stdout).toMatch(/FAILED: keyturn serve ended/);
    expect(demo.out.stdout).toContain(`log:  ${join(dir, "serve.log")}`);
    await untilNothingRuns(dir, 1000);
  });

  it("touches no folder that has something in it", async (test) => {
    const demo = start(test, ["demo", "--dir", fileURLToPath(new URL(".", import.meta.url))]);
    expect(await demo.ended).toBe(64);
    expect(demo.out.stderr).toContain("is not empty");
  });
});
