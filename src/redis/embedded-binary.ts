import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { KeyturnError } from "../rotation/errors.ts";

export interface ServerBinary {
  kind: "redis-server" | "valkey-server";
  file: string;
  /** For a server that was unpacked rather than installed. */
  libraries: string | null;
}

const run = promisify(execFile);
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
const DOWNLOAD_MS = 120_000;

/** A server that is installed, or was unpacked into `cache` before. */
export function findServer(cache: string | null): ServerBinary | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const kind of ["valkey-server", "redis-server"] as const) {
    for (const folder of folders) {
      const file = join(folder, kind);
      if (isExecutable(file)) return { kind, file, libraries: null };
    }
  }
  return cache === null ? null : unpackedIn(cache);
}

/**
 * Fetches the distribution's own packages and unpacks them, without root and without installing anything. Safe to
 * repeat and beside others: the folder appears complete or not at all.
 * @returns null where that is not possible (not Debian or Ubuntu, no network)
 */
export async function downloadServer(cache: string): Promise<ServerBinary | null> {
  if (process.platform !== "linux" || !onPath("apt-get") || !onPath("dpkg")) return null;
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(cache, "unpack-"));
  const options = { cwd: folder, timeout: DOWNLOAD_MS, env: { PATH: process.env["PATH"], LC_ALL: "C" } };
  try {
    // One by one: names differ between releases, and what is missing shows when the server is tried.
    for (const name of PACKAGES) await run("apt-get", ["download", "-q", name], options).catch(() => undefined);
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".deb"))) {
      await run("dpkg", ["-x", name, "root"], options);
      rmSync(join(folder, name));
    }
    const tried = unpackedAt(join(folder, "root"));
    if (tried === null) return null;
    await run(tried.file, ["--version"], { ...options, env: { LD_LIBRARY_PATH: tried.libraries ?? "" } });
    if (!existsSync(join(cache, "root"))) renameSync(join(folder, "root"), join(cache, "root"));
    return unpackedIn(cache);
  } catch {
    return unpackedIn(cache);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a person runs to get a server. @throws never; this makes the error */
export function noServerError(): KeyturnError {
  const how = {
    darwin: "brew install valkey",
    win32: "wsl --install, then in it: sudo apt-get install redis-server",
  } as Partial<Record<NodeJS.Platform, string>>;
  const linux = onPath("apt-get")
    ? "sudo apt-get install redis-server"
    : onPath("dnf")
      ? "sudo dnf install valkey"
      : onPath("apk")
        ? "apk add valkey"
        : "install redis-server or valkey-server with the system's package manager";
  return new KeyturnError("REDIS_UNAVAILABLE", "(neither valkey-server nor redis-server is installed)", {
    next: `Run: ${how[process.platform] ?? linux}; or set redis.url to a server.`,
  });
}

const unpackedIn = (cache: string): ServerBinary | null => unpackedAt(join(cache, "root"));

function unpackedAt(root: string): ServerBinary | null {
  const file = join(root, "usr/bin/redis-server");
  if (!isExecutable(file)) return null;
  const libs = join(root, "usr/lib");
  const folders = existsSync(libs) ? readdirSync(libs).filter((name) => name.endsWith("-linux-gnu")) : [];
  return { kind: "redis-server", file, libraries: folders.map((name) => join(libs, name)).join(delimiter) };
}

const onPath = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => folder !== "" && isExecutable(join(folder, name)));

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
