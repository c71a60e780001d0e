import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { pino } from "pino";
import { configSchema } from "../../config/schema.ts";
import { checkHealth, livezOf } from "../../src/cli/health-check.ts";
import { healthRoutes } from "../../src/http/health.ts";
import { startHttpServer } from "../../src/http/server.ts";

const folder = mkdtempSync(join(tmpdir(), "kt-health-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "keyturn.yaml");

describe("where the health check asks", () => {
  const { host, port } = configSchema.parse({ anthropic: { adminKey: "env:A" } }).http;

  it.each([
    ["the defaults of the schema", "anthropic: {}", `http://${host}:${port}/livez`],
    ["an empty file, which `serve` would have refused", "", `http://${host}:${port}/livez`],
    ["every interface: by the loopback one", "http: { host: 0.0.0.0, port: 81 }", "http://127.0.0.1:81/livez"],
    ["every interface of IPv6", 'http: { host: "::", port: 81 }', "http://[::1]:81/livez"],
    ["one interface", "http: { host: 10.0.0.7 }", `http://10.0.0.7:${port}/livez`],
    ["any port: nobody can know", "http: { port: 0 }", null],
    ["no YAML", "http: [", null],
  ])("%s", (_, text, url) => expect(livezOf(text)).toBe(url));
});

describe("what it says", () => {
  const serve = (alive: boolean) =>
    startHttpServer({
      host: "127.0.0.1",
      port: 0,
      log: pino({ level: "silent" }),
      routes: healthRoutes({
        checks: {},
        started: () => true,
        alive: () => alive,
        log: pino({ level: "silent" }),
      }),
    });

  it.each([
    [true, 200],
    [false, 503],
  ])("healthy is %s when /livez answers %i", async (alive, status) => {
    const server = await serve(alive);
    try {
      writeFileSync(file, `http: { port: ${server.port} }\n`);
      expect(await checkHealth(file)).toEqual({
        ok: alive,
        said: `http://127.0.0.1:${server.port}/livez answers ${status}`,
      });
    } finally {
      await server.close(0);
    }
  });

  it("unhealthy when nobody listens there any more", async () => {
    const server = await serve(true);
    await server.close(0);
    writeFileSync(file, `http: { port: ${server.port} }\n`);
    expect(await checkHealth(file)).toEqual({
      ok: false,
      said: `http://127.0.0.1:${server.port}/livez does not answer (ECONNREFUSED)`,
    });
  });

  it("unhealthy, with the setting to change, when it cannot know where to ask", async () => {
    const missing = join(folder, "missing.yaml");
    expect(await checkHealth(missing)).toMatchObject({
      ok: false,
      said: expect.stringContaining("KEYTURN_CONFIG") as string,
    });
    writeFileSync(file, "http: { port: 0 }\n");
    expect(await checkHealth(file)).toMatchObject({ ok: false, said: expect.stringContaining("http.port") as string });
  });
});
