/**
 * `node scripts/image/assemble.ts <folder>`: writes what a container image has under /app into an empty folder. The build stage
 * of the Dockerfile runs it; in a checkout it does the same and changes nothing there. SOURCE_DATE_EPOCH (seconds since 1970,
 * default 0) becomes the time of every file. What is left out and why: prune-rules.ts.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Lock, cycloneDx, licenceFile, licenceList, productionPackages } from "../sbom.ts";
import { compile } from "./compile.ts";
import { copy, settle, write } from "./files.ts";
import { type Copied, copyPackages } from "./packages.ts";

const FOLDERS = ["src", "workers", "config"];
/** Of our own manifest; the rest is for developers. */
const MANIFEST = ["name", "version", "description", "license", "type", "dependencies"];

/** @param to must be empty or new @returns what was copied of the packages */
export function assemble(from: string, to: string, seconds: number): Copied {
  if (existsSync(to) && readdirSync(to).length > 0) throw new Error(`${to} is not empty`);
  const read = (file: string): Record<string, unknown> => JSON.parse(readFileSync(join(from, file), "utf8")) as never;
  const lock = read("package-lock.json") as unknown as Lock;
  const manifest = Object.entries(read("package.json")).filter(([key]) => MANIFEST.includes(key));
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

  const copied = copyPackages(from, to, lock);
  compile(from, to, FOLDERS);
  copy(join(from, "LICENSE"), join(to, "LICENSE"));
  write(join(to, "package.json"), json(Object.fromEntries(manifest)));
  write(join(to, "keyturn.cdx.json"), json(cycloneDx(lock)));
  const textOf = (path: string) => licenceFile(join(from, path))?.slice(from.length + 1) ?? null;
  write(join(to, "licences.md"), licenceList(productionPackages(lock), textOf));
  settle(to, seconds);
  return copied;
}

if (import.meta.main) {
  const [to] = process.argv.slice(2);
  if (to === undefined) throw new TypeError("usage: node scripts/image/assemble.ts <folder>");
  const { kept, left } = assemble(process.cwd(), to, Number(process.env["SOURCE_DATE_EPOCH"] || 0));
  const row = ({ files, bytes }: { files: number; bytes: number }, what: string) =>
    process.stdout.write(`${(bytes / 1e6).toFixed(1).padStart(6)} MB in ${String(files).padStart(4)} files ${what}\n`);
  for (const [why, amount] of [...left].toSorted(([, a], [, b]) => b.bytes - a.bytes)) row(amount, `left out: ${why}`);
  row(kept, "of packages are kept");
}
