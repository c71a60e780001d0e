import { chmodSync, copyFileSync, lutimesSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Every file below a folder, as a path with slashes; links too, folders not. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));

/** With its folders. */
export function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** With its folders. */
export function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/**
 * Everybody may read, only the owner may write, nothing is a program, and all is from one moment: then one commit gives the
 * same bytes on every machine. @param seconds since 1970
 */
export function settle(folder: string, seconds: number): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else {
      chmodSync(path, 0o644);
      lutimesSync(path, seconds, seconds);
    }
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, seconds, seconds);
}
