import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { KeyturnError } from "../rotation/errors.ts";
import { type ProcessIdentity, identify, isAlive } from "./embedded-process.ts";

const WAIT_MS = 60_000;
const LOOK_MS = 20;
/** A lock of another host cannot be checked; nobody holds it this long. */
const FOREIGN_MS = 120_000;

/**
 * Runs `work` while no other process does the same in `dir`. The lock file appears complete, by a hard link, so that
 * nobody reads half of it; one whose owner ended is taken away by a single process.
 * @throws REDIS_UNAVAILABLE when it stays locked for a minute
 */
export async function withDirectoryLock<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const file = join(dir, "lock");
  const mine = join(dir, `lock.${process.pid}.${Math.random().toString(36).slice(2)}`);
  const deadline = Date.now() + WAIT_MS;
  writeFileSync(mine, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    while (!linked(mine, file)) {
      breakStale(dir, file);
      if (Date.now() > deadline) throw new KeyturnError("REDIS_UNAVAILABLE", `(${file} is held by another process)`);
      await pause(LOOK_MS);
    }
    try {
      return await work();
    } finally {
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new KeyturnError("REDIS_UNAVAILABLE", `(${to} cannot be created: ${(error as NodeJS.ErrnoException).code})`);
  }
}

/**
 * Removes a lock whose owner is gone. Two that find the same dead owner must not remove each other's new lock, so
 * removing needs the name of that very owner: only one can create it, and it looks again afterwards.
 */
function breakStale(dir: string, file: string): void {
  const owner = ownerOf(file);
  if (owner === null || !isStale(file, owner)) return;
  const claim = join(dir, `lock.break.${owner.pid}.${owner.started.replaceAll(/[^A-Za-z0-9]/g, "-")}`);
  if (!claimed(claim)) return;
  const again = ownerOf(file);
  if (again !== null && again.pid === owner.pid && again.started === owner.started) {
    // Renamed before removal: what a crash in between leaves behind is not the lock.
    renameSync(file, claim);
  }
  rmSync(claim, { force: true });
}

function claimed(claim: string): boolean {
  try {
    writeFileSync(claim, "", { flag: "wx", mode: 0o600 });
    return true;
  } catch {
    // Somebody is at it, or died at it: then the claim itself grows old.
    if (ageOf(claim) > 5000) rmSync(claim, { force: true });
    return false;
  }
}

function isStale(file: string, owner: ProcessIdentity): boolean {
  if (owner.host === hostname()) return !isAlive(owner);
  return ageOf(file) > FOREIGN_MS;
}

function ageOf(file: string): number {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch {
    return 0;
  }
}

function ownerOf(file: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
  } catch {
    return null;
  }
}
