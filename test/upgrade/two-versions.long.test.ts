import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Installation, POLICY, installAt } from "../e2e/installation.ts";
import { spawnKeyturn } from "../support/cli.ts";
import { olderVersion } from "../support/older-version.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Serving, startServing } from "../support/serving.ts";

type Version = "older" | "this";
const TARGETS = ["billing", "reports", "search", "mail", "chat", "batch"];

describe("two versions of Keyturn on one Redis", () => {
  let older: Awaited<ReturnType<typeof olderVersion>>;
  let redis: RedisServer;
  let at: Installation;
  let running: Serving[] = [];
  beforeAll(async () => {
    older = await olderVersion();
    redis = await startRedisServer();
  });
  afterAll(async () => {
    await redis.stop();
    await older.remove();
  });
  beforeEach(async () => {
    await redis.client.flushall();
    at = await installAt(redis.url, {
      policy: { ...POLICY, gracePeriod: "2s" },
      http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    });
    // Only what the older version knows: during an upgrade both read one file.
    const anthropic = { adminKey: `file:${join(at.dir, "admin-key")}`, baseUrl: at.sandbox.url };
    await at.configure({ anthropic });
  });
  afterEach(async () => {
    for (const server of running) server.process.kill("SIGKILL");
    await Promise.all(running.map((server) => server.ended));
    running = [];
    await at.close();
  });

  const entryOf = (version: Version) => (version === "older" ? { entry: older.entry } : {});
  const serve = async (version: Version): Promise<Serving> => {
    const server = await startServing(at.configFile, (args) => spawnKeyturn(args, entryOf(version)));
    running.push(server);
    return server;
  };
  const end = async (server: Serving) => {
    running = running.filter((each) => each !== server);
    expect((await server.stop()).code).toBe(0);
  };
  const keyturn = async (version: Version, args: string[], stdin = "") => {
    const ran = await spawnKeyturn([...args, "--config", at.configFile], { ...entryOf(version), stdin }).ended;
    expect(ran, `${version}: keyturn ${args.join(" ")}`).toMatchObject({ code: 0 });
  };
  const handOver = async (version: Version, target: string) => {
    const made = await at.console.createKey({ name: `replacement of ${target}` });
    await keyturn(version, ["submit", target], `${made.secret}\n`);
    return made;
  };
  const untilState = async (target: string, state: string) => {
    // Until a scan has opened one there is nothing to wait for.
    await expect.poll(async () => (await at.run("show", target)).code, { timeout: 60_000, interval: 200 }).toBe(0);
    const ran = await at.run("wait", target, "--for", state, "--timeout", "120s", "--json");
    expect([target, ran.code], ran.stdout).toEqual([target, 0]);
  };
  /** Moves of rotations that this process made. */
  const moves = (server: Serving) => server.events().filter((event) => /^rotation\.(?!opened)/.test(event)).length;
  const endsRight = async (targets: readonly string[]) => {
    const changes = (await at.console.requests()).filter((r) => r.method === "POST" && r.path.includes("/api_keys/"));
    expect(changes.filter((r) => r.applied)).toHaveLength(2 * targets.length);
    expect((await at.run("audit", "verify")).code).toBe(0);
    await keyturn("older", ["audit", "verify"]);
  };

  it("side by side: each step is done by whoever takes it, once, and either version can end a rotation", async () => {
    for (const target of TARGETS) await at.target(target, 100);
    const both = await Promise.all([serve("older"), serve("this")]);
    for (const [n, target] of TARGETS.entries()) {
      await untilState(target, "awaiting_approval");
      await keyturn(n % 2 === 0 ? "older" : "this", ["approve", target]);
    }
    const made = new Map<string, string>();
    for (const [n, target] of TARGETS.entries()) {
      await untilState(target, "awaiting_replacement");
      made.set(target, (await handOver(n % 2 === 0 ? "this" : "older", target)).secret);
    }
    for (const target of TARGETS) await untilState(target, "completed");
    for (const target of TARGETS) expect(await at.value(target)).toBe(made.get(target));
    // Both had their share: otherwise this shows nothing.
    for (const server of both) expect(moves(server)).toBeGreaterThan(0);
    await endsRight(TARGETS);
  });

  it.each<{ what: string; first: Version; second: Version }>([
    { what: "an upgrade", first: "older", second: "this" },
    { what: "a roll-back", first: "this", second: "older" },
  ])("$what in the middle of a rotation: the $second version goes on with what the $first one wrote", async (given) => {
    await at.target("billing", 100);
    const first = await serve(given.first);
    await untilState("billing", "awaiting_approval");
    await keyturn(given.first, ["approve", "billing"]);
    await untilState("billing", "awaiting_replacement");
    await end(first);
    const second = await serve(given.second);
    const made = await handOver(given.second, "billing");
    await untilState("billing", "completed");
    expect(await at.value("billing")).toBe(made.secret);
    expect(moves(second)).toBeGreaterThan(0);
    await endsRight(["billing"]);
  });

  it("an upgrade and its roll-back within one rotation: whichever version is there takes the next step", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "15s" } });
    await at.target("billing", 100);
    const before = await serve("older");
    await untilState("billing", "awaiting_approval");
    await end(before);
    const during = await serve("this");
    await keyturn("this", ["approve", "billing"]);
    await untilState("billing", "awaiting_replacement");
    await handOver("this", "billing");
    await untilState("billing", "grace_period");
    await end(during);
    const after = await serve("older");
    await untilState("billing", "completed");
    await end(after);
    await endsRight(["billing"]);
  });
});
