import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { loadConfig } from "../config/load.ts";
import { compose } from "../src/compose.ts";
import { type Server, startServer } from "../src/serve.ts";
import { startLab } from "./support/lab.ts";
import { startRedisServer } from "./support/redis-server.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Takes a port, or finds that somebody has it already. */
async function taken(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve());
    server.listen(port, "127.0.0.1", () => resolve());
  });
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo | null)?.port ?? port;
}

async function serve(http: Record<string, unknown>): Promise<Server> {
  const redis = await startRedisServer();
  closing.push(() => redis.stop());
  const lab = await startLab(redis.url, { http: { host: "127.0.0.1", ...http } });
  closing.push(() => lab.close());
  const app = await compose(loadConfig({ path: lab.configFile }), { log: pino({ level: "silent" }) });
  closing.push(() => app.close());
  const server = await startServer(app);
  closing.push(async () => {
    for (const part of server.parts) await part.close(2000);
  });
  return server;
}

describe("the ports of `serve`", () => {
  it("the default metrics port is taken: the metrics are on another one, since nobody asked for this one", async () => {
    await taken(9090);
    const { ports } = await serve({ port: 0 });
    expect(ports.metrics).not.toBe(9090);
    expect((await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).status).toBe(200);
  });

  it("a metrics port that the configuration names is taken: it says so, and nothing stays open", async () => {
    const port = await taken(0);
    await expect(serve({ port: 0, metricsPort: port })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
  });

  it("the port of the pages is taken: the metrics' port is given back", async () => {
    const [port, metricsPort] = [await taken(0), await taken(0)];
    await closing.pop()?.();
    await expect(serve({ port, metricsPort })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    await expect(fetch(`http://127.0.0.1:${metricsPort}/metrics`)).rejects.toThrow("fetch failed");
  });
});
