import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CACHE } from "./servers/build.ts";
import { withLock } from "./servers/lock.ts";

const VERSION = "5.2.1";
const run = promisify(execFile);

/** Installs moto into a virtual environment of its own, once for all checkouts; takes some 20 seconds. @returns its folder */
async function installed(): Promise<string> {
  const folder = join(CACHE, `moto-${VERSION}`);
  if (existsSync(join(folder, "complete"))) return folder;
  await mkdir(CACHE, { recursive: true });
  return withLock(`${folder}.lock`, () => install(folder));
}

async function install(folder: string): Promise<string> {
  if (existsSync(join(folder, "complete"))) return folder;
  // Virtual environments know their own path, so it is made in place; the mark comes last, for a killed install.
  await rm(folder, { recursive: true, force: true });
  await run("python3", ["-m", "venv", folder]);
  await run(join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", `moto[server]==${VERSION}`]);
  await mkdir(join(folder, "incomplete"), { recursive: true });
  await rename(join(folder, "incomplete"), join(folder, "complete"));
  return folder;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export interface Moto {
  url: string;
  stop(): Promise<void>;
}

/** An AWS stand-in on a free loopback port. It checks no credentials and nothing about IAM. */
export async function startMoto(): Promise<Moto> {
  const folder = await installed();
  const port = await freePort();
  const server = spawn(
    join(folder, "bin/python"),
    [join(folder, "bin/moto_server"), "-H", "127.0.0.1", "-p", String(port)],
    { stdio: "ignore" },
  );
  const exited = once(server, "exit");
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const up = await fetch(`${url}/moto-api/data.json`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) break;
    if (tries > 300 || server.exitCode !== null) throw new Error("moto did not start");
    await sleep(100);
  }
  return {
    url,
    async stop() {
      server.kill("SIGTERM");
      await exited;
    },
  };
}
