import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Spawned, errorOf, spawnKeyturn } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

let redis: RedisServer;
let at: Installation;
let outgoing: { id: string; text: string };
let servers: Spawned[] = [];
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  at = await install(redis, { http: { host: "127.0.0.1", port: 0, metricsPort: 0 } });
  outgoing = await at.target("billing", 100);
});
afterEach(async () => {
  for (const s of servers) s.process.kill("SIGKILL");
  await Promise.all(servers.map((s) => s.ended));
  servers = [];
  await at.close();
});

async function serve(): Promise<Spawned & { port: number }> {
  const server = spawnKeyturn(["serve", "--config", at.configFile]);
  servers.push(server);
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(20)) {
    const line = server
      .stderr()
      .split("\n")
      .find((l) => l.includes("serve.ready"));
    if (line !== undefined) return { ...server, port: (JSON.parse(line) as { ports: { http: number } }).ports.http };
    if (server.process.exitCode !== null) break;
  }
  throw new Error(`serve is not ready: ${server.stderr()}`);
}
const get = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
const settled = (state: string) => at.run("wait", "billing", "--for", state, "--timeout", "30s", "--json");
/** Until there is a rotation of the target at all. */
const opened = async () =>
  await expect.poll(async () => (await at.run("show", "billing")).code, { timeout: 20_000, interval: 200 }).toBe(0);

describe("serve", () => {
  it("says its ports, is alive, started and ready, prints nothing but JSON log lines, and ends with 0 soon after SIGTERM", async () => {
    const server = await serve();
    expect(server.port).toBeGreaterThan(0);
    for (const path of ["/livez", "/readyz", "/startupz"])
      expect([path, await get(server.port, path)]).toEqual([path, 200]);
    expect(await get(server.port, "/nothing")).toBe(404);
    const before = Date.now();
    server.process.kill("SIGTERM");
    const ended = await server.ended;
    expect([ended.code, ended.stdout]).toEqual([0, ""]);
    expect(Date.now() - before).toBeLessThan(10_000);
    for (const line of ended.stderr.trim().split("\n"))
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(String) as string,
        time: expect.any(String) as string,
      });
    expect(ended.stderr).toContain("serve.stopped");
  });

  it("makes up a missed scan at its start, and carries decisions from terminals out", async () => {
    // Once a year: nobody waits for that.
    await at.configure({ schedule: { scan: "0 0 1 1 *", timeZone: "UTC" } });
    await serve();
    await opened();
    await at.shown(0, "approve", "billing");
    const { text } = await at.submitNew("billing");
    expect((await settled("grace_period")).code).toBe(0);
    expect(await at.value("billing")).toBe(text);
    await at.shown(0, "reinstate", "billing");
    expect((await settled("reinstated")).code).toBe(0);
  });

  it("not ready while Redis is away, still alive; ready again by itself", async () => {
    const server = await serve();
    await redis.client.call("CLIENT", "PAUSE", "12000", "ALL");
    await expect.poll(() => get(server.port, "/readyz"), { timeout: 12_000, interval: 300 }).toBe(503);
    expect(await get(server.port, "/livez")).toBe(200);
    await expect.poll(() => get(server.port, "/readyz"), { timeout: 30_000, interval: 300 }).toBe(200);
  });

  it("several at once, with run-once beside them: every step is done once (P6)", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "1s" } });
    const names = ["billing", "reports", "search", "mail"];
    for (const name of names.slice(1)) await at.target(name, 120);
    await Promise.all([serve(), serve()]);
    await at.run("run-once");
    await expect
      .poll(async () => ((await at.shown(0, "list")) as unknown as unknown[]).length, {
        timeout: 20_000,
        interval: 200,
      })
      .toBe(4);
    for (const name of names) {
      await at.shown(0, "approve", name);
      await at.submitNew(name);
    }
    const beside = Promise.all([at.run("run-once"), at.run("run-once")]);
    for (const name of names)
      expect((await at.run("wait", name, "--for", "completed", "--timeout", "40s")).code).toBe(0);
    expect((await beside).map((r) => r.code).filter((code) => code !== 0 && code !== 75)).toEqual([]);
    const posts = (await at.console.requests()).filter(
      (r) => r.method === "POST" && r.path.startsWith("/v1/organizations/api_keys/"),
    );
    // Per key: once inactive, once archived.
    expect(posts).toHaveLength(2 * names.length);
    expect((await at.run("audit", "verify")).code).toBe(0);
  });

  it("ended in the middle of a call: the next one goes on", async () => {
    const first = await serve();
    await opened();
    await at.shown(0, "approve", "billing");
    const gate = await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "gate" } });
    const { text } = await at.submitNew("billing");
    await at.console.untilFaultHits(gate, 1, 20_000);
    first.process.kill("SIGKILL");
    await first.ended;
    await at.console.removeFault(gate);
    await serve();
    expect((await settled("grace_period")).code).toBe(0);
    expect(await at.value("billing")).toBe(text);
    expect(await at.status(outgoing.id)).toBe("inactive");
  });
});

describe("one scan at a time", () => {
  it("a second one at once is answered with 75", async () => {
    const gate = await at.console.addFault({
      match: { path: "^/v1/organizations/api_keys" },
      times: null,
      fault: { kind: "gate" },
    });
    const first = at.run("scan", "--json");
    await at.console.untilFaultHits(gate, 1, 10_000);
    const second = await at.run("scan", "--json");
    expect([second.code, errorOf(second).code]).toEqual([75, "lock_held"]);
    await at.console.removeFault(gate);
    expect((await first).code).toBe(0);
    expect((await at.run("scan")).code).toBe(0);
  });

  it("wait: 0 reached, 75 not yet, 1 ended otherwise", async () => {
    await at.shown(0, "rotate", "billing");
    expect((await at.run("wait", "billing", "--for", "awaiting_approval")).code).toBe(0);
    expect((await at.run("wait", "billing", "--for", "completed", "--timeout", "50ms")).code).toBe(75);
    await at.shown(0, "reject", "billing");
    expect((await at.run("wait", "billing", "--for", "completed")).code).toBe(1);
    expect((await at.run("wait", "billing", "--for", "rejected,completed")).code).toBe(0);
  });
});
