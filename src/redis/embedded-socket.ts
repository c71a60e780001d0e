import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { KeyturnError } from "../rotation/errors.ts";
import { replyCode } from "./errors.ts";

/** The kernel keeps 108 bytes for a socket's path on Linux, 104 on macOS, with its end mark. */
const LONGEST_PATH = 100;

/** Creates `dir` for this user alone, or takes the access of others away. @throws REDIS_UNAVAILABLE when it is not ours */
export function privateDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const found = lstatSync(dir);
    if (!found.isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
    if (found.uid !== userInfo().uid) throw Object.assign(new Error("not ours"), { code: "EPERM" });
    if ((found.mode & 0o077) !== 0) chmodSync(dir, 0o700);
  } catch (error) {
    throw new KeyturnError("REDIS_UNAVAILABLE", `(${dir} cannot be used: ${(error as NodeJS.ErrnoException).code})`, {
      next: "Check redis.embedded: it needs a folder that belongs to this user.",
    });
  }
}

/** In `dir`, or in a folder of this user under the temporary one when that path would be too long for a socket. */
export function socketPathFor(dir: string): string {
  const own = join(resolve(dir), "redis.sock");
  if (Buffer.byteLength(own) <= LONGEST_PATH) return own;
  const hash = createHash("sha256").update(resolve(dir)).digest("hex").slice(0, 16);
  const folder = join(tmpdir(), `keyturn-${userInfo().uid}-${hash}`);
  privateDirectory(folder);
  return join(folder, "s");
}

export type Address = { path: string } | { port: number };
export type Answer = "ready" | "loading" | "none";

/** Asks once; never throws. */
export async function askServer(address: Address, withinMs = 1000): Promise<Answer> {
  const client = openAdmin(address, withinMs);
  try {
    await client.connect();
    await client.ping();
    return "ready";
  } catch (error) {
    return replyCode(error) === "LOADING" ? "loading" : "none";
  } finally {
    client.disconnect();
  }
}

/** Waits while `alive` and the server is not ready. @returns whether it answers */
export async function awaitServer(address: Address, alive: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if ((await askServer(address)) === "ready") return true;
    if (!alive()) return false;
    await pause(20);
  }
  return false;
}

/** The server's own process id; null when it does not say. */
export async function processIdOf(address: Address): Promise<number | null> {
  const client = openAdmin(address, 1000);
  try {
    await client.connect();
    const id = /^process_id:(\d+)/m.exec(await client.info("server"))?.[1];
    return id === undefined ? null : Number(id);
  } catch {
    return null;
  } finally {
    client.disconnect();
  }
}

/** Tells the server to write everything and end. Never throws: the connection breaks off either way. */
export async function shutDown(address: Address): Promise<void> {
  const client = openAdmin(address, 5000);
  try {
    await client.connect();
    await client.shutdown("NOSAVE");
  } catch {
    // It ends without an answer.
  } finally {
    client.disconnect();
  }
}

function openAdmin(address: Address, withinMs: number): Redis {
  const client = new Redis({
    ...("path" in address ? address : { port: address.port, host: "127.0.0.1" }),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: withinMs,
    commandTimeout: withinMs,
  });
  client.on("error", () => undefined);
  return client;
}
