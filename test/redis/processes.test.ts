import { afterEach, describe, expect, it } from "vitest";
import { createRedisProcesses } from "../../src/redis/processes.ts";
import { type StartServer, jsCluster, jsServer } from "./harness.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function world(start: StartServer) {
  const server = await start();
  closing.push(() => server.stop());
  const redis = server.connect();
  return { redis, on: (host: string, install = "kt") => createRedisProcesses({ redis, install, host }) };
}

describe.each([
  ["js-redis-server", jsServer],
  ["js-redis-server as a cluster", jsCluster],
])("processes at work (%s)", (_, start) => {
  it("are seen with their host until they leave, each installation its own", async () => {
    const { on } = await world(start);
    const [a, b, other] = [on("a"), on("b"), on("c", "other")];
    await a.beat("serve", false);
    await b.beat("run-once", false);
    await other.beat("serve", false);
    const seen = await a.all();
    expect(seen.toSorted((x, y) => x.host.localeCompare(y.host))).toEqual([
      { kind: "serve", host: "a", files: false },
      { kind: "run-once", host: "b", files: false },
    ]);
    await a.leave();
    await a.leave();
    expect((await b.all()).map(({ host }) => host)).toEqual(["b"]);
  });

  it("R10: the files belong to the first host; another one is told whose they are, and registers without them", async () => {
    const { on } = await world(start);
    const [a, b] = [on("a"), on("b")];
    expect(await a.beat("serve", true)).toBeNull();
    expect(await b.beat("serve", true)).toMatchObject({ host: "a", until: expect.any(Number) as number });
    expect((await b.all()).filter(({ files }) => files).map(({ host }) => host)).toEqual(["a"]);
  });

  it("R10: any number of processes of one host have them, and the host keeps them until the last one left", async () => {
    const { on } = await world(start);
    const [one, two, three, b] = [on("a"), on("a"), on("a"), on("b")];
    for (const each of [one, two, three]) expect(await each.beat("serve", true)).toBeNull();
    await one.leave();
    await two.leave();
    expect(await b.beat("serve", true)).not.toBeNull();
    await three.leave();
    expect(await b.beat("serve", true)).toBeNull();
    expect(await one.beat("serve", true)).toMatchObject({ host: "b" });
  });

  it("a host without such stores is in nobody's way", async () => {
    const { on } = await world(start);
    await on("a").beat("serve", false);
    expect(await on("b").beat("serve", true)).toBeNull();
    expect(await on("c").beat("serve", false)).toBeNull();
  });

  it("R10: of a process that died nothing is left after 30 s, so the next host is locked out for no longer", async () => {
    const { redis, on } = await world(start);
    await on("a").beat("serve", true);
    const [member, until] = await redis.zrange("{kt}:processes", "0", "-1", "WITHSCORES");
    const left = Number(until) - Date.now();
    expect([left > 20_000, left <= 30_000]).toEqual([true, true]);
    await redis.zadd("{kt}:processes", Date.now() - 1, String(member));
    expect(await on("b").beat("serve", true)).toBeNull();
  });
});

it("a Redis that is away is REDIS_UNAVAILABLE: whose the files are is then not known", async () => {
  const gone = await jsServer();
  const processes = createRedisProcesses({ redis: gone.connect(), install: "kt", host: "a" });
  await processes.beat("serve", true);
  await gone.stop();
  await expect(processes.beat("serve", true)).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
});
