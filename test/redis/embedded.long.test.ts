import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectRedis } from "../../src/redis/connect.ts";
import { type EmbeddedRedis, startEmbedded } from "../../src/redis/embedded.ts";
import { assertRedisSafe, checkRedisSafety } from "../../src/redis/safety.ts";
import { eventually, listeningLog } from "../support/quiet-log.ts";

const USER = fileURLToPath(new URL("embedded-user.ts", import.meta.url));

interface User {
  child: ChildProcess;
  said: { pid: number; started: boolean; settings: { socket: string } };
  release(): Promise<void>;
  kill(): Promise<void>;
}

describe("the embedded server", () => {
  let dir: string;
  const used: EmbeddedRedis[] = [];
  const children: ChildProcess[] = [];
  const servers = new Set<number>();

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "kt-emb-"));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) if (isRunning(child.pid ?? 0)) child.kill("SIGKILL");
    for (const each of used.splice(0)) await each.release();
    // A server whose users were all killed stays by design; the test ends it.
    for (const pid of servers) if (isRunning(pid)) process.kill(pid, "SIGKILL");
    await eventually(() => [...servers].every((pid) => !isRunning(pid)));
    servers.clear();
    await rm(dir, { recursive: true, force: true });
  });

  const use = async (folder = dir): Promise<EmbeddedRedis> => {
    const redis = await startEmbedded({ dir: folder, log: listeningLog() });
    used.push(redis);
    servers.add(redis.pid);
    return redis;
  };
  const useElsewhere = async (): Promise<User> => {
    const child = spawn(process.execPath, [USER, dir], { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const said = JSON.parse(line) as User["said"];
    servers.add(said.pid);
    const ended = async (how: () => void) => {
      const exit = once(child, "exit");
      how();
      await exit;
    };
    return {
      child,
      said,
      release: () => ended(() => child.stdin.write("release\n")),
      kill: () => ended(() => void child.kill("SIGKILL")),
    };
  };
  const ask = async (redis: { settings: EmbeddedRedis["settings"] }, command: string, ...args: string[]) => {
    const connection = await connectRedis(redis.settings, { role: "producer" });
    try {
      return await connection.client.call(command, ...args);
    } finally {
      connection.disconnect();
    }
  };

  it("is safe by the check that other servers have to pass, private, and without our environment", async () => {
    process.env["KEYTURN_TEST_CANARY"] = "canary";
    const redis = await use();
    const connection = await connectRedis(redis.settings, { role: "producer" });
    assertRedisSafe(await checkRedisSafety(connection.client, { persistence: "required" }), "embedded");
    connection.disconnect();
    expect(redis).toMatchObject({ durable: true, started: true });
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(redis.settings.socket ?? "").mode & 0o077).toBe(0);
    if (process.platform === "linux")
      expect(readFileSync(`/proc/${redis.pid}/environ`, "utf8")).not.toContain("canary");
    delete process.env["KEYTURN_TEST_CANARY"];
  });

  it("keeps its data when its last user leaves and another comes", async () => {
    const first = await use();
    await ask(first, "SET", "kept", "yes");
    await first.release();
    expect(isRunning(first.pid)).toBe(false);
    const second = await use();
    expect(second.pid).not.toBe(first.pid);
    expect(await ask(second, "GET", "kept")).toBe("yes");
  });

  it("R23: processes that start at once on one folder share one server", async () => {
    const users = await Promise.all([useElsewhere(), useElsewhere(), use(), useElsewhere()]);
    const pids = new Set(users.map((user) => ("said" in user ? user.said.pid : user.pid)));
    expect(pids.size).toBe(1);
    expect(users.filter((user) => ("said" in user ? user.said.started : user.started))).toHaveLength(1);
  });

  it("only the last user ends it, whoever started it", async () => {
    const starter = await useElsewhere();
    const other = await use();
    await starter.release();
    expect(await ask(other, "PING")).toBe("PONG");
    await other.release();
    await eventually(() => !isRunning(other.pid));
    expect(readdirSync(join(dir, "users"))).toEqual([]);
    expect(existsSync(join(dir, "lock"))).toBe(false);
  });

  it("outlives users that are killed; the next one uses it, and ends it", async () => {
    const killed = await useElsewhere();
    await ask(killed.said, "SET", "kept", "yes");
    await killed.kill();
    const next = await use();
    expect(next).toMatchObject({ pid: killed.said.pid, started: false });
    expect(await ask(next, "GET", "kept")).toBe("yes");
    await next.release();
    expect(isRunning(next.pid)).toBe(false);
  });

  it("a server that was killed is started again by the next user, with its data", async () => {
    const first = await use();
    await ask(first, "SET", "kept", "yes");
    await ask(first, "WAITAOF", "1", "0", "1000").catch(() => undefined);
    await eventually(async () => /aof_pending_bio_fsync:0/.test(String(await ask(first, "INFO", "persistence"))));
    process.kill(first.pid, "SIGKILL");
    await eventually(() => !isRunning(first.pid));
    const second = await use();
    expect(second.started).toBe(true);
    expect(await ask(second, "GET", "kept")).toBe("yes");
  });

  it("a lock left by a process that is gone is taken away by exactly one of those that wait", async () => {
    const gone = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
    await once(gone, "exit");
    const { hostname } = await import("node:os");
    writeFileSync(join(dir, "lock"), JSON.stringify({ pid: gone.pid, host: hostname(), started: "long ago" }));
    const users = await Promise.all([useElsewhere(), useElsewhere(), use()]);
    expect(new Set(users.map((user) => ("said" in user ? user.said.pid : user.pid))).size).toBe(1);
  });

  it("a server that is alive but does not answer is never joined by a second one", async () => {
    const first = await use();
    process.kill(first.pid, "SIGSTOP");
    const second = startEmbedded({ dir, log: listeningLog() }).then((redis) => {
      used.push(redis);
      return redis;
    });
    const early = await Promise.race([
      second.then(() => "connected"),
      new Promise((resolve) => setTimeout(() => resolve("waits"), 3000)),
    ]);
    expect(early).toBe("waits");
    process.kill(first.pid, "SIGCONT");
    expect(await second).toMatchObject({ pid: first.pid, started: false });
  });

  it("a server whose note was lost is found by its socket", async () => {
    const first = await use();
    rmSync(join(dir, "server.json"));
    expect(await use()).toMatchObject({ pid: first.pid, started: false });
  });

  it("a folder with a long path gets its socket elsewhere, private as well", async () => {
    const long = join(dir, "a".repeat(120));
    const redis = await use(long);
    expect(redis.settings.socket?.length).toBeLessThan(107);
    expect(await ask(redis, "PING")).toBe("PONG");
    const second = await use(long);
    expect(second.pid).toBe(redis.pid);
    await Promise.all([redis.release(), second.release()]);
    expect(existsSync(join(redis.settings.socket ?? "", ".."))).toBe(false);
  });

  it("releasing twice is releasing once", async () => {
    const [one, two] = [await use(), await use()];
    await Promise.all([one.release(), one.release()]);
    expect(await ask(two, "PING")).toBe("PONG");
  });

  it("an append-only file that cannot be read is an error that names the log, not an endless wait", async () => {
    const first = await use();
    await ask(first, "SET", "a", "b");
    await first.release();
    const folder = join(dir, "appendonlydir");
    for (const name of readdirSync(folder))
      if (name.endsWith(".aof")) writeFileSync(join(folder, name), "no such format");
    await expect(startEmbedded({ dir, log: listeningLog() })).rejects.toMatchObject({
      code: "REDIS_UNAVAILABLE",
      next: expect.stringContaining("redis.log") as string,
    });
    expect(existsSync(join(dir, "server.json"))).toBe(false);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
