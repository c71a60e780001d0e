import { constants } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** An answer is late after this (milliseconds): a network file system that is gone never gives one. */
const OPEN_WITHIN_MS = 10_000;

/**
 * Opens a file for appending, its folder made when missing (0700; the file 0600), within a deadline. One call at a time
 * waits for the file system: a call after the deadline waits for the same answer, or every try would cost a thread.
 * @returns a function; @throws when it cannot be opened, or not in time
 */
export function opener(
  path: string,
  { openNow = openForAppend, withinMs = OPEN_WITHIN_MS } = {},
): () => Promise<FileHandle> {
  let pending: Promise<FileHandle> | null = null;
  return async () => {
    pending ??= openNow(path);
    const answer = pending;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Late()), withinMs);
    });
    try {
      const handle = await Promise.race([answer, late]);
      pending = null;
      return handle;
    } catch (error) {
      if (!(error instanceof Late)) pending = null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

class Late extends Error {}

async function openForAppend(path: string): Promise<FileHandle> {
  await makeFolder(dirname(path));
  return open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
}

/** Not Node's `recursive`: where the system answers ENOENT to every mkdir, as below /proc, that tries for ever. */
async function makeFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch(() => null);
  if (there?.isDirectory()) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error; // another process was faster
  });
}
