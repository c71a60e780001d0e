import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { type Lock, licenceFile, nameOf } from "../sbom.ts";
import { copy, filesIn } from "./files.ts";
import { isUnused, leftOut } from "./prune-rules.ts";

export interface Amount {
  files: number;
  bytes: number;
}
export interface Copied {
  kept: Amount;
  /** By reason. */
  left: Map<string, Amount>;
}

/** Where the lock file has production packages, such as `node_modules/a/node_modules/b`. */
export const productionFolders = (lock: Lock): string[] =>
  Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== "" && !(dev ?? optional ?? devOptional ?? false))
    .map(([path]) => path);

/**
 * Copies the production packages of a checkout without what no program loads (prune-rules.ts), but always with the texts of
 * their licences. What else is installed there, as in a developer's checkout, stays behind.
 * @param from the folder with `node_modules` @throws Error when a package of the lock file is not installed
 */
export function copyPackages(from: string, to: string, lock: Lock): Copied {
  const result: Copied = { kept: { files: 0, bytes: 0 }, left: new Map() };
  for (const folder of productionFolders(lock)) {
    if (!existsSync(join(from, folder, "package.json"))) throw new Error(`${folder} is not installed; run npm ci`);
    const licence = isUnused(nameOf(folder)) ? null : licenceFile(join(from, folder));
    for (const file of filesIn(join(from, folder))) {
      // Packages inside this one have lines of their own in the lock file.
      if (file.startsWith("node_modules/")) continue;
      const path = join(from, folder, file);
      const why = path === licence ? null : leftOut(`${folder}/${file}`.slice("node_modules/".length));
      if (why === null) copy(path, join(to, folder, file));
      const amount = why === null ? result.kept : (result.left.get(why) ?? { files: 0, bytes: 0 });
      if (why !== null) result.left.set(why, amount);
      amount.files += 1;
      amount.bytes += lstatSync(path).size;
    }
  }
  return result;
}
