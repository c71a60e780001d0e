import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { KeyturnError } from "../../rotation/errors.ts";
import { destroyLeftover, type Files, fromFileError, temporaryOf } from "./files.ts";
import type { Place } from "./paths.ts";

/** How long a caller waits for another's work, which takes milliseconds. */
const WAIT_MS = 5_000;
/** A holder of this age is dead or frozen: taken over even when its process seems alive, since process ids are reused. */
const STALE_MS = 60_000;
const POLL_MS = 15;

const Holder = z.object({ host: z.string(), pid: z.number().int(), at: z.number(), nonce: z.string() });

/** Locks of this process: a lock with our pid that is not in here is left over from a container that had the same. */
const held = new Set<string>();

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isStale(text: string, now: number): boolean {
  // A lock appears with its content, so one that cannot be read is what a power failure left.
  const holder = Holder.safeParse(jsonOf(text)).data;
  if (holder === undefined || Math.abs(now - holder.at) > STALE_MS) return true;
  if (holder.host !== hostname()) return false;
  if (holder.pid === process.pid) return !held.has(holder.nonce);
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

export interface Lock {
  /** Throws when another process took the lock over while this one stood still. */
  assertHeld: () => Promise<void>;
}

/**
 * Runs `work` while holding the exclusive lock file beside `place.file`. What a crashed holder left in temporary
 * files is destroyed first, because it may be key text (P3).
 * @throws STORE_UNAVAILABLE when another process holds it for longer than 5 seconds
 */
export async function withLock<T>(files: Files, place: Place, work: (lock: Lock) => Promise<T>): Promise<T> {
  const nonce = randomUUID();
  held.add(nonce);
  try {
    await acquire(files, place, nonce);
    const assertHeld = async () => {
      const text = await files.readFile(place.lock).then(String, () => "");
      if (!text.includes(nonce))
        throw new KeyturnError("STORE_UNAVAILABLE", `The lock of ${place.shown} was taken over.`);
    };
    try {
      for (const path of [place.file, place.pending, place.marks]) await destroyLeftover(files, temporaryOf(path));
      return await work({ assertHeld });
    } finally {
      // Only ours: after a take-over the file belongs to somebody else.
      await assertHeld()
        .then(() => files.unlink(place.lock))
        .catch(() => undefined);
    }
  } catch (error) {
    throw fromFileError(error, place.shown);
  } finally {
    held.delete(nonce);
  }
}

async function acquire(files: Files, place: Place, nonce: string): Promise<void> {
  const mine = `${place.lock}-${nonce}`;
  const started = performance.now();
  const content = JSON.stringify({ host: hostname(), pid: process.pid, at: Date.now(), nonce });
  const handle = await files.open(mine, "wx", 0o600);
  try {
    await handle.writeFile(content);
  } finally {
    await handle.close();
  }
  try {
    for (;;) {
      try {
        // A link appears with its content, so nobody ever reads a half-written lock; it fails when there is one.
        await files.link(mine, place.lock);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      await breakIfStale(files, place, mine);
      if (performance.now() - started > WAIT_MS) {
        throw new KeyturnError("STORE_UNAVAILABLE", `${place.shown} is locked by another process.`);
      }
      await sleep(POLL_MS);
    }
  } finally {
    await files.unlink(mine).catch(() => undefined);
  }
}

/** Moves a stale lock aside. If a fresh one was caught instead, it is put back; its holder checks before it writes. */
async function breakIfStale(files: Files, place: Place, mine: string): Promise<void> {
  const seen = await files.readFile(place.lock).then(String, () => null);
  if (seen === null || !isStale(seen, Date.now())) return;
  const aside = `${mine}.stale`;
  try {
    await files.rename(place.lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const caught = await files.readFile(aside).then(String);
  if (caught !== seen) await files.link(aside, place.lock).catch(() => undefined);
  await files.unlink(aside);
}
