import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App } from "../../src/compose.ts";
import { rotate } from "../../src/app/rotate.ts";
import { reject } from "../../src/app/decisions.ts";
import { type Server, startServer } from "../../src/serve.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { RULES, dashboardExprs, knownMetrics, metricsIn } from "../alerts/rules.ts";
import { DAY, aKey, aPlan, aRotation } from "../support/records.ts";
import { promtool } from "../alerts/promtool.ts";

const ana = { name: "cli:ana@laptop", via: "cli" } as const;
let redis: RedisServer;
let lab: Lab;
let app: App;
let server: Server;
const ports = { host: "127.0.0.1", port: 0, metricsPort: 0 };
beforeAll(async () => {
  redis = await startRedisServer();
  lab = await startLab(redis.url, { http: ports, schedule: { scan: "0 0 1 1 *", timeZone: "UTC" } });
  const token = join(lab.dir, "api-token");
  await writeFile(token, "a-token-of-the-api-that-is-long-enough-for-it", { mode: 0o600 });
  await lab.configure({ api: { tokens: { bot: { token: `file:${token}`, scopes: ["read"] } } } });
  await lab.target("billing", 100);
  await lab.target("search", 10);
  app = await lab.app();
  server = await startServer(app);
});
afterAll(async () => {
  await lab.close();
  await redis.stop();
});
const get = (port: number, path = "/metrics") => fetch(`http://127.0.0.1:${port}${path}`);
const scrape = async () => (await get(server.ports.metrics)).text();
const scrapeWith = async (part: string): Promise<string> => {
  let text = "";
  await eventually(async () => (text = await scrape()).includes(part), 20_000);
  return text;
};

describe("/metrics of `serve`", () => {
  it("is on its own port and nowhere else, and there is nothing else on that port", async () => {
    expect(server.ports.metrics).not.toBe(server.ports.http);
    expect((await get(server.ports.http)).status).toBe(404);
    expect((await get(server.ports.http, "/api/v1/rotations")).status).toBe(401);
    const answer = await get(server.ports.metrics);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
    for (const path of ["/", "/livez", "/api/v1/rotations"])
      expect((await get(server.ports.metrics, path)).status).toBe(404);
  });

  it("promtool finds nothing to object to, with a rotation open, and every documented metric that applies is there", async () => {
    await scrapeWith("keyturn_audit_chain_intact");
    const text = await scrapeWith("keyturn_last_scan_timestamp_seconds");
    const { code, output } = await promtool(["check", "metrics"], text);
    expect([code, output]).toEqual([0, ""]);
    const shown = new Set(metricsIn(text));
    // Nothing of the kind in this situation.
    const absent = [
      "keyturn_target_key_expires_timestamp_seconds",
      "keyturn_target_problem",
      "keyturn_rotation_attention",
      "keyturn_rotation_drain_limit_timestamp_seconds",
      "keyturn_redis_problem",
      "keyturn_slack_socket_connected",
      "keyturn_trace_spans_total",
    ];
    expect([...knownMetrics()].filter((name) => !shown.has(name)).toSorted()).toEqual(absent.toSorted());
    expect([...shown].filter((name) => !knownMetrics().has(name))).toEqual([]);
    expect(text).toContain("keyturn_redis_safe 1\n");
    expect(text).toContain("keyturn_audit_chain_intact 1\n");
    for (const part of ["records", "queue", "redis"])
      expect(text).toContain(`keyturn_collection_success{part="${part}"} 1\n`);
  });

  it("counts requests to the Admin API and calls of stores, and a scrape makes none", async () => {
    const text = await scrapeWith(
      'keyturn_provider_requests_total{provider="anthropic",operation="list_keys",code="200"} 1',
    );
    expect(text).toMatch(/keyturn_provider_requests_total\{provider="dotenv-file",operation="read",code="ok"\} [1-9]/);
    expect(text).toContain('keyturn_events_total{event="opened"} 1\n');
    await eventually(async () => (await app.queue.backlog()).active === 0);
    const before = (await lab.console.requests()).length;
    for (let n = 0; n < 20; n++) await scrape();
    expect((await lab.console.requests()).length).toBe(before);
  });

  it("a rotation that ended is gone from the next scrape", async () => {
    await scrapeWith('keyturn_rotation_info{target="billing"');
    const r = await rotate(app.deps, "search", ana, null);
    expect(await scrape()).toContain(r.id);
    await reject(app.deps, r.id, { actor: ana, breakGlass: null }, null);
    expect(await scrape()).not.toContain(r.id);
  });

  it("an Admin key that is refused is counted by status", async () => {
    const fault = await lab.console.addFault({
      match: { path: "^/v1/organizations/api_keys" },
      times: 1,
      fault: { kind: "status", status: 401 },
    });
    await expect(app.deps.admin.getKey("apikey_x")).rejects.toMatchObject({ code: "ADMIN_DENIED" });
    await lab.console.removeFault(fault);
    expect(await scrape()).toContain('operation="get_key",code="401"} 1\n');
  });

  it("P3: no key text is in it, and no key id", async () => {
    const text = await scrapeWith('keyturn_rotation_info{target="billing"');
    for (const word of ["apikey_", "sk-ant-", await lab.value("billing")]) expect(text).not.toContain(word);
  });

  it("Redis that is set up to evict shows within a scrape", async () => {
    await redis.client.config("SET", "maxmemory-policy", "allkeys-lru");
    expect(await scrape()).toContain("keyturn_redis_safe 0\n");
    expect(await scrape()).toContain('keyturn_redis_problem{setting="maxmemory-policy",severity="refuse"} 1\n');
    await redis.client.config("SET", "maxmemory-policy", "noeviction");
    expect(await scrape()).toContain("keyturn_redis_safe 1\n");
  });

  it("while Redis does not answer it still answers within two seconds, and says what it could not read", async () => {
    await redis.client.call("CLIENT", "PAUSE", "5000", "ALL");
    const began = performance.now();
    const text = await scrape();
    expect(performance.now() - began).toBeLessThan(2000);
    expect(text).toContain('keyturn_collection_success{part="records"} 0\n');
    expect(text).toContain("keyturn_build_info{");
    expect(text).not.toContain("keyturn_rotation_info");
    await eventually(async () => (await scrape()).includes('keyturn_collection_success{part="records"} 1\n'), 20_000);
  });

  it("every metric that an alert or the dashboard reads is in the live output, when there is something of the kind", async () => {
    const now = app.deps.clock.now();
    const report = await app.deps.scanLog.report();
    if (report === null) throw new Error("no scan kept a report");
    const [target] = report.targets.shown;
    await app.deps.scanLog.rememberReport({
      ...report,
      targets: { shown: [{ ...target!, name: "expiring", expiresAt: now + DAY }], total: 1 },
      problems: { shown: [{ code: "store_denied", target: "expiring", message: "" }], total: 1 },
    });
    const attention = { code: "outgoing_still_used", message: "", next: "", since: now, looks: 1 } as const;
    // Nobody looks at it: it has no time to be woken at.
    const record = aRotation({
      id: "rot_draining",
      target: "expiring",
      state: "draining",
      attention,
      drainLimitAt: now,
      wakeAt: null,
      plan: aPlan({ targets: ["expiring"], outgoingKeyId: "apikey_x" }),
      outgoing: aKey("apikey_x"),
    });
    await app.deps.rotations.commit({ record, expectedRevision: 0, locks: ["target:expiring"], audit: [] });
    app.counters.socket.connected = false;
    await redis.client.config("SET", "appendonly", "no");
    const text = await scrape();
    await redis.client.config("SET", "appendonly", "yes");
    const shown = new Set(metricsIn(text));
    const read = new Set([...RULES.map((rule) => rule.expr), ...dashboardExprs()].flatMap(metricsIn));
    expect(read.size).toBeGreaterThan(30);
    expect([...read].filter((name) => !shown.has(name))).toEqual([]);
    const { code, output } = await promtool(["check", "metrics"], text);
    expect([code, output]).toEqual([0, ""]);
  });

  it("a port that is taken is said with the setting that names it", async () => {
    await lab.configure({ http: { ...ports, metricsPort: server.ports.metrics } });
    const second = await lab.app();
    await expect(startServer(second)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      next: expect.stringContaining("http.metricsPort"),
    });
  });

  it("ends with the server, as the last of its parts", async () => {
    expect(server.parts.at(-1)?.name).toBe("metrics");
    for (const part of server.parts) await part.close(2000);
    await expect(scrape()).rejects.toThrow("fetch failed");
  });
});
