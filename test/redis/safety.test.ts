import { describe, expect, it } from "vitest";
import { type SafetyClient, assertRedisSafe, checkRedisSafety, sentencesOf } from "../../src/redis/safety.ts";
import { jsServer } from "./harness.ts";

const GOOD = { "maxmemory-policy": "noeviction", appendonly: "yes", save: "" };

/** A server with these settings; `config: null` refuses CONFIG as managed servers do. */
function aServer(config: Record<string, string> | null, info = ""): SafetyClient {
  return {
    info: async () => info,
    config: async (_get, name) => {
      if (config === null)
        throw Object.assign(new Error("NOPERM this user has no permissions"), { name: "ReplyError" });
      return name in config ? [name, config[name]] : [];
    },
  };
}
const check = (server: SafetyClient, persistence: "required" | "warn" = "required") =>
  checkRedisSafety(server, { persistence });

describe("a Redis that keeps what it confirms", () => {
  it.each([
    { when: "append-only file and no eviction", server: aServer(GOOD), problems: [] },
    {
      when: "snapshots only",
      server: aServer({ ...GOOD, appendonly: "no", save: "3600 1" }),
      problems: ["warn appendonly no (snapshots only)"],
    },
    { when: "no persistence", server: aServer({ ...GOOD, appendonly: "no" }), problems: ["refuse appendonly no"] },
    {
      when: "eviction",
      server: aServer({ ...GOOD, "maxmemory-policy": "allkeys-lru" }),
      problems: ["refuse maxmemory-policy allkeys-lru"],
    },
    {
      when: "a full disk",
      server: aServer(GOOD, "aof_last_write_status:err"),
      problems: ["refuse aof_last_write_status err"],
    },
    {
      when: "failing snapshots",
      server: aServer({ ...GOOD, appendonly: "no", save: "60 1" }, "rdb_last_bgsave_status:err"),
      problems: ["warn appendonly no (snapshots only)", "refuse rdb_last_bgsave_status err"],
    },
    {
      when: "CONFIG forbidden, INFO good",
      server: aServer(null, "maxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n"),
      problems: [],
    },
    {
      when: "CONFIG forbidden, INFO bad",
      server: aServer(null, "maxmemory_policy:volatile-lru\r\naof_enabled:0\r\n"),
      problems: ["refuse maxmemory-policy volatile-lru", "refuse appendonly no"],
    },
    {
      when: "replicas that a master does not wait for",
      server: aServer({ ...GOOD, "min-replicas-to-write": "0" }, "connected_slaves:2"),
      problems: ["warn min-replicas-to-write 0"],
    },
    {
      when: "replicas that a master waits for",
      server: aServer({ ...GOOD, "min-replicas-to-write": "1" }, "connected_slaves:2"),
      problems: [],
    },
    {
      when: "no replicas, so no failover",
      server: aServer({ ...GOOD, "min-replicas-to-write": "0" }, "connected_slaves:0"),
      problems: [],
    },
    {
      when: "a Cluster one of whose masters evicts",
      server: {
        ...aServer(GOOD),
        nodes: () => [aServer(GOOD), aServer({ ...GOOD, "maxmemory-policy": "allkeys-lru" }), aServer(GOOD)],
      },
      problems: ["refuse maxmemory-policy allkeys-lru"],
    },
    {
      when: "nobody can say",
      server: aServer(null),
      problems: ["warn maxmemory-policy unknown", "warn appendonly unknown"],
    },
  ])("$when: $problems", async ({ server, problems }) => {
    const report = await check(server);
    expect(report.problems.map((one) => `${one.severity} ${one.setting} ${one.value}`)).toEqual(problems);
  });

  it("a server in memory is refused, unless we started it so", async () => {
    const server = await jsServer();
    const client = server.connect();
    expect((await check(client)).severity).toBe("refuse");
    expect(await check(client, "warn")).toMatchObject({ severity: "warn", problems: [{ value: "no (memory only)" }] });
    await server.stop();
  });

  it("the refusal names every problem at once, with its value and what fixes it", async () => {
    const report = await check(aServer({ ...GOOD, appendonly: "no", "maxmemory-policy": "allkeys-lru" }));
    expect(sentencesOf(report.problems)).toBe(
      "maxmemory-policy is allkeys-lru, wanted is noeviction: run `redis-cli config set maxmemory-policy noeviction`. " +
        "appendonly is no, wanted is yes: run `redis-cli config set appendonly yes` and keep it in redis.conf.",
    );
    expect(() => assertRedisSafe(report, "redis:6379")).toThrow(
      expect.objectContaining({
        code: "REDIS_UNSAFE",
        exit: 78,
        message: expect.stringContaining("redis:6379") as string,
      }),
    );
  });

  it("a warning refuses nothing", async () => {
    const report = await check(aServer({ ...GOOD, appendonly: "no", save: "60 1" }));
    expect(() => assertRedisSafe(report, "redis:6379")).not.toThrow();
  });

  it("a server that does not answer is not taken for one that forbids CONFIG", async () => {
    const server = { ...aServer(GOOD), config: () => Promise.reject(new Error("Connection is closed.")) };
    await expect(check(server)).rejects.toThrow("Connection is closed.");
  });
});
