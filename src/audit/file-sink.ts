import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { AuditEntry } from "../ports/audit.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { lineOf } from "./chain.ts";
import { opener } from "./opening.ts";

/** Appends lines to a file that several processes may share. */
export interface FileSink {
  readonly path: string;
  /** Queues entries; they are written at once, without waiting. A failure shows in `sync`, which writes them again. */
  append(entries: readonly AuditEntry[]): void;
  /** Resolves when everything appended before the call is on disk. @throws SINK_UNAVAILABLE */
  sync(): Promise<void>;
  /** Like `sync`, but leaves the file alone when there is nothing to write. @throws SINK_UNAVAILABLE */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * JSON lines, mode 0600, opened for append so that whole writes of several processes do not mix. Many callers of
 * `sync` share one fdatasync. Lines stay in memory until they are synced: after a failed write or fdatasync, or when
 * the file was deleted or moved away, they are written again (a line twice is one entry).
 */
export function createFileSink(path: string, openNow: () => Promise<FileHandle> = opener(path)): FileSink {
  let handle: FileHandle | null = null;
  let checkedAt = 0;
  /** Not written yet, and written but not synced. */
  let queued: Buffer[] = [];
  let unsynced: Buffer[] = [];
  /** The file may end in the middle of a line: start with a line end. */
  let torn = false;
  let work: Promise<void> = Promise.resolve();

  async function openFile(check: boolean): Promise<FileHandle> {
    if (handle !== null && !check) return handle;
    checkedAt = performance.now();
    if (handle !== null && (await isStill(path, handle))) return handle;
    await drop();
    handle = await openNow();
    const { size } = await handle.stat();
    torn = size > 0 && (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== 10;
    if (size === 0) await syncFolder(path);
    return handle;
  }

  /** Forgets the file; what it may not have kept is queued again. */
  async function drop(): Promise<void> {
    const old = handle;
    handle = null;
    queued = [...unsynced, ...queued];
    unsynced = [];
    await old?.close().catch(() => undefined);
  }

  /** @param check whether the file may have been moved: what is synced afterwards is checked there anyway */
  async function write(check: boolean): Promise<void> {
    const file = await openFile(check);
    if (queued.length === 0) return;
    const lines = queued;
    const bytes = Buffer.concat(torn ? [Buffer.from("\n"), ...lines] : lines);
    queued = [];
    unsynced.push(...lines);
    torn = true; // until the whole write is known to have happened
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error("short write");
    torn = false;
  }

  async function writeAndSync(): Promise<void> {
    await write(false);
    await handle?.datasync();
    // Deleted or moved before the sync: what we synced is not in the file that readers see.
    if (handle !== null && !(await isStill(path, handle))) {
      await write(true);
      await handle?.datasync();
    }
    unsynced = [];
  }

  /** One step at a time; a failure drops the file so that the next step starts over. */
  function next(step: () => Promise<void>): Promise<void> {
    const done = work.then(step).catch(async () => {
      await drop();
      throw new KeyturnError("SINK_UNAVAILABLE", `(${path})`);
    });
    work = done.catch(() => undefined);
    return done;
  }

  let writing = false;
  let waiting: Promise<void> | null = null;
  const sync = (): Promise<void> => {
    // The next flush has not begun, so it covers everything appended up to now: share it.
    waiting ??= next(async () => {
      waiting = null;
      await writeAndSync();
    });
    return waiting;
  };

  // Steps run one after the other: behind the last one, everything appended before has been tried.
  const flush = async (): Promise<void> => {
    await next(async () => undefined);
    if (queued.length + unsynced.length > 0) await sync();
  };

  return {
    path,
    append: (entries) => {
      queued.push(...entries.map((entry) => Buffer.from(`${lineOf(entry)}\n`)));
      if (writing) return;
      writing = true;
      void next(async () => {
        writing = false;
        await write(performance.now() - checkedAt > CHECK_EVERY_MS);
      }).catch(() => undefined);
    },
    sync,
    flush,
    close: async () => {
      await flush().catch(() => undefined);
      await next(drop);
    },
  };
}

/** Entries that nobody syncs for are noticed to go astray after this long (milliseconds). */
const CHECK_EVERY_MS = 1000;

async function isStill(path: string, handle: FileHandle): Promise<boolean> {
  const [there, ours] = [await stat(path).catch(() => null), await handle.stat()];
  return there !== null && there.ino === ours.ino && there.dev === ours.dev;
}

/** A new file's name is durable only when its folder is synced too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
