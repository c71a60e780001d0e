import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { AuditEntry } from "../ports/audit.ts";
import { KeyturnError } from "../rotation/errors.ts";
import { ChainIndex } from "./chain-index.ts";
import { compare } from "./chain.ts";
import { type Line, linesOf } from "./lines.ts";

export interface Reading {
  file: string;
  /** Entries of other installations in the same file are passed over. */
  install: string;
  /** See `linesOf`: true for our own sink, false for logs that others collected. */
  strict: boolean;
}

/** The entries of a file as they come, torn lines passed over. @throws SINK_UNAVAILABLE when it cannot be read */
export async function* entriesIn(
  reading: Reading,
  onTorn?: () => void,
): AsyncGenerator<{ entry: AuditEntry; sound: boolean }> {
  for await (const line of readLines(reading.file, reading.strict)) {
    if (line.entry === null) onTorn?.();
    else if (line.entry.install === reading.install) yield { entry: line.entry, sound: line.sound };
  }
}

/** Lines from a byte position on. @throws SINK_UNAVAILABLE */
export async function* readLines(file: string, strict: boolean, start = 0): AsyncGenerator<Line> {
  try {
    if (!(await stat(file)).isFile()) throw new Error("not a file");
    yield* linesOf(
      createReadStream(file, { start, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>,
      strict,
      start,
    );
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    throw new KeyturnError("SINK_UNAVAILABLE", `(${file} cannot be read)`);
  }
}

/** The whole file as an index. `each` sees every sound entry on the way. */
export async function indexOf(
  reading: Reading,
  each?: (entry: AuditEntry) => void,
): Promise<{ index: ChainIndex; torn: number }> {
  const index = new ChainIndex();
  let torn = 0;
  for await (const { entry, sound } of entriesIn(reading, () => (torn += 1))) {
    index.add(entry, sound);
    if (sound) each?.(entry);
  }
  return { index, torn };
}

/**
 * The entries of a file in chain order, each once. Two passes: the first notes the order (a few numbers per entry),
 * the second holds back only what came too early.
 */
export async function* entriesInOrder(reading: Reading): AsyncGenerator<AuditEntry> {
  const positions: { epoch: number; seq: number; rank: number }[] = [];
  for await (const { entry } of entriesIn(reading)) positions.push({ epoch: entry.epoch, seq: entry.seq, rank: 0 });
  for (const [rank, position] of positions.toSorted(compare).entries()) position.rank = rank;

  const early = new Map<number, AuditEntry>();
  /** Hashes given at the current position: the same entry twice is given once, two different ones both. */
  let given = new Set<string>();
  let at = { epoch: 0, seq: 0 };
  let [line, rank] = [0, 0];
  for await (const { entry } of entriesIn(reading)) {
    const position = positions[line++];
    if (position === undefined) return; // written after the first pass
    early.set(position.rank, entry);
    for (let next = early.get(rank); next !== undefined; next = early.get(rank)) {
      early.delete(rank++);
      if (compare(next, at) !== 0) [at, given] = [next, new Set()];
      if (!given.has(next.hash)) yield next;
      given.add(next.hash);
    }
  }
}
