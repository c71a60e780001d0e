import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ALLOWED } from "../../src/tracing/attributes.ts";
import { type Installation, POLICY, install } from "../e2e/installation.ts";
import { type Spawned, spawnKeyturn } from "../support/cli.ts";
import { eventually } from "../support/quiet-log.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Collector, type ReceivedSpan, said, startCollector } from "./collector.ts";

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 60_000;
let redis: RedisServer;
let at: Installation;
let collector: Collector;
let servers: Spawned[] = [];
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  collector = await startCollector();
  at = await install(redis, {
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    policy: { ...POLICY, gracePeriod: "1s" },
  });
  await at.target("billing", 100);
});
afterEach(async () => {
  for (const s of servers) s.process.kill("SIGKILL");
  await Promise.all(servers.map((s) => s.ended));
  servers = [];
  await at.close();
  await collector.close();
});

const HOOK = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  registerHooks({ resolve: (name, context, next) => {
    const found = next(name, context);
    if (/opentelemetry|bullmq-otel/.test(found.url)) process.stderr.write(JSON.stringify({ loaded: name }) + "\\n");
    return found;
  } });
`)}`;

async function serve(env: Record<string, string> = {}): Promise<Spawned> {
  const server = spawnKeyturn(["serve", "--config", at.configFile], { env });
  servers.push(server);
  await eventually(() => server.stderr().includes("serve.ready") || server.process.exitCode !== null, PATIENCE_MS);
  if (server.process.exitCode !== null) throw new Error(server.stderr());
  return server;
}
/** Ends it as Kubernetes does. @returns milliseconds that it took */
async function stop(server: Spawned): Promise<number> {
  const began = performance.now();
  server.process.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
  return performance.now() - began;
}
/** A whole rotation, by a `serve` that is there. */
async function rotation(): Promise<{ id: string; replacement: string }> {
  await eventually(async () => (await at.run("show", "billing")).code === 0, PATIENCE_MS);
  const { id } = await at.shown(0, "approve", "billing");
  const { text } = await at.submitNew("billing");
  const ended = await at.run("wait", id, "--for", "completed", "--timeout", "60s", "--json");
  expect([ended.code, ended.stdout]).toEqual([0, expect.anything()]);
  return { id, replacement: text };
}
const has = (span: ReceivedSpan, key: string, value?: unknown) => {
  const found = said(span.attributes)[key];
  return value === undefined ? found !== undefined : found === value;
};

describe("traces of a real `serve`", () => {
  it("each step is a trace: add → process → step → requests; everything on the list, no key anywhere", async () => {
    const token = join(at.dir, "otlp-token");
    await writeFile(token, "Bearer of-the-collector", { mode: 0o600 });
    await at.configure({ tracing: { endpoint: collector.url, headers: { authorization: `file:${token}` } } });
    const outgoing = await at.value("billing");
    const server = await serve();
    const { id, replacement } = await rotation();
    await stop(server);

    const spans = collector.spans();
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const steps = spans.filter((span) => span.name === "step" && has(span, "keyturn.rotation", id));
    const tookPlace = new Set(steps.map((span) => said(span.attributes)["keyturn.step"]));
    for (const step of [
      "verifying",
      "promoting",
      "propagating",
      "draining",
      "deactivating",
      "grace_period",
      "archiving",
    ])
      expect(tookPlace).toContain(step);
    for (const step of steps) {
      const process = byId.get(step.parentSpanId ?? "");
      expect(process?.name).toBe("process rotations");
      expect(process?.kind).toBe(5);
    }
    // Adding and processing are one trace, also where another process added: `keyturn approve` is one.
    const added = spans.filter((span) => span.name.startsWith("add "));
    const linked = steps.filter((step) => {
      const process = byId.get(step.parentSpanId ?? "");
      const add = byId.get(process?.parentSpanId ?? "");
      return add !== undefined && added.includes(add) && add.traceId === step.traceId;
    });
    expect(linked.length).toBeGreaterThan(steps.length / 2);
    // No trace lasts for days: one has one step.
    const traces = steps.map((span) => span.traceId);
    expect(new Set(traces).size).toBe(traces.length);
    expect(added.filter((span) => span.parentSpanId !== undefined)).toEqual([]);
    expect(added.some((span) => span.links.some((link) => traces.includes(link.traceId)))).toBe(true);

    const requests = spans.filter((span) => has(span, "keyturn.operation"));
    expect(requests.every((span) => byId.get(span.parentSpanId ?? "")?.name === "step")).toBe(true);
    expect(requests.map((span) => span.name)).toEqual(
      expect.arrayContaining(["anthropic get_key", "anthropic set_key_status", "dotenv-file promote"]),
    );
    const names = new Set(spans.flatMap((span) => span.attributes.map((attribute) => attribute.key)));
    expect([...names].filter((name) => !Object.hasOwn(ALLOWED, name))).toEqual([]);
    expect(collector.resource()).toEqual({
      "service.name": "keyturn",
      "service.version": expect.any(String) as string,
      "service.namespace": "keyturn",
    });
    expect(collector.headers.every((each) => each.authorization === "Bearer of-the-collector")).toBe(true);

    const everything = collector.bodies.join("\n");
    for (const secret of [outgoing, replacement, at.sandbox.adminKey, "of-the-collector"]) {
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain(secret.slice(-12));
    }
    // Log lines of a step lead to its trace.
    const lines = server
      .stderr()
      .split("\n")
      .filter((line) => line.includes('"rotation.step"'))
      .map((line) => JSON.parse(line) as { trace_id: string; span_id: string });
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(byId.get(line.span_id)?.traceId).toBe(line.trace_id);
  });

  it("an error leaves its code, and the step that failed says so", async () => {
    await at.configure({ tracing: { endpoint: collector.url } });
    await serve();
    await eventually(async () => (await at.run("show", "billing")).code === 0, PATIENCE_MS);
    await at.shown(0, "approve", "billing");
    const fault = { kind: "status", status: 403 } as const;
    await at.console.addFault({ match: { path: "^/v1/organizations/api_keys/" }, times: 3, fault });
    await at.run("retry", "billing");
    await eventually(
      () => collector.spans().some((span) => has(span, "keyturn.code", "ADMIN_DENIED") && span.status.code === 2),
      PATIENCE_MS,
    );
    expect(collector.bodies.join("")).not.toMatch(/stack|exception|message/);
  });

  it.each(["hang", 503, "gone"] as const)(
    "a collector that is away (%s) changes nothing: the rotation ends, and so does the process, in time",
    async (how) => {
      await at.configure({ tracing: { endpoint: collector.url } });
      if (how === "gone") await collector.close();
      else collector.answer = how;
      const server = await serve();
      await rotation();
      // One second is what the end of a process waits for a collector; the rest is the machine's.
      expect(await stop(server)).toBeLessThan(10_000);
      expect(server.stderr().match(/"tracing.failing"/g) ?? []).toHaveLength(1);
    },
  );

  it("off, nothing of OpenTelemetry is loaded; on, it is (so this test can tell)", async () => {
    const withHook = { NODE_OPTIONS: `--import=${HOOK}` };
    const off = await serve(withHook);
    await rotation();
    await stop(off);
    expect(off.stderr()).not.toContain('"loaded"');
    await at.configure({ tracing: { endpoint: collector.url } });
    const on = await serve(withHook);
    await stop(on);
    expect(on.stderr()).toContain('{"loaded":"@opentelemetry/api"}');
  });
});
