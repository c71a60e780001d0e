import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sizeOf } from "../../src/redis/admin-budget.ts";
import { type SandboxClient, sandboxClient } from "../../src/sandbox/client.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/start.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { adminBudgetContract } from "./admin-budget.contract.ts";
import { realServer } from "./harness.ts";
import { TOPOLOGIES, asServer } from "./topologies.ts";

adminBudgetContract("redis-server", realServer);
for (const { name, start } of TOPOLOGIES.filter((each) => !each.name.includes("TLS")))
  adminBudgetContract(name, asServer(start));

const PROCESS = fileURLToPath(new URL("budget-process.ts", import.meta.url));
const PER_MINUTE = 600;

describe("three processes that ask as fast as they may", () => {
  let redis: RedisServer;
  let sandbox: Sandbox;
  let console: SandboxClient;
  let keys: string[];
  const running: ChildProcess[] = [];
  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.client.flushall();
    sandbox = await startSandbox();
    console = sandboxClient(sandbox.url);
    keys = (await console.seedKeys(["a", "b"].map((name) => ({ name, ageDays: 1 })))).map(({ key }) => key.id);
  });
  afterEach(async () => {
    await Promise.all(
      running.splice(0).map(async (child) => {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }),
    );
    await sandbox.close();
  });
  const begin = async (what: "step" | "scan" | "idle") => {
    const args = [PROCESS, redis.url, sandbox.url, String(PER_MINUTE), what, keys[0] ?? ""];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env["PATH"], ADMIN_KEY: sandbox.adminKey },
      stdio: ["pipe", "pipe", "inherit"],
    });
    running.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    await lines.next();
    return {
      deactivate: async (keyId: string): Promise<number> => {
        child.stdin.write(`${keyId}\n`);
        return Number((await lines.next()).value);
      },
    };
  };
  /** When each request came, in milliseconds of real time, in order. */
  const times = async () =>
    (await console.requests()).map((request) => Date.parse(request.realAt)).toSorted((a, b) => a - b);

  it("together never send more than the budget and its burst, in any window of time", async () => {
    await Promise.all([begin("step"), begin("step"), begin("step")]);
    await expect.poll(async () => (await times()).length, { timeout: 60_000, interval: 500 }).toBeGreaterThan(160);
    const at = await times();
    const { burst } = sizeOf(PER_MINUTE);
    let most = 0;
    for (let from = 0; from < at.length; from += 1)
      for (let to = from; to < at.length; to += 1) {
        const allowed = burst + ((at[to] ?? 0) - (at[from] ?? 0)) * (PER_MINUTE / 60_000);
        most = Math.max(most, to - from + 1 - allowed);
      }
    // A request reaches the server a little after it was counted, later or sooner than its neighbours.
    expect(most).toBeLessThan(6);
    // And they are not slower than they may be: 160 requests are the burst and 6 s more.
    expect((at[160] ?? 0) - (at[0] ?? 0)).toBeLessThan(20_000);
  });

  it("a 429 that one of them is told stops all of them until it is over", async () => {
    await Promise.all([begin("step"), begin("step"), begin("step")]);
    await expect.poll(async () => (await times()).length, { timeout: 30_000 }).toBeGreaterThan(20);
    await console.addFault({ times: 1, fault: { kind: "rate_limit", retryAfter: 4 } });
    await expect
      .poll(async () => (await console.requests()).some((r) => r.status === 429), { timeout: 30_000 })
      .toBe(true);
    const limited = (await console.requests()).find((request) => request.status === 429);
    const told = Date.parse(limited?.realAt ?? "");
    await expect
      .poll(async () => (await times()).filter((at) => at > told + 4000).length, { timeout: 30_000 })
      .toBeGreaterThan(0);
    // What was under way when the answer came is not called back.
    const within = (await times()).filter((at) => at > told + 500 && at < told + 3900);
    expect(within).toEqual([]);
  });

  it("scans at full speed keep no deactivation waiting", async () => {
    await Promise.all([begin("scan"), begin("scan")]);
    const worker = await begin("idle");
    // Only when the scans have used up what they may is there something to wait for.
    await expect.poll(async () => (await times()).length, { timeout: 30_000 }).toBeGreaterThan(60);
    await pause(500);
    expect(await worker.deactivate(keys[1] ?? "")).toBeLessThan(2000);
    expect((await console.history(keys[1] ?? "")).key.status).toBe("inactive");
  });
});
