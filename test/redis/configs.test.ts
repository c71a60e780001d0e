import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRedisConfigs } from "../../src/redis/configs.ts";
import { type Server, T0, jsServer } from "./harness.ts";

const MINUTE = 60_000;

describe("R15: which configuration is the newest", () => {
  let server: Server;
  beforeAll(async () => {
    server = await jsServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => server.flush());

  /** A process whose server clock says `now`. */
  function announcing(hash: string, mtimeMs: number, holds: string[] = [], now = T0) {
    const redis = server.connect();
    redis.time = (() => Promise.resolve([Math.floor(now / 1000), 0])) as unknown as typeof redis.time;
    return createRedisConfigs({ redis, install: "kt", hash, mtimeMs, holds });
  }

  it("a process alone has the newest, announced or not", async () => {
    const one = announcing("a", T0 - MINUTE);
    expect(await one.isNewest()).toBe(true);
    await one.announce();
    expect(await one.isNewest()).toBe(true);
  });

  it.each([
    { when: "a later one with other content", other: ["b", T0 - MINUTE], newest: false },
    { when: "an earlier one with other content", other: ["b", T0 - 3 * MINUTE], newest: true },
    { when: "an equally old one with other content", other: ["b", T0 - 2 * MINUTE], newest: true },
    { when: "a later copy of the same content", other: ["a", T0 - MINUTE], newest: true },
  ] as const)("against $when: newest $newest", async ({ other, newest }) => {
    const one = announcing("a", T0 - 2 * MINUTE);
    await one.announce();
    await announcing(other[0], other[1]).announce();
    expect(await one.isNewest()).toBe(newest);
  });

  it("going back to an older content by a later file makes that content the newest again", async () => {
    await announcing("a", T0 - 9 * MINUTE).announce();
    await announcing("b", T0 - 5 * MINUTE).announce();
    const back = announcing("a", T0 - MINUTE);
    await back.announce();
    expect(await back.isNewest()).toBe(true);
    expect(await announcing("b", T0 - 5 * MINUTE).isNewest()).toBe(false);
  });

  it("R24: a file from the future counts as of now", async () => {
    await announcing("future", T0 + 1000 * MINUTE).announce();
    const later = announcing("b", T0 + MINUTE, [], T0 + 2 * MINUTE);
    await later.announce();
    expect(await later.isNewest()).toBe(true);
  });

  it("a process that has not announced yet is older than a later file", async () => {
    await announcing("b", T0).announce();
    expect(await announcing("a", T0 - MINUTE).isNewest()).toBe(false);
  });

  it("R17: holds are the union of everything announced within 15 minutes", async () => {
    await announcing("a", T0 - 2 * MINUTE, ["apikey_a"]).announce();
    const b = announcing("b", T0 - MINUTE, ["apikey_b"], T0 + 14 * MINUTE);
    await b.announce();
    expect(await b.holds()).toEqual(["apikey_a", "apikey_b"]);
  });

  it("the newest configuration's holds last, though its processes are gone; an older one's are forgotten", async () => {
    await announcing("newest", T0, ["apikey_new"]).announce();
    await announcing("older", T0 - MINUTE, ["apikey_old"]).announce();
    const stale = announcing("oldest", T0 - 9 * MINUTE, ["apikey_own"], T0 + 16 * MINUTE);
    expect(await stale.holds()).toEqual(["apikey_new", "apikey_own"]);
    await stale.announce();
    expect(Object.keys(await server.connect().hgetall("{kt}:configs")).toSorted()).toEqual(["newest", "oldest"]);
  });
});
