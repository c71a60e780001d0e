import { afterEach, describe, expect, it } from "vitest";
import { type HealthOptions, healthRoutes } from "../../src/http/health.ts";
import { type HttpServer, type Route, startHttpServer } from "../../src/http/server.ts";
import { listeningLog } from "../support/quiet-log.ts";

const open: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(100)));
});

async function aServer(routes: readonly Route[]) {
  const log = listeningLog();
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, routes, log });
  open.push(server);
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return { server, ask, log };
}
const health = (more: Partial<HealthOptions> = {}) =>
  healthRoutes({
    checks: { redis: async () => undefined },
    started: () => true,
    log: listeningLog(),
    timeoutMs: 50,
    ...more,
  });

describe("health", () => {
  it.each([
    { when: "everything works", path: "/readyz", more: {}, status: 200, body: { status: "ok", redis: "ok" } },
    {
      when: "a check fails",
      path: "/readyz",
      more: { checks: { redis: () => Promise.reject(new Error("canary")) } },
      status: 503,
      body: { status: "failing", redis: "failing" },
    },
    {
      when: "a check hangs",
      path: "/readyz",
      more: { checks: { redis: () => new Promise<void>(() => {}) } },
      status: 503,
      body: { status: "failing", redis: "failing" },
    },
    {
      when: "it starts",
      path: "/readyz",
      more: { started: () => false },
      status: 503,
      body: { status: "failing", process: "starting" },
    },
    {
      when: "it stops",
      path: "/readyz",
      more: { stopping: () => true },
      status: 503,
      body: { status: "failing", process: "stopping" },
    },
    {
      when: "Redis is away",
      path: "/livez",
      more: { checks: { redis: () => Promise.reject(new Error("x")) } },
      status: 200,
      body: { status: "ok" },
    },
    {
      when: "the worker no longer works",
      path: "/livez",
      more: { alive: () => false },
      status: 503,
      body: { status: "failing" },
    },
    { when: "the start is complete", path: "/startupz", more: {}, status: 200, body: { status: "ok" } },
    {
      when: "it still starts",
      path: "/startupz",
      more: { started: () => false },
      status: 503,
      body: { status: "failing" },
    },
  ])("$path answers $status when $when", async ({ path, more, status, body }) => {
    const { ask } = await aServer(health(more));
    const answer = await ask(`${path}?from=probe`);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual(body);
  });
});

describe("the HTTP server", () => {
  it("knows its routes only, by method", async () => {
    const { ask } = await aServer(health());
    expect((await ask("/nothing")).status).toBe(404);
    const wrong = await ask("/livez", { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
    const head = await ask("/livez", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
  });

  it("a route's error is a code for the caller and keeps its text from the log", async () => {
    const { ask, log } = await aServer([
      { method: "GET", path: "/", handle: () => Promise.reject(new Error("canary")) },
    ]);
    const answer = await ask("/");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([500, { error: { code: "INTERNAL" } }]);
    expect(
      answer.text + JSON.stringify(log.lines) + String((log.lines[0]?.fields["err"] as Error | undefined)?.stack),
    ).not.toContain("canary");
  });

  it("a port in use is refused as a wrong configuration that names it", async () => {
    const { server } = await aServer([]);
    const again = startHttpServer({ host: "127.0.0.1", port: server.port, routes: [], log: listeningLog() });
    await expect(again).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(`127.0.0.1:${server.port}: EADDRINUSE`) as string,
    });
  });

  it("closes at the deadline although a request never ends, and closing again is the same", async () => {
    const { server, ask } = await aServer([{ method: "GET", path: "/", handle: () => new Promise(() => {}) }]);
    const cut = ask("/").then(
      () => "answered",
      () => "cut",
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([server.close(50), server.close(50)]);
    expect(await cut).toBe("cut");
  });
});
