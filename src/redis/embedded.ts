import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../ports/notifier.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { type ServerBinary, downloadServer, findServer, noServerError } from "./embedded-binary.ts";
import { withDirectoryLock } from "./embedded-lock.ts";
import { startMemoryServer } from "./embedded-memory.ts";
import { identify, isAlive } from "./embedded-process.ts";
import {
  type Address,
  askServer,
  awaitServer,
  privateDirectory,
  processIdOf,
  shutDown,
  socketPathFor,
} from "./embedded-socket.ts";
import { type ServerNote, enter, leave, readNote, removeNote, touchNote, writeNote } from "./embedded-users.ts";
import type { RedisSettings } from "./settings.ts";

export interface EmbeddedOptions {
  /** Kept private (0700); holds the append-only file, the log and who uses the server. */
  dir: string;
  /** Demo and tests: a server in this process that keeps nothing, when no other can be had. */
  allowMemory?: boolean;
  /** Debian, Ubuntu: unpack the distribution's server into `cache`, without root. */
  allowDownload?: boolean;
  cache?: string;
  log: Log;
}

export interface EmbeddedRedis {
  settings: RedisSettings;
  kind: ServerNote["kind"];
  /** False: `memory`, gone with its process. */
  durable: boolean;
  /** Of the server, or of the process it lives in. */
  pid: number;
  /** Whether this call started it. */
  started: boolean;
  /** Ends our use; the last user ends the server. Bounded in time, safe to repeat, never throws. */
  release(): Promise<void>;
}

/** Loading a large append-only file takes its time; a server that is dead is noticed at once. */
const START_MS = 60_000;
const STOP_MS = 10_000;
const TOUCH_MS = 15_000;
const FOREIGN_MS = 60_000;

/**
 * Our own Redis in a folder, shared by every Keyturn process of this host that names the folder.
 *
 * The server is a process of its own, outside our process group: it is started by the first user and ended by the
 * last one's `release`. Users killed without releasing are noticed by the next release; until then the server stays,
 * and the next start uses it. Start and end happen under a lock, and the note about the server is written in the
 * instant it is started, so there are never two servers on one append-only file (R23). Safe to repeat.
 * @throws REDIS_UNAVAILABLE with the command that installs a server, or saying why ours does not answer
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedRedis> {
  const dir = resolve(options.dir);
  privateDirectory(dir);
  return withDirectoryLock(dir, async () => {
    const running = await runningServer(dir);
    const started = running === null ? await start(dir, options) : null;
    const note = running ?? started?.note;
    if (note === undefined) throw noServerError();
    return handle(dir, note, started);
  });
}

interface Started {
  note: ServerNote;
  /** Only for `memory`: nobody else can end it. */
  stop: (() => Promise<void>) | null;
}

/** @throws REDIS_UNAVAILABLE when there is a server that does not answer: a second one must not be started */
async function runningServer(dir: string): Promise<ServerNote | null> {
  const note = readNote(dir);
  if (note === null) return adopt(dir);
  const address = addressOf(note);
  if (note.process.host !== hostname()) await awaitForeign(dir, address, note.process.host);
  if (await awaitServer(address, () => isAlive(note.process), START_MS)) return note;
  if (isAlive(note.process) && note.kind !== "memory") {
    throw new KeyturnError(
      "REDIS_UNAVAILABLE",
      `(the embedded server in ${dir}, process ${note.process.pid}, does not answer)`,
      {
        next: `Look at ${join(dir, "redis.log")}; end process ${note.process.pid} if it hangs.`,
      },
    );
  }
  removeNote(dir);
  return null;
}

/** A server whose note was lost still answers on the socket, which only this user can reach. */
async function adopt(dir: string): Promise<ServerNote | null> {
  const socket = socketPathFor(dir);
  if ((await askServer({ path: socket })) === "none") return null;
  const pid = (await awaitServer({ path: socket }, () => true, START_MS)) ? await processIdOf({ path: socket }) : null;
  if (pid === null) throw failed(dir);
  const note: ServerNote = { kind: "redis-server", process: identify(pid), socket, port: null };
  writeNote(dir, note);
  return note;
}

/** Another host's processes cannot be seen, only that they still touch the note. */
async function awaitForeign(dir: string, address: Address, host: string): Promise<void> {
  const deadline = Date.now() + FOREIGN_MS + 2 * TOUCH_MS;
  while (Date.now() - statSync(join(dir, "server.json")).mtimeMs < FOREIGN_MS) {
    if ((await askServer(address)) === "ready") return;
    if (Date.now() > deadline) {
      throw new KeyturnError("REDIS_UNAVAILABLE", `(${dir} is in use on host ${host})`, {
        next: "An embedded folder belongs to one host; use redis.url for several.",
      });
    }
    await pause(1000);
  }
}

async function start(dir: string, options: EmbeddedOptions): Promise<Started> {
  const cache = options.cache ?? join(dir, "server");
  const binary = findServer(cache) ?? (options.allowDownload ? await fetched(cache, options.log) : null);
  if (binary !== null) return { note: await startProcess(dir, binary), stop: null };
  const memory = options.allowMemory ? await startMemoryServer() : null;
  if (memory === null) throw noServerError();
  options.log.warn(
    { event: "redis.memory_only" },
    "No redis-server is installed: using one in memory, which keeps nothing",
  );
  const note: ServerNote = { kind: "memory", process: identify(process.pid), socket: null, port: memory.port };
  writeNote(dir, note);
  return { note, stop: memory.stop };
}

function fetched(cache: string, log: Log): Promise<ServerBinary | null> {
  log.info(
    { event: "redis.download", cache },
    `Unpacking the distribution's redis-server into ${cache} (apt-get download, nothing is installed)`,
  );
  return downloadServer(cache);
}

async function startProcess(dir: string, binary: ServerBinary): Promise<ServerNote> {
  const socket = socketPathFor(dir);
  rmSync(socket, { force: true });
  const place = ["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", dir, "--daemonize", "no"];
  const keep = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"];
  const args = [...place, ...keep, "--hz", "100"];
  const output = openSync(join(dir, "redis.log"), "a", 0o600);
  // Our environment holds secrets that are none of the server's business.
  const env = {
    PATH: process.env["PATH"],
    LC_ALL: "C",
    ...(binary.libraries === null ? {} : { LD_LIBRARY_PATH: binary.libraries }),
  };
  const child = spawn(binary.file, args, { cwd: dir, detached: true, stdio: ["ignore", output, output], env });
  child.on("error", () => undefined);
  closeSync(output);
  child.unref();
  if (child.pid === undefined) throw failed(dir);
  const note: ServerNote = { kind: binary.kind, process: identify(child.pid), socket, port: null };
  writeNote(dir, note);
  if (await awaitServer({ path: socket }, () => isAlive(note.process), START_MS)) return note;
  if (!isAlive(note.process)) removeNote(dir);
  throw failed(dir);
}

const failed = (dir: string) =>
  new KeyturnError("REDIS_UNAVAILABLE", `(the embedded server in ${dir} did not start)`, {
    next: `Look at ${join(dir, "redis.log")}.`,
  });

const addressOf = (note: ServerNote): Address =>
  note.socket === null ? { port: note.port ?? 0 } : { path: note.socket };

function handle(dir: string, note: ServerNote, started: Started | null): EmbeddedRedis {
  const entry = enter(dir);
  touchNote(dir);
  const touching = setInterval(() => touchNote(dir), TOUCH_MS);
  touching.unref();
  const end = async () => {
    clearInterval(touching);
    await withDirectoryLock(dir, async () => {
      const left = leave(dir, entry);
      if (started?.stop) {
        await started.stop();
        removeNote(dir);
      } else if (left === 0 && note.kind !== "memory") {
        await stopProcess(dir, note);
      }
    }).catch(() => undefined);
  };
  let ending: Promise<void> | null = null;
  return {
    settings: note.socket === null ? { url: `redis://127.0.0.1:${note.port}` } : { socket: note.socket },
    kind: note.kind,
    durable: note.kind !== "memory",
    pid: note.process.pid,
    started: started !== null,
    release: () => (ending ??= end()),
  };
}

async function stopProcess(dir: string, note: ServerNote): Promise<void> {
  await shutDown(addressOf(note));
  const deadline = Date.now() + STOP_MS;
  while (isAlive(note.process) && Date.now() < deadline) await pause(10);
  // Still writing: its note stays, so the next start waits for it instead of starting a second one.
  if (isAlive(note.process)) return;
  removeNote(dir);
  // A folder made for a short socket path is ours alone.
  if (note.socket !== null && dirname(note.socket) !== dir)
    rmSync(dirname(note.socket), { recursive: true, force: true });
}
