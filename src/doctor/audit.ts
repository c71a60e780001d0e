import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import type { Surroundings } from "../app/doctor/surroundings.ts";
import { createAuditTrail } from "../audit/trail.ts";
import { systemClock } from "../clock.ts";
import type { Journal } from "../ports/chain.ts";
import { KeyturnError } from "../rotation/errors.ts";

/** Of the volume; less is as good as full. */
const LEAST_FREE_BYTES = 1024 * 1024;

/** The audit log of an installation: its file, and Redis where that answers. Reads only. */
export function auditPatient(
  { config }: LoadedConfig,
  journal: () => Promise<Journal>,
): Surroundings["audit"] & { close(): Promise<void> } {
  const file = config.audit.file ?? null;
  const trail = createAuditTrail({
    journal: readOnly(journal),
    install: config.install,
    file,
    log: () => undefined,
    clock: systemClock,
  });
  return {
    file,
    log: config.audit.log,
    writable: async () => (file === null ? { exists: false } : writable(file)),
    verify: () => trail.verify(),
    head: async () => (await trail.head())?.seq ?? null,
    close: () => trail.close(),
  };
}

/** What the doctor may not do cannot happen by mistake. */
function readOnly(journal: () => Promise<Journal>): Journal {
  const never = () => Promise.reject(new KeyturnError("INTERNAL", "(the doctor only reads)"));
  return {
    head: async () => (await journal()).head(),
    read: async (after, limit) => (await journal()).read(after, limit),
    shipped: async (sink) => (await journal()).shipped(sink),
    append: never,
    trim: never,
    dropBefore: never,
    noteShipped: never,
  };
}

/** Asks the system instead of writing: a line that is no record would be a break in the chain. */
async function writable(path: string): Promise<{ exists: boolean }> {
  const file = resolve(path);
  const no = (why: string, next: string) => new KeyturnError("SINK_UNAVAILABLE", `(${path}: ${why})`, { next });
  const there = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw no(error.code ?? "unknown", "Check the path in audit.file and its folders.");
  });
  if (there !== null && !there.isFile()) throw no("not a file", "Name a file in audit.file.");
  const place = there === null ? await nearestFolder(dirname(file)) : file;
  const rights = there === null ? constants.W_OK | constants.X_OK : constants.R_OK | constants.W_OK;
  await access(place, rights).catch((error: NodeJS.ErrnoException) => {
    const what = there === null ? `cannot be made in ${place}` : "cannot be read and written";
    throw no(`${what}, ${error.code ?? "unknown"}`, "Let Keyturn's user write there, or mount the volume writable.");
  });
  const { bavail, bsize } = await statfs(place);
  if (bavail * bsize < LEAST_FREE_BYTES) throw no("the volume is full", "Free space on the volume.");
  return { exists: there !== null };
}

/** The folder itself, or the one in which it would be made. */
async function nearestFolder(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => null);
  if (there !== null || dirname(folder) === folder) return folder;
  return nearestFolder(dirname(folder));
}
