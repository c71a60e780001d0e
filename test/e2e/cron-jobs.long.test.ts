import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../config/load.ts";
import { advance } from "../../src/app/advance.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { compose } from "../../src/compose.ts";
import { runOnce } from "../../src/run-once.ts";
import { startServer } from "../../src/serve.ts";
import { type Ran, type Spawned, errorOf, spawnKeyturn } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

let redis: RedisServer;
let at: Installation;
let outgoing: { id: string; text: string };
let started: Spawned[] = [];
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  at = await install(redis, {
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    schedule: { mode: "cronjob", scan: "* * * * *" },
  });
  outgoing = await at.target("billing", 100);
});
afterEach(async () => {
  for (const s of started) s.process.kill("SIGKILL");
  await Promise.all(started.map((s) => s.ended));
  started = [];
  await at.close();
});

function start(...args: string[]): Spawned {
  const spawned = spawnKeyturn([...args, "--config", at.configFile]);
  started.push(spawned);
  return spawned;
}
/** As a CronJob runs it. */
const job = (...args: string[]): Promise<Ran> => start(...args, "--json").ended;

async function serve(): Promise<Spawned & { metrics: number }> {
  const server = start("serve");
  for (const end = Date.now() + 40_000; Date.now() < end; await pause(20)) {
    const line = server
      .stderr()
      .split("\n")
      .find((l) => l.includes("serve.ready"));
    if (line !== undefined) {
      const said = JSON.parse(line) as { ports: { metrics: number }; scheduleMode: string; msg: string };
      expect([said.scheduleMode, said.msg]).toEqual(["cronjob", expect.stringContaining("a CronJob scans")]);
      return { ...server, metrics: said.ports.metrics };
    }
    if (server.process.exitCode !== null) break;
  }
  throw new Error(`serve is not ready: ${server.stderr()}`);
}
const metricsOf = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

describe("schedule.mode: cronjob", () => {
  it("three `serve` scan nothing; a `scan` beside them opens, they carry it out, and nothing is done twice", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "1s" } });
    const [one] = await Promise.all([serve(), serve(), serve()]);
    // An embedded schedule would scan at its start.
    for (const end = Date.now() + 3000; Date.now() < end; await pause(300))
      expect(await at.shown(0, "list")).toEqual([]);
    const before = await metricsOf(one.metrics);
    // What the alert for a stale scan compares is there all the same.
    expect(before).toMatch(/^keyturn_scan_scheduled_timestamp_seconds \d+/m);
    expect(before).not.toMatch(/^keyturn_last_scan_timestamp_seconds \d+/m);

    const scans = await Promise.all([job("scan"), job("scan"), job("scan")]);
    expect(scans.map(({ code }) => code).filter((code) => code !== 0 && code !== 75)).toEqual([]);
    const opened = scans
      .filter(({ code }) => code === 0)
      .map(({ stdout }) => JSON.parse(stdout) as { opened: string[] });
    expect(opened.flatMap((each) => each.opened)).toHaveLength(1);
    expect(await metricsOf(one.metrics)).toMatch(/^keyturn_last_scan_timestamp_seconds \d+/m);

    await at.shown(0, "approve", "billing");
    const { text } = await at.submitNew("billing");
    const waited = at.run("wait", "billing", "--for", "completed", "--timeout", "60s");
    const beside = await Promise.all([job("scan"), job("scan")]);
    expect(beside.map(({ code }) => code).filter((code) => code !== 0 && code !== 75)).toEqual([]);
    expect((await waited).code).toBe(0);
    expect(await at.value("billing")).toBe(text);
    const posts = (await at.console.requests()).filter(
      (r) => r.method === "POST" && r.path.startsWith("/v1/organizations/api_keys/"),
    );
    // Once inactive, once archived.
    expect(posts.map((r) => r.path)).toEqual([
      expect.stringContaining(outgoing.id),
      expect.stringContaining(outgoing.id),
    ]);
    expect((await at.run("audit", "verify")).code).toBe(0);
  });
});

describe("what a CronJob sees of `scan` and `run-once`", () => {
  const closedRedis = () => at.configure({ redis: { url: "redis://127.0.0.1:1" } });
  const noAdmin = () =>
    at.console.addFault({
      match: { path: "^/v1/organizations" },
      times: null,
      fault: { kind: "status", status: 401 },
    });
  const noSecret = () => rm(join(at.dir, "admin-key"));
  const unsafe = () => redis.client.config("SET", "maxmemory-policy", "allkeys-lru");
  const broken = () => at.configure({ polcy: {} });
  afterEach(() => redis.client.config("SET", "maxmemory-policy", "noeviction"));

  it.each([
    { when: "a misspelt setting", breaks: broken, code: 78, error: "config_invalid" },
    { when: "a secret that is not mounted", breaks: noSecret, code: 78, error: "config_invalid" },
    { when: "a Redis that may forget", breaks: unsafe, code: 78, error: "redis_unsafe" },
    { when: "a Redis that is away", breaks: closedRedis, code: 69, error: "redis_unavailable" },
    { when: "a refused Admin key", breaks: noAdmin, code: 69, error: "admin_denied" },
  ])("$when: $code $error, as the one line on stdout, and soon", async ({ breaks, code, error }) => {
    await breaks();
    for (const command of ["scan", "run-once"]) {
      const ran = await job(command);
      expect([command, ran.code, errorOf(ran).code]).toEqual([command, code, error]);
      expect(ran.stdout.trimEnd().split("\n")).toHaveLength(1);
      expect(errorOf(ran).next.length).toBeGreaterThan(10);
    }
  });

  it("done: 0, and the document is the last line on stdout while the log goes to stderr as lines of JSON", async () => {
    for (const command of ["scan", "run-once"]) {
      const ran = await job(command);
      expect(ran.code).toBe(0);
      const lines = ran.stdout.trimEnd().split("\n");
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] as string)).toMatchObject({ schema: 1 });
      for (const line of ran.stderr.split("\n").filter((l) => l !== "")) JSON.parse(line);
    }
  });

  it("another scan holds the lease: 75 lock_held for both", async () => {
    const gate = await gateOn("^/v1/organizations/api_keys");
    const first = start("scan", "--json");
    await at.console.untilFaultHits(gate, 1, 30_000);
    for (const command of ["scan", "run-once"]) {
      const ran = await job(command);
      expect([command, ran.code, errorOf(ran).code]).toEqual([command, 75, "lock_held"]);
    }
    await at.console.removeFault(gate);
    expect((await first.ended).code).toBe(0);
  });

  it.each(["scan", "run-once"])(
    "SIGTERM in the middle of the scan of `%s`: 75 soon, and the next one need not wait",
    async (command) => {
      const gate = await gateOn("^/v1/organizations/api_keys");
      const running = start(command, "--json");
      await at.console.untilFaultHits(gate, 1, 30_000);
      const before = Date.now();
      running.process.kill("SIGTERM");
      const ended = await running.ended;
      expect([ended.code, errorOf(ended).code]).toEqual([75, "interrupted"]);
      expect(Date.now() - before).toBeLessThan(10_000);
      await at.console.removeFault(gate);
      // The lease was given back.
      const next = await job("scan");
      expect(next.code).toBe(0);
      expect((JSON.parse(next.stdout) as { opened: string[] }).opened).toHaveLength(1);
    },
  );

  it("P7: SIGTERM in the middle of a step of `run-once`: 75 within 15 s, and the next run ends what was begun, once", async () => {
    await at.runOnce();
    await at.shown(0, "approve", "billing");
    const { text } = await at.submitNew("billing");
    const gate = await gateOn("^/v1/messages");
    const running = start("run-once", "--json");
    await at.console.untilFaultHits(gate, 1, 30_000);
    const before = Date.now();
    running.process.kill("SIGTERM");
    const ended = await running.ended;
    expect([ended.code, errorOf(ended).code]).toEqual([75, "interrupted"]);
    expect(Date.now() - before).toBeLessThan(15_000);
    await at.console.removeFault(gate);
    await at.until("billing", "grace_period");
    expect(await at.value("billing")).toBe(text);
    expect(await at.status(outgoing.id)).toBe("inactive");
    const posts = (await at.console.requests()).filter((r) => r.method === "POST" && r.path.includes(outgoing.id));
    expect(posts).toHaveLength(1);
  });

  const gateOn = (path: string) => at.console.addFault({ match: { path }, times: null, fault: { kind: "gate" } });
});

describe("R10: a file store belongs to one host", () => {
  const onHost = (host: string) =>
    compose(loadConfig({ path: at.configFile }), { log: pino({ level: "silent" }), host });

  it("`serve`, `run-once` and commands of a second host are refused while the first is there, and write nothing", async () => {
    await Promise.all([serve(), serve()]);
    const elsewhere = await onHost("pod-2");
    try {
      await expect(startServer(elsewhere)).rejects.toMatchObject({ code: "OTHER_HOST", exit: 78 });
      await expect(runOnce(elsewhere)).rejects.toMatchObject({ code: "OTHER_HOST" });
      const [dest] = elsewhere.deps.settings.targets.flatMap((target) => target.destinations);
      if (dest === undefined) throw new Error("no destination");
      const store = await elsewhere.deps.stores.of(dest);
      await expect(store.mark(dest, { v: "1" })).rejects.toMatchObject({ code: "OTHER_HOST" });
      await expect(store.read(dest)).rejects.toMatchObject({ code: "OTHER_HOST" });
    } finally {
      await elsewhere.close();
    }
    // A third one on this machine is welcome.
    await serve();
  });

  it("a rotation that a second host takes up meanwhile needs attention there, and goes on when the first is gone", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", "billing");
    const { text } = await at.submitNew("billing");
    const elsewhere = await onHost("pod-2");
    try {
      // The second host works; then it loses its claim, as after standing still, and the first one has it.
      await elsewhere.attendance.start("serve");
      await elsewhere.attendance.stop();
      const first = await onHost("pod-1");
      await first.attendance.start("serve");
      await advance(id, elsewhere.deps);
      expect((await elsewhere.deps.rotations.load(id))?.attention?.code).toBe("other_host");
      expect(await at.value("billing")).toBe(outgoing.text);
      const { problems } = await scan(elsewhere.deps, { dryRun: true });
      expect(problems.map(({ code }) => code)).toContain("other_host");
      await first.close();
      expect((await scan(elsewhere.deps, { dryRun: true })).problems).toEqual([]);
      for (let steps = 0; steps < 10 && (await at.value("billing")) !== text; steps++)
        await advance(id, elsewhere.deps);
      expect(await at.value("billing")).toBe(text);
      expect((await elsewhere.deps.rotations.load(id))?.attention).toBeNull();
    } finally {
      await elsewhere.close();
    }
  });

  it("ended with SIGTERM, the next host begins at once; killed, after at most 30 s", async () => {
    const first = await serve();
    first.process.kill("SIGTERM");
    await first.ended;
    const next = await onHost("pod-2");
    const before = Date.now();
    await next.attendance.start("serve");
    expect(Date.now() - before).toBeLessThan(5000);
    await next.close();

    const killed = await serve();
    killed.process.kill("SIGKILL");
    await killed.ended;
    const restarted = await onHost("pod-3");
    const from = Date.now();
    await restarted.attendance.start("serve");
    expect(Date.now() - from).toBeLessThan(40_000);
    await restarted.close();
  });
});
