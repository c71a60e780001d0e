import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Lab, startLab } from "../support/lab.ts";
import { document } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Built, buildImage } from "./build.ts";
import { HARDENED, type Serving, freePorts, handOver, startServe } from "./container.ts";

let built: Built;
let redis: RedisServer;
let lab: Lab;
let http: { port: number; metricsPort: number };
beforeAll(async () => {
  [built, redis] = [await buildImage(), await startRedisServer()];
});
afterAll(async () => {
  await Promise.allSettled([built?.close(), redis?.stop()]);
});
beforeEach(async () => {
  await redis.client.flushall();
  http = await freePorts();
  lab = await startLab(redis.url, { http: { host: "127.0.0.1", ...http }, schedule: { scan: "0 0 1 1 *" } });
});
afterEach(async () => {
  await built.podman("rm", "--all", "--force", "--time", "0");
  await lab.close();
});

const keyturn = async (...args: string[]) => built.once([...HARDENED, ...(await handOver(lab))], ...args);
const inNode = (flags: readonly string[], code: string) => built.once(["--entrypoint=node", ...flags], "--eval", code);
const answers = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;

describe("one command in a container", () => {
  it("runs as process 1 and user 65532, without any capability and without a way to get one", async () => {
    expect((await built.once(HARDENED, "--version")).stdout).toMatch(
      /^keyturn \d+\.\d+\.\d+ \(node (2[4-9]|[3-9]\d)\./,
    );
    const status = await inNode(HARDENED, `process.stdout.write(require("fs").readFileSync("/proc/1/status", "utf8"))`);
    expect(status.stdout).toMatch(/^Uid:\s+65532\s+65532\s+65532\s+65532$/m);
    expect(status.stdout).toMatch(/^Cap(Prm|Eff|Bnd):\s+0+$/m);
    expect(status.stdout).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  it("config check: 0 with a right configuration, 78 and what to repair with a wrong one, 78 without one", async () => {
    const right = await keyturn("config", "check");
    expect([right.code, right.stdout]).toEqual([0, expect.stringContaining("is valid: 0 targets, 1 stores.")]);
    await lab.configure({ polcy: {} });
    const wrong = await keyturn("config", "check");
    expect([wrong.code, wrong.stderr]).toEqual([78, expect.stringContaining("polcy")]);
    const none = await built.once(HARDENED, "config", "check");
    expect([none.code, none.stderr]).toEqual([78, expect.stringContaining("/etc/keyturn/keyturn.yaml")]);
    writeFileSync(join(lab.dir, "plain.yaml"), "anthropic: { adminKey: env:ADMIN_KEY }\n", { mode: 0o644 });
    const mounted = `--volume=${join(lab.dir, "plain.yaml")}:/etc/keyturn/keyturn.yaml:ro`;
    expect((await built.once([...HARDENED, mounted], "config", "check")).code).toBe(0);
  });

  it("can write to /tmp and nowhere else, whether or not the root file system is read-only", async () => {
    const everywhere = `
      const { readdirSync, writeFileSync, lstatSync } = require("fs");
      const wrote = [];
      const visit = (dir) => {
        if (/^\\/(proc|sys|dev)$/.test(dir)) return;
        try { writeFileSync(dir + "/probe", ""); wrote.push(dir); } catch {}
        try { for (const e of readdirSync(dir, { withFileTypes: true })) if (e.isDirectory()) visit((dir + "/" + e.name).replace("//", "/")); } catch {}
      };
      visit("/");
      for (const file of ["/app/src/cli/main.js", "/app/package.json", "/etc/passwd", process.execPath])
        try { writeFileSync(file, "x"); wrote.push(file); } catch {}
      console.log(JSON.stringify(wrote));`;
    const writable = HARDENED.filter((flag) => !flag.startsWith("--read-only") && !flag.startsWith("--tmpfs"));
    for (const flags of [HARDENED, writable])
      expect(JSON.parse((await inNode(flags, everywhere)).stdout)).toEqual(["/tmp"]);
  });

  it("scan, as a CronJob starts it: opens what is due, once, and exits 0", async () => {
    await lab.target("billing", 100);
    expect((await keyturn("scan", "--json")).code).toBe(0);
    expect((await keyturn("scan", "--json")).code).toBe(0);
    const list = document(await keyturn("list", "--json")) as unknown as { target: string; state: string }[];
    expect(list.map(({ target, state }) => [target, state])).toEqual([["billing", "awaiting_approval"]]);
  });

  it("there is no shell to start, nor npm", async () => {
    for (const program of ["sh", "/bin/sh", "bash", "npm"]) {
      const { code, stderr } = await built.once([`--entrypoint=${program}`], "-c", "true");
      expect([program, code, stderr]).toEqual([program, 127, expect.stringMatching(/not found|no such file/)]);
    }
  });
});

describe("serve in a container", () => {
  let serving: Serving;
  const start = async () => {
    serving = await startServe(built, await handOver(lab));
  };

  it("is alive and ready, shows its metrics, takes commands beside it, and ends with 0 soon after SIGTERM", async () => {
    await start();
    for (const path of ["/livez", "/readyz", "/startupz"])
      expect([path, await answers(http.port, path)]).toEqual([path, 200]);
    expect(await answers(http.metricsPort, "/metrics")).toBe(200);
    expect((await serving.keyturn(["list"])).code).toBe(0);
    const { code, ms } = await serving.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(15_000);
    const logs = await serving.logs();
    expect(logs).toContain("serve.stopped");
    for (const line of logs.trim().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) as string });
  });

  it("is healthy while it answers, unhealthy while it does not, and healthy again", async () => {
    await start();
    expect(await serving.healthCheck()).toMatchObject({ code: 0 });
    // Its port is open and nobody answers there.
    await serving.signal("STOP");
    expect((await serving.healthCheck()).code).toBe(1);
    await serving.signal("CONT");
    await expect.poll(async () => (await serving.healthCheck()).code, { timeout: 20_000, interval: 500 }).toBe(0);
  });

  it("SIGTERM in the middle of a step that hangs: exit 0 within 30 seconds, and the next one goes on", async () => {
    await lab.target("billing", 100);
    await start();
    // 75 while the server makes up for a missing scan.
    await expect.poll(async () => (await serving.keyturn(["scan"])).code, { timeout: 60_000, interval: 500 }).toBe(0);
    expect((await serving.keyturn(["approve", "billing"])).code).toBe(0);
    const gate = await lab.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "gate" } });
    const made = await lab.console.createKey({ name: "replacement" });
    const submitted = serving.keyturn(["submit", "billing"], `${made.secret}\n`);
    await lab.console.untilFaultHits(gate, 1, 60_000);
    const { code, ms } = await serving.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(30_000);
    await submitted;
    await lab.console.removeFault(gate);
    await start();
    const waited = await serving.keyturn(["wait", "billing", "--for", "grace_period,completed", "--timeout", "60s"]);
    expect([waited.code, await lab.value("billing")]).toEqual([0, made.secret]);
  });
});

describe("a health check without serve", () => {
  it("is unhealthy, and says where it asked", async () => {
    const check = async () =>
      built.once(["--entrypoint=node", ...(await handOver(lab))], "/app/src/cli/health-check.js");
    const { code, stdout } = await check();
    expect([code, stdout]).toEqual([
      1,
      `unhealthy: http://127.0.0.1:${http.port}/livez does not answer (ECONNREFUSED)\n`,
    ]);
  });
});
