import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectRedis } from "../../src/redis/connect.ts";
import { startEmbedded } from "../../src/redis/embedded.ts";
import { downloadServer, findServer } from "../../src/redis/embedded-binary.ts";
import { withDirectoryLock } from "../../src/redis/embedded-lock.ts";
import { identify, isAlive } from "../../src/redis/embedded-process.ts";
import { socketPathFor } from "../../src/redis/embedded-socket.ts";
import { listeningLog } from "../support/quiet-log.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kt-emb-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});
/** An empty PATH: a machine without any server. */
const without = () => vi.stubEnv("PATH", join(dir, "no-such-folder"));
/** A program that does what `script` says. */
function program(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

describe("on a machine without a Redis server", () => {
  it("the error names the command that installs one", async () => {
    without();
    const error = await startEmbedded({ dir: join(dir, "data"), log: listeningLog() }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: "REDIS_UNAVAILABLE",
      next: expect.stringMatching(/^Run: .+; or set redis\.url to a server\.$/) as string,
    });
    expect(existsSync(join(dir, "data", "lock"))).toBe(false);
  });

  it("demo and tests get one in memory, which says so and is shared while its process lives", async () => {
    without();
    const log = listeningLog();
    const options = { dir: join(dir, "data"), allowMemory: true, log };
    const first = await startEmbedded(options);
    const second = await startEmbedded(options);
    expect([first, second]).toMatchObject([
      { kind: "memory", durable: false, started: true },
      { durable: false, started: false, settings: first.settings },
    ]);
    expect(log.events()).toEqual(["redis.memory_only"]);
    const connection = await connectRedis(second.settings, { role: "producer" });
    expect(await connection.client.ping()).toBe("PONG");
    connection.disconnect();
    await second.release();
    await first.release();
    expect(existsSync(join(dir, "data", "server.json"))).toBe(false);
  });

  it("with leave to download, the distribution's packages are unpacked, once, and said so", async () => {
    const bin = join(dir, "bin");
    const cache = join(dir, "cache");
    program(bin, "apt-get", 'echo "$3" >> "$0.log"; : > "$3.deb"');
    program(
      bin,
      "dpkg",
      'mkdir -p root/usr/bin root/usr/lib/x86_64-linux-gnu; printf "#!/bin/sh\\nexit 0\\n" > root/usr/bin/redis-server; chmod +x root/usr/bin/redis-server',
    );
    vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
    if (process.platform !== "linux") return expect(await downloadServer(cache)).toBeNull();
    const found = await downloadServer(cache);
    expect(found).toMatchObject({
      kind: "redis-server",
      file: join(cache, "root/usr/bin/redis-server"),
      libraries: join(cache, "root/usr/lib/x86_64-linux-gnu"),
    });
    without();
    expect(findServer(cache)).toEqual(found);
  });

  it("a download that fails leaves nothing behind", async () => {
    const bin = join(dir, "bin");
    program(bin, "apt-get", "exit 100");
    program(bin, "dpkg", "exit 1");
    vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
    expect(await downloadServer(join(dir, "cache"))).toBeNull();
    expect(spawnSync("/bin/ls", [join(dir, "cache")]).stdout?.toString() ?? "").toBe("");
  });
});

describe("finding a server", () => {
  it("valkey-server comes first, in the order of PATH", () => {
    program(join(dir, "one"), "redis-server", "");
    program(join(dir, "two"), "valkey-server", "");
    vi.stubEnv("PATH", `${join(dir, "one")}:${join(dir, "two")}`);
    expect(findServer(null)).toMatchObject({ kind: "valkey-server", file: join(dir, "two", "valkey-server") });
  });

  it("a path too long for a socket is replaced by a short one that depends on the folder", () => {
    const [one, two] = ["a", "b"].map((letter) => socketPathFor(join(dir, letter.repeat(120))));
    expect([one === two, Buffer.byteLength(one ?? "") < 107]).toEqual([false, true]);
    expect(socketPathFor("/data/redis")).toBe("/data/redis/redis.sock");
    for (const path of [one, two]) rmSync(join(path ?? "", ".."), { recursive: true });
  });
});

describe("the folder's lock", () => {
  it("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const visit = () =>
      withDirectoryLock(dir, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
      });
    await Promise.all([visit(), visit(), visit(), visit()]);
    expect(most).toBe(1);
  });

  it("is given back when the work fails", async () => {
    await expect(withDirectoryLock(dir, () => Promise.reject(new Error("work")))).rejects.toThrow("work");
    expect(await withDirectoryLock(dir, async () => "next")).toBe("next");
  });

  it("one left by a process that is gone does not keep anybody out, however many wait", async () => {
    writeFileSync(join(dir, "lock"), JSON.stringify({ pid: process.pid, host: hostname(), started: "another run" }));
    let inside = 0;
    let most = 0;
    const visit = () =>
      withDirectoryLock(dir, async () => {
        most = Math.max(most, (inside += 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 8 }, visit));
    expect(most).toBe(1);
  });
});

describe("whether a process is alive", () => {
  it("this one is; one with its id from another run, of another host, or with no such id is not", () => {
    const me = identify(process.pid);
    expect(isAlive(me)).toBe(true);
    expect(
      [
        { ...me, started: "another" },
        { ...me, host: "elsewhere" },
        { ...me, pid: 2 ** 30 },
      ].map(isAlive),
    ).toEqual([false, false, false]);
  });
});
