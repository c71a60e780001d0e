import { isAbsolute, join, normalize, relative, sep } from "node:path";
import { KeyturnError } from "../../rotation/errors.ts";
import type { Destination } from "../../rotation/record.ts";
import { type Files, fromFileError } from "./files.ts";

/** A file of the store and what lies beside it; all in the folder of the real file, so that renames stay atomic. */
export interface Place {
  /** As configured, for messages. */
  shown: string;
  folder: string;
  file: string;
  pending: string;
  marks: string;
  lock: string;
}

const OURS = /\.keyturn-(pending|marks|lock|tmp)/;

/** The configured path, checked without touching the disk. @throws CONFIG_INVALID when it could leave the folder */
export function pathOf(directory: string, dest: Destination): string {
  const { secret } = dest;
  const parts = secret.split(/[/\\]/);
  if (
    secret === "" ||
    secret.includes("\0") ||
    isAbsolute(secret) ||
    parts.includes("..") ||
    parts.at(-1) === "" ||
    parts.at(-1) === "."
  ) {
    throw new KeyturnError(
      "CONFIG_INVALID",
      `The secret ${JSON.stringify(secret)} of store ${dest.store} is not a file inside its directory.`,
    );
  }
  if (OURS.test(secret))
    throw new KeyturnError("CONFIG_INVALID", `The name ${JSON.stringify(secret)} is reserved for Keyturn's own files.`);
  return normalize(join(directory, secret));
}

/** The variable of a destination. @throws CONFIG_INVALID when it is not a name that a shell could use */
export function variableOf(dest: Destination): string {
  if (dest.field === null || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(dest.field)) {
    throw new KeyturnError(
      "CONFIG_INVALID",
      `The field of ${JSON.stringify(dest.secret)} in store ${dest.store} is not the name of a variable.`,
    );
  }
  return dest.field;
}

/**
 * Follows symbolic links, so that a link is kept and the file behind it is replaced.
 * @returns null when the file does not exist. @throws STORE_MISSING when its folder does not; STORE_CONFLICT when a
 * link leaves the directory
 */
export async function locate(
  files: Files,
  directory: string,
  dest: Destination,
): Promise<{ place: Place; exists: boolean }> {
  const path = pathOf(directory, dest);
  const root = await files.realpath(directory).catch((error: unknown) => {
    throw fromFileError(error, `The directory of store ${dest.store}`);
  });
  const shown = JSON.stringify(dest.secret);
  let exists = true;
  let real = await files.realpath(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fromFileError(error, shown);
  });
  if (real === null) {
    exists = false;
    const folder = await files.realpath(join(path, "..")).catch((error: unknown) => {
      throw fromFileError(error, `The folder of ${shown}`);
    });
    real = join(folder, path.slice(path.lastIndexOf(sep) + 1));
  }
  const inside = relative(root, real);
  if (inside === "" || inside.startsWith(`..${sep}`) || inside === ".." || isAbsolute(inside)) {
    throw new KeyturnError("STORE_CONFLICT", `${shown} is a link that leaves the directory of store ${dest.store}.`);
  }
  const cut = real.lastIndexOf(sep);
  const folder = real.slice(0, cut);
  const beside = (kind: string) => join(folder, `.${real.slice(cut + 1)}.keyturn-${kind}`);
  return {
    place: { shown, folder, file: real, pending: beside("pending"), marks: beside("marks"), lock: beside("lock") },
    exists,
  };
}
