import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Installation, POLICY, install } from "../e2e/installation.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Serving, startServing } from "../support/serving.ts";

/** Of `serve`, between SIGTERM and its end (src/cli/commands/serve.ts). */
const DEADLINE_MS = 25_000;
const TARGETS = Array.from({ length: 12 }, (_, n) => `target-${n}`);

describe("SIGTERM with several of `serve` on one Redis", () => {
  let redis: RedisServer;
  let at: Installation;
  let running: Serving[] = [];
  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    at = await install(redis, {
      policy: { ...POLICY, gracePeriod: "3s" },
      http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    });
  });
  afterEach(async () => {
    for (const server of running) server.process.kill("SIGKILL");
    await Promise.all(running.map((server) => server.ended));
    running = [];
    await at.close();
  });
  const serve = async (): Promise<Serving> => {
    const server = await startServing(at.configFile);
    running.push(server);
    return server;
  };
  const untilState = async (target: string, state: string) => {
    // Until a scan has opened one there is nothing to wait for.
    await expect.poll(async () => (await at.run("show", target)).code, { timeout: 60_000, interval: 200 }).toBe(0);
    const ran = await at.run("wait", target, "--for", state, "--timeout", "120s", "--json");
    expect([target, ran.code], ran.stdout).toEqual([target, 0]);
  };

  it("the running step is finished, readiness is gone first, no new step is begun, and the end comes in time with 0", async () => {
    await at.target("billing", 100);
    await at.target("reports", 100);
    const first = await serve();
    for (const target of ["billing", "reports"]) {
      await untilState(target, "awaiting_approval");
      await at.shown(0, "approve", target);
    }
    const gate = await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "gate" } });
    await at.submitNew("billing");
    await at.console.untilFaultHits(gate, 1, 60_000);
    // Now the only process holds the step; the others come.
    const others = await Promise.all([serve(), serve()]);
    const ending = first.stop();
    await expect.poll(() => first.get("/readyz"), { timeout: 10_000, interval: 20 }).toBe(503);
    expect(await first.get("/livez")).toBe(200);
    // What comes up meanwhile is done by the others, at once.
    await at.submitNew("reports");
    await at.console.untilFaultHits(gate, 2, 60_000);
    await at.console.removeFault(gate);
    const ended = await ending;
    expect([ended.code, ended.tookMs < DEADLINE_MS]).toEqual([0, true]);
    const after = ended.stderr.slice(ended.stderr.indexOf("serve.stopping"));
    expect(after).toMatch(/"rotation\.verified"/);
    expect(after).not.toContain("worker.abandoned");
    for (const target of ["billing", "reports"]) await untilState(target, "completed");
    expect((await Promise.all(others.map((other) => other.get("/livez")))).every((status) => status === 200)).toBe(
      true,
    );
  });

  it("all three one after another, with twelve rotations in flight: no click, no step and little time is lost", async () => {
    for (const target of TARGETS) await at.target(target, 100);
    await at.configure({ policy: { ...POLICY, gracePeriod: "3s", maxOpenRotations: 20 } });
    let servers: Serving[] = await Promise.all([serve(), serve(), serve()]);
    const life = async (target: string) => {
      await untilState(target, "awaiting_approval");
      // Every click is answered, whichever process is just ending.
      await at.shown(0, "approve", target);
      await untilState(target, "awaiting_replacement");
      await at.submitNew(target);
      await untilState(target, "completed");
    };
    const lives = Promise.all(TARGETS.map(life));
    lives.catch(() => undefined);
    for (const old of servers) {
      const next = await serve();
      const ended = await old.stop();
      expect([ended.code, ended.tookMs < DEADLINE_MS]).toEqual([0, true]);
      expect(ended.stderr).not.toMatch(/worker\.abandoned|shutdown\.incomplete/);
      servers = [...servers.filter((each) => each !== old), next];
    }
    await lives;
    const changes = (await at.console.requests()).filter((r) => r.method === "POST" && r.path.includes("/api_keys/"));
    expect(changes.filter((r) => r.applied)).toHaveLength(2 * TARGETS.length);
    // No step waited for a stalled job or the reconciler's longest pause: from its handover to its end a rotation takes
    // the grace period, and on a loaded machine not a minute more.
    for (const view of (await at.shown(0, "list", "--all")) as unknown as {
      history: { at: string; event: string }[];
    }[]) {
      const of = (event: string) => Date.parse(view.history.find((entry) => entry.event === event)?.at ?? "");
      expect(of("outgoing_gone") - of("staged")).toBeLessThan(63_000);
    }
    expect((await at.run("audit", "verify")).code).toBe(0);
  });
});
