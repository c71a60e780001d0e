import type { AuditEntry } from "../ports/audit.ts";
import { entryIn, isSound, isSoundLine } from "./chain.ts";

export interface Line {
  /** null: the line is no entry (torn, or something else's). */
  entry: AuditEntry | null;
  sound: boolean;
  /** Position right after the line and its end, in bytes. */
  end: number;
  /** False for a last line without its end: being written, or torn by a crash. */
  whole: boolean;
}

/** A longer line is no entry of ours; its bytes are dropped instead of kept. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Lines of a file as a stream of chunks; memory is one line at a time.
 * @param strict the line's own bytes must agree with its hash; without it a re-formatted entry passes
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, strict: boolean, start = 0): AsyncGenerator<Line> {
  let rest: Buffer[] = [];
  let kept = 0;
  let position = start;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      rest.push(chunk.subarray(from, end));
      const text = kept > MAX_LINE_BYTES ? "" : Buffer.concat(rest).toString("utf8");
      position += kept + (end - from) + 1;
      [rest, kept, from] = [[], 0, end + 1];
      if (text.trim() !== "") yield { ...parse(text, strict), end: position, whole: true };
    }
    kept += chunk.length - from;
    if (kept <= MAX_LINE_BYTES) rest.push(Buffer.from(chunk.subarray(from)));
    else rest = [];
  }
  if (kept > 0) yield { ...parse(Buffer.concat(rest).toString("utf8"), strict), end: position + kept, whole: false };
}

function parse(text: string, strict: boolean): { entry: AuditEntry | null; sound: boolean } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { entry: null, sound: false };
  }
  const entry = entryIn(value);
  if (entry === null) return { entry, sound: false };
  return { entry, sound: strict ? entry === value && isSoundLine(text, entry.hash) : isSound(entry) };
}
