import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A file of lines that only grows. A line survives a kill of this process as a whole or not at all. */
export interface LinesFile {
  /** Returns when the line is with the operating system: from then on only a crash of the machine can lose it. */
  append(line: string): void;
  close(): void;
}

/**
 * Opens or makes the file and hands each line in it to `onLine`. A torn last line (the process was killed while
 * writing it) is cut off: the request it belongs to was never answered.
 */
export function openLines(path: string, onLine: (line: string) => void): LinesFile {
  mkdirSync(dirname(path), { recursive: true });
  const known = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  let start = 0;
  for (let end = known.indexOf(10); end !== -1; end = known.indexOf(10, start)) {
    onLine(known.toString("utf8", start, end));
    start = end + 1;
  }
  let fd: number | null = openSync(path, "a", 0o600);
  if (start < known.length) ftruncateSync(fd, start);
  return {
    append(line) {
      // A request that outlives the sandbox must not write into whatever file has this descriptor next.
      if (fd === null) throw new Error(`${path} is closed`);
      const bytes = Buffer.from(`${line}\n`, "utf8");
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    },
    close() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

/** For tests that need no disk. */
export const noLines: LinesFile = { append: () => {}, close: () => {} };
