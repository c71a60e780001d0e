import { mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessIdentity, identify, isAlive } from "./embedded-process.ts";

/** What the running server is; written by whoever starts it, right after the start. */
export interface ServerNote {
  kind: "redis-server" | "valkey-server" | "memory";
  /** Of the server; for `memory` of the process that it lives in. */
  process: ProcessIdentity;
  socket: string | null;
  /** On 127.0.0.1; only for `memory`. */
  port: number | null;
}

const noteFile = (dir: string) => join(dir, "server.json");

/** null when there is none, or when it cannot be read. */
export function readNote(dir: string): ServerNote | null {
  try {
    return JSON.parse(readFileSync(noteFile(dir), "utf8")) as ServerNote;
  } catch {
    return null;
  }
}

export const writeNote = (dir: string, note: ServerNote): void =>
  writeFileSync(noteFile(dir), JSON.stringify(note), { mode: 0o600 });
export const removeNote = (dir: string): void => rmSync(noteFile(dir), { force: true });
/** Tells other hosts on a shared volume that this one still uses the folder. */
export function touchNote(dir: string): void {
  try {
    utimesSync(noteFile(dir), new Date(), new Date());
  } catch {
    // Gone: there is no server to speak for.
  }
}

/** Enters this process as a user of the server in `dir`. Call under the lock. @returns its entry */
export function enter(dir: string): string {
  const folder = join(dir, "users");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const entry = join(folder, `${process.pid}-${Math.random().toString(36).slice(2)}`);
  writeFileSync(entry, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  return entry;
}

/** Removes an entry, and those of processes that ended without leaving. Call under the lock. @returns who is left */
export function leave(dir: string, entry: string): number {
  rmSync(entry, { force: true });
  const folder = join(dir, "users");
  let left = 0;
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (isLive(file)) left += 1;
    else rmSync(file, { force: true });
  }
  return left;
}

function isLive(file: string): boolean {
  try {
    return isAlive(JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity);
  } catch {
    return false;
  }
}
