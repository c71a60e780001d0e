import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Installation, POLICY, install } from "../e2e/installation.ts";
import { type Spawned, spawnKeyturn } from "../support/cli.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { hurriedRules } from "./hurried.ts";
import { RULES } from "./rules.ts";
import { type Running, type Told, startAlertmanager, startPrometheus, startReceiver } from "./servers.ts";

/*
 * The whole way of an alert, once: a real `serve` with a rotation that is really stuck → Debian's Prometheus, which scrapes
 * it and evaluates our rules → Debian's Alertmanager → a webhook. Only time is hurried (hurried.ts).
 */

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 90_000;
let redis: RedisServer;
let at: Installation;
let server: Spawned;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let alertmanager: Running;
let prometheus: Awaited<ReturnType<typeof startPrometheus>>;

beforeAll(async () => {
  redis = await startRedisServer();
  at = await install(redis, {
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    policy: { ...POLICY, gracePeriod: "1s" },
  });
  await at.target("billing", 91);
  server = spawnKeyturn(["serve", "--config", at.configFile]);
  await eventually(() => server.stderr().includes("serve.ready") || server.process.exitCode !== null, PATIENCE_MS);
  const ready = server
    .stderr()
    .split("\n")
    .find((line) => line.includes("serve.ready"));
  const { ports } = JSON.parse(ready ?? "{}") as { ports: { metrics: number } };
  receiver = await startReceiver();
  const dir = join(at.dir, "monitoring");
  await mkdir(dir);
  alertmanager = await startAlertmanager(dir, receiver.url);
  prometheus = await startPrometheus(dir, {
    scrape: `127.0.0.1:${ports.metrics}`,
    rules: hurriedRules(),
    alertmanager: alertmanager.url,
  });
});
afterAll(async () => {
  server.process.kill("SIGKILL");
  await server.ended;
  for (const running of [prometheus, alertmanager, receiver]) await running.stop();
  await at.close();
  await redis.stop();
});

const last = (alert: string): Told | undefined =>
  receiver.told.findLast(({ labels }) => labels["alertname"] === alert && labels["severity"] === "critical");
const firing = () => prometheus.query('ALERTS{alertstate="firing"}');
const shipped = (alert: string) => RULES.find((rule) => rule.alert === alert);

describe("the way of an alert", () => {
  it("nothing fires while nothing is wrong, and Prometheus sees the installation", async () => {
    await eventually(async () => (await prometheus.query("keyturn_rotation_info")).length === 1, PATIENCE_MS);
    // The first evaluation may come before the first scrape.
    await eventually(async () => (await firing()).length === 0, PATIENCE_MS);
    const [seen] = await prometheus.query("keyturn_rotation_state_entered_timestamp_seconds");
    expect(seen?.metric).toMatchObject({ job: "keyturn", target: "billing", state: "awaiting_approval" });
    const problems = (await prometheus.query('count(up{job="keyturn"} == 1)')).map(({ value }) => value);
    expect(problems).toEqual([1]);
  });

  it("a rotation that is really stuck arrives at the webhook, with labels, words and links", async () => {
    await at.shown(0, "approve", "billing");
    const { id } = await at.shown(0, "show", "billing");
    // Held in the middle of its verification, so that the Admin API is away exactly when the next step needs it.
    const gate = await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "gate" } });
    await at.submitNew(id);
    await at.console.untilFaultHits(gate, 1, PATIENCE_MS);
    const away = await at.console.addFault({
      match: { path: "^/v1/organizations/api_keys/" },
      times: null,
      fault: { kind: "status", status: 529 },
    });
    await at.console.removeFault(gate);

    await eventually(() => last("KeyturnRotationStuck")?.status === "firing", PATIENCE_MS);
    const { state } = await at.shown(0, "show", id);
    const told = last("KeyturnRotationStuck");
    expect(told?.labels).toMatchObject({ severity: "critical", target: "billing", rotation: id, state, next: "us" });
    // One alert for the installation, whatever the number of replicas.
    expect(told?.labels).not.toHaveProperty("instance");
    const { annotations } = shipped("KeyturnRotationStuck")!;
    expect(told?.annotations).toMatchObject({
      summary: "The rotation of billing does not go on.",
      description: expect.stringMatching(`^Rotation ${id} of billing is in ${state} for \\d+(\\.\\d+)?s\\. `) as string,
      impact: annotations["impact"],
      action: annotations["action"],
      runbook_url: "docs/runbook.md#keyturnrotationstuck",
      dashboard_url: "dashboards?query=Keyturn",
    });
    expect(JSON.stringify(receiver.told)).not.toMatch(/sk-ant-|apikey_/);
    await at.console.removeFault(away);
  });

  it("resolves when the cause is gone and the rotation went on by itself", async () => {
    await eventually(() => last("KeyturnRotationStuck")?.status === "resolved", PATIENCE_MS);
    const ended = await at.run("wait", "billing", "--for", "completed", "--timeout", "60s", "--json");
    expect(ended.code).toBe(0);
    await eventually(async () => (await firing()).length === 0, PATIENCE_MS);
    // Its series are gone with it.
    const entered = () => prometheus.query("keyturn_rotation_state_entered_timestamp_seconds");
    await eventually(async () => (await entered()).length === 0, PATIENCE_MS);
  });

  it("a Keyturn that is gone is an alert as well", async () => {
    const before = receiver.told.length;
    server.process.kill("SIGTERM");
    await server.ended;
    const gone = () =>
      receiver.told
        .slice(before)
        .find(({ labels, status }) => labels["alertname"] === "KeyturnAbsent" && status === "firing");
    await eventually(() => gone() !== undefined, PATIENCE_MS);
    expect(gone()?.annotations["summary"]).toBe(shipped("KeyturnAbsent")?.annotations["summary"]);
  });
});
