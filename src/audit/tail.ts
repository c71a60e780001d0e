import { stat } from "node:fs/promises";
import type { ChainHead } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { compare, headOf } from "./chain.ts";
import { type Reading, readLines } from "./file-reader.ts";

/** Enough for the entries that Redis still keeps; the rest of the file is read only when one of them is not in it. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** What the end of the file holds, kept up to date by reading only what was added. */
export interface Tail {
  /** Reads on; starts over when the file was replaced or cut. @throws SINK_UNAVAILABLE */
  refresh(): Promise<void>;
  /** Reads the part before the window, too. */
  readAll(): Promise<void>;
  has(entry: ChainHead): "same" | "other" | "none";
  /** Newest sound entry seen. */
  highest(): ChainHead | null;
  /** Forgets entries before a position, which nobody asks for again. */
  forget(before: ChainPosition): void;
}

export function createTail(reading: Reading): Tail {
  let file: { ino: number; dev: number } | null = null;
  let position = 0;
  let whole = true;
  let highest: ChainHead | null = null;
  const known = new Map<string, ChainHead>();

  async function refresh(): Promise<void> {
    const now = await look(reading.file);
    if (now === null || now.ino !== file?.ino || now.dev !== file.dev || now.size < position) {
      known.clear();
      [file, highest] = [now, null];
      position = Math.max(0, (now?.size ?? 0) - WINDOW_BYTES);
      whole = position === 0;
    }
    if (now !== null && now.size > position) await read();
  }

  async function read(): Promise<void> {
    for await (const line of readLines(reading.file, reading.strict, position)) {
      if (!line.whole) return; // still being written, or torn: the next line end decides
      position = line.end;
      const { entry, sound } = line;
      if (entry === null || !sound || entry.install !== reading.install) continue;
      known.set(nameOf(entry), known.get(nameOf(entry)) ?? headOf(entry));
      if (highest === null || compare(entry, highest) > 0) highest = headOf(entry);
    }
  }

  return {
    refresh,
    readAll: async () => {
      if (whole) return;
      [position, whole] = [0, true];
      await read();
    },
    has: (entry) => {
      const found = known.get(nameOf(entry));
      return found === undefined ? "none" : found.hash === entry.hash ? "same" : "other";
    },
    highest: () => highest,
    forget: (before) => {
      for (const [name, entry] of known) if (compare(entry, before) < 0) known.delete(name);
    },
  };
}

const nameOf = (position: ChainPosition): string => `${position.epoch}-${position.seq}`;

/** null: there is no such file (yet). */
async function look(file: string): Promise<{ ino: number; dev: number; size: number } | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new KeyturnError("SINK_UNAVAILABLE", `(${file} cannot be read)`);
  }
}
