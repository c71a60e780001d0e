import { type Server, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Cluster } from "ioredis";
import { createRedisMock } from "js-redis-server";
import { afterEach, describe, expect, it } from "vitest";
import { type RedisConnection, connectRedis } from "../../src/redis/connect.ts";
import { hostPort, whereOf } from "../../src/redis/settings.ts";
import { cuttableProxy } from "../support/cuttable-proxy.ts";
import { eventually } from "../support/quiet-log.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function connected(
  url: string,
  role: "producer" | "worker",
  onTrouble?: (code: string) => void,
): Promise<RedisConnection> {
  const connection = await connectRedis({ url }, { role, ...(onTrouble ? { onTrouble } : {}) });
  ends.push(connection.disconnect);
  return connection;
}
/** Accepts connections and says `reply` to whatever it hears. */
async function aPort(reply: string | null): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    ends.push(() => socket.destroy());
    socket.on("data", () => void (reply === null ? 0 : socket.write(reply)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe("connecting to Redis", () => {
  it.each(["producer", "worker"] as const)("a %s connects, and ends together with its copies", async (role) => {
    const mock = await createRedisMock();
    ends.push(() => mock.close());
    const connection = await connected(mock.url, role);
    expect([await connection.client.ping(), connection.ready()]).toEqual(["PONG", true]);
    if (connection.client instanceof Cluster) throw new Error("not a cluster");
    const copy = connection.client.duplicate();
    await copy.connect();
    connection.disconnect();
    await eventually(() => copy.status === "end" && connection.client.status === "end");
    expect(connection.ready()).toBe(false);
  });

  it.each([
    { when: "nobody listens", reply: "closed", code: "ECONNREFUSED" },
    { when: "nobody answers", reply: null, code: "ETIMEDOUT" },
  ])("when $when the error comes in time, with address and code", async ({ reply, code }) => {
    const port = await aPort(reply);
    if (reply === "closed") await ends.pop()?.();
    const started = Date.now();
    const trying = connectRedis(
      { url: `redis://user:canary-password@127.0.0.1:${port}/0` },
      { role: "producer", connectWithinMs: 300 },
    );
    const error = await trying.then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code: "REDIS_UNAVAILABLE", exit: 69 });
    expect(error?.message).toContain(`(127.0.0.1:${port}: ${code})`);
    expect(`${error?.message}${error?.stack}`).not.toContain("canary");
    expect(Date.now() - started).toBeLessThan(2000);
  });

  it("refused credentials are said at once, without waiting for the limit", async () => {
    const port = await aPort("-WRONGPASS invalid username-password pair canary\r\n".repeat(3));
    const trying = connectRedis(
      { url: `redis://127.0.0.1:${port}`, password: "canary" },
      { role: "producer", connectWithinMs: 60_000 },
    );
    const error = await trying.then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ code: "REDIS_UNAVAILABLE", next: "Check redis.username and redis.password." });
    expect(error?.message).toContain("WRONGPASS");
    expect(error?.message).not.toContain("canary");
  });

  it.each([
    {
      kind: "sentinels",
      settings: (node: string) => ({ sentinels: { master: "kt", nodes: [node] } }),
      next: /redis\.sentinels/,
    },
    {
      kind: "cluster",
      settings: (node: string) => ({ cluster: { nodes: [node] } }),
      next: /redis\.cluster.*redis\.url/,
    },
    { kind: "url", settings: (node: string) => ({ url: `redis://${node}` }), next: /redis\.url.*redis\.sentinels/ },
  ])("$kind of something else names the setting", async ({ settings, next }) => {
    const port = await aPort("-ERR unknown command\r\n".repeat(3));
    const trying = connectRedis(settings(`127.0.0.1:${port}`), { role: "producer", connectWithinMs: 300 });
    await expect(trying).rejects.toMatchObject({
      code: "REDIS_UNAVAILABLE",
      next: expect.stringMatching(next) as string,
    });
  });

  it("a producer whose server went away fails soon, and works again when it is back", async () => {
    const mock = await createRedisMock();
    const proxy = await cuttableProxy(mock.port);
    ends.push(() => mock.close(), proxy.cut);
    const codes: string[] = [];
    const { client } = await connected(`redis://127.0.0.1:${proxy.port}`, "producer", (code) => codes.push(code));
    await proxy.cut();
    await eventually(() => client.status !== "ready");
    const started = Date.now();
    await expect(client.get("x")).rejects.toBeInstanceOf(Error);
    expect(Date.now() - started).toBeLessThan(2000);
    await eventually(() => codes.includes("ECONNREFUSED"));
    await proxy.mend();
    await eventually(() => client.status === "ready");
    expect(await client.ping()).toBe("PONG");
  });

  it("a certificate that cannot be read is a wrong configuration", async () => {
    const trying = connectRedis({ url: "rediss://127.0.0.1:1", tls: { ca: "nowhere.pem" } }, { role: "producer" });
    await expect(trying).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});

it.each([
  { settings: { url: "rediss://user:canary@redis.example.com:6380/2" }, where: "redis.example.com:6380" },
  { settings: { url: "redis://redis" }, where: "redis:6379" },
  { settings: { url: "not a url canary" }, where: "an address that is not a URL" },
  { settings: { socket: "data/redis.sock" }, where: "socket data/redis.sock" },
  {
    settings: { sentinels: { master: "main", nodes: ["a:1", "b:2"], password: "canary" } },
    where: "main by sentinels a:1, b:2",
  },
  { settings: { cluster: { nodes: ["a:1"] } }, where: "cluster a:1" },
])("messages say where Redis is, never a password: $where", ({ settings, where }) => {
  expect(whereOf(settings)).toBe(where);
});

it.each([
  { text: "redis-1:6379", parts: { host: "redis-1", port: 6379 } },
  { text: "[::1]:6380", parts: { host: "::1", port: 6380 } },
])("$text in parts", ({ text, parts }) => expect(hostPort(text)).toEqual(parts));
