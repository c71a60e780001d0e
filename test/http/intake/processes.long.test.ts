import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everythingIn, filesBelow, findings } from "../../canary/search.ts";
import { type Drive, drive } from "../../support/drive.ts";
import { type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { type Visit, linkFor, visit } from "./kit.ts";

const WAITING = { policy: { gracePeriod: "1s", replacementWithin: "7d" } };

/** Two installations' worth of processes on a real redis-server, each with its own connections and HTTP server. */
describe("one-time links on a real redis-server", () => {
  let redis: RedisServer;
  const open: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(async () => {
    for (const each of open.toReversed()) await each.close();
    await redis.stop();
  });
  const started = async (d: Drive, deps = d.deps): Promise<Visit> => {
    const v = await visit(deps);
    open.push(v);
    return v;
  };

  it("P6: in 20 races of 4 submissions in 2 processes, each link is used once and each rotation takes one key", async () => {
    const targets = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`t${i}`, {}]));
    const d = await drive(redis.url, { targets, config: WAITING });
    open.push(d);
    d.deps.settings.maxOpenRotations = 30;
    const visits = [await started(d), await started(d, await d.again())] as const;
    for (let i = 0; i < 20; i++) {
      const { id } = await d.to("awaiting_replacement", `t${i}`);
      const token = await linkFor(d.deps, id);
      const keys = await Promise.all(["a", "b", "c", "d"].map((name) => d.make({ name: `${name}${i}` })));
      const asked = await Promise.all(keys.map((key, n) => visits[n % 2]!.hand(token, key.secret)));
      const states = asked.map((each) => each.says.state);
      expect(states.filter((state) => state === "accepted")).toHaveLength(1);
      expect(states.filter((state) => state === "busy" || state === "used")).toHaveLength(3);
      const winner = keys[states.indexOf("accepted")]!;
      expect((await d.load(id)).replacement?.id).toBe(winner.key.id);
    }
  });

  it("P3: neither a link's token nor any pasted key is in Redis, its append-only file or the audit file", async () => {
    const d = await drive(redis.url, { config: WAITING });
    open.push(d);
    const v = await started(d);
    const { id } = await d.to("awaiting_replacement");
    const tokens = [await linkFor(d.deps, id), await linkFor(d.deps, id)];
    const refused = await d.console.seedKey({ name: "off", status: "inactive" });
    const accepted = await d.make();
    expect((await v.hand(tokens[1]!, refused.secret)).says["code"]).toBe("key_not_active");
    expect((await v.hand(tokens[1]!, accepted.secret)).says.state).toBe("accepted");
    const canaries = [
      ...tokens.map((text, i) => ({ name: `token ${i}`, text })),
      { name: "refused", text: refused.secret },
      { name: "accepted", text: accepted.secret },
    ];
    const audit = (await filesBelow(d.lab.dir)).filter(({ where }) => where.includes("audit"));
    expect(audit).not.toEqual([]);
    const traces = [...(await everythingIn(redis.client)), ...(await filesBelow(redis.folder)), ...audit];
    expect(traces.some(({ where }) => where.includes(":intake:"))).toBe(true);
    expect(findings(canaries, traces)).toEqual([]);
  });
});
