import { createHash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
} from "node:fs";
import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
import { KeyturnError } from "../../rotation/errors.ts";

/** What this store uses of the file system, so that tests can make it fail. */
export interface Files {
  open: typeof open;
  rename: typeof rename;
  unlink: typeof unlink;
  link: typeof link;
  realpath(path: string): Promise<string>;
  readFile(path: string): Promise<Buffer>;
  /** `bytes` is null when it is no regular file or too large. */
  load(path: string): Promise<{ stat: BigIntStats; bytes: Buffer | null }>;
  exists(path: string): boolean;
}
/**
 * What only reads goes without the thread pool: the files are local and of a few hundred bytes, and the way through the
 * pool costs several times as much as the reading (measured). A scan reads every file, a rotation its own some sixty times.
 */
export const nodeFiles: Files = {
  open,
  rename,
  unlink,
  link,
  realpath: async (path) => realpathSync.native(path),
  readFile: async (path) => readFileSync(path),
  load: async (path) => {
    const fd = openSync(path, READ);
    try {
      const stat = fstatSync(fd, { bigint: true });
      return { stat, bytes: stat.isFile() && stat.size <= MAX_BYTES ? readFileSync(fd) : null };
    } finally {
      closeSync(fd);
    }
  },
  exists: existsSync,
};

/** Paths are resolved before (`locate`); a link that appears in their place later is not followed. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
/** Non-blocking, or opening a pipe would wait for its writer for ever. */
const READ = constants.O_RDONLY | NO_FOLLOW | (constants.O_NONBLOCK ?? 0);
const READ_WRITE = constants.O_RDWR | NO_FOLLOW | (constants.O_NONBLOCK ?? 0);

/** Far beyond any dotenv file; a guard against a wrong path. */
const MAX_BYTES = 1024 * 1024;

/** What a file was when it was read; `replace` refuses when it no longer is. */
export interface Snapshot {
  text: string;
  hash: string;
  inode: bigint;
  modifiedNs: bigint;
  modifiedMs: number;
  mode: number;
  uid: number;
  gid: number;
  /** Names of the file; a rename would leave the old content under all others. */
  links: number;
}

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? "";

/** Errors of the file system by who can fix them; only the name and the system's code are told. */
export function fromFileError(error: unknown, shown: string): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const code = codeOf(error);
  const detail = `${shown}: ${/^E[A-Z0-9]{2,}$/.test(code) ? code : "unexpected failure"}.`;
  if (code === "ENOENT") return new KeyturnError("STORE_MISSING", detail);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") return new KeyturnError("STORE_DENIED", detail);
  if (code === "ELOOP" || code === "EISDIR" || code === "ENOTDIR" || code === "ENAMETOOLONG")
    return new KeyturnError("STORE_CONFLICT", detail);
  return new KeyturnError("STORE_UNAVAILABLE", detail);
}

/** Reads a regular file; null when it does not exist. @throws STORE_CONFLICT when it is no text file of sensible size */
export async function snapshot(files: Files, path: string, shown: string): Promise<Snapshot | null> {
  try {
    const { stat, bytes } = await files.load(path);
    if (!stat.isFile()) throw new KeyturnError("STORE_CONFLICT", `${shown} is not a regular file.`);
    if (bytes === null) throw new KeyturnError("STORE_CONFLICT", `${shown} is larger than 1 MiB.`);
    return {
      text: textOf(bytes, shown),
      hash: hashOf(bytes),
      inode: stat.ino,
      modifiedNs: stat.mtimeNs,
      modifiedMs: Number(stat.mtimeMs),
      mode: Number(stat.mode) & 0o777,
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      links: Number(stat.nlink),
    };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw fromFileError(error, shown);
  }
}

function textOf(bytes: Buffer, shown: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new KeyturnError("STORE_CONFLICT", `${shown} is not UTF-8 text.`);
  }
}

/** Overwrites a file's bytes, so that unlinking it does not leave key text in free blocks of simple file systems. */
async function zero(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size), 0, size, 0);
  await handle.truncate(0);
  await handle.sync();
}

/** Overwrites and removes a file. Safe to repeat; a file that is not there is fine. */
export async function destroy(files: Files, path: string): Promise<void> {
  try {
    const handle = await files.open(path, READ_WRITE);
    try {
      if ((await handle.stat()).isFile()) await zero(handle);
    } finally {
      await handle.close();
    }
    await files.unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** For temporary files, of which there hardly ever is one: asking is cheaper than failing to open it. */
export async function destroyLeftover(files: Files, path: string): Promise<void> {
  if (files.exists(path)) await destroy(files, path);
}

async function syncFolder(files: Files, folder: string): Promise<void> {
  const handle = await files.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface Replacing {
  path: string;
  folder: string;
  shown: string;
  text: string;
  /** The state it must still have; null: it must not exist. */
  before: Snapshot | null;
  /** Keep the time of the last change, because it tells when an operator wrote a line. */
  keepTime?: boolean;
  /** The old content held key text that must not outlive this call. */
  destroyOld?: boolean;
  /** Throws when we may no longer write (the lock was taken over). */
  stillAllowed: () => Promise<void>;
}

export const temporaryOf = (path: string): string =>
  `${path.replace(/([^/\\]*)$/, (name) => (name.startsWith(".") ? name : `.${name}`))}.keyturn-tmp`;

/**
 * Writes a file so that readers see the old or the new content and nothing between: temporary file beside it, sync,
 * rename, sync of the folder. Mode and owner stay (new files: 0600). A change by somebody else is refused up to the
 * rename; one that lands in the old file during the rename is put back and reported (R10).
 * @throws BASE_CHANGED when it is not `before` any more; STORE_DENIED when the owner could not be kept
 */
export async function replace(files: Files, job: Replacing): Promise<void> {
  const temporary = temporaryOf(job.path);
  try {
    const old = job.before === null ? null : await files.open(job.path, job.destroyOld === true ? READ_WRITE : READ);
    try {
      await destroyLeftover(files, temporary);
      await writeTemporary(files, temporary, job);
      await job.stillAllowed();
      await refuseIfChanged(files, job);
      await files.rename(temporary, job.path);
      await syncFolder(files, job.folder);
      if (old !== null && job.before !== null) await afterwards(files, old, job);
    } finally {
      await old?.close();
      await destroyLeftover(files, temporary).catch(() => undefined); // the failure under way says more
    }
  } catch (error) {
    throw fromFileError(error, job.shown);
  }
}

async function writeTemporary(files: Files, temporary: string, job: Replacing): Promise<void> {
  const handle = await files.open(temporary, "wx", 0o600);
  try {
    if (job.before !== null) {
      const { uid, gid, mode } = job.before;
      const now = await handle.stat();
      // A file that its application can no longer read would be an outage, so ownership is kept or nothing is done.
      if (now.uid !== uid || now.gid !== gid) await handle.chown(uid, gid);
      await handle.chmod(mode);
    }
    await handle.writeFile(job.text, "utf8");
    if (job.keepTime === true && job.before !== null)
      await handle.utimes(job.before.modifiedMs / 1000, job.before.modifiedMs / 1000);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function refuseIfChanged(files: Files, job: Replacing): Promise<void> {
  const now = await snapshot(files, job.path, job.shown);
  const same =
    now === null || job.before === null
      ? now === job.before
      : now.inode === job.before.inode && now.modifiedNs === job.before.modifiedNs && now.hash === job.before.hash;
  if (!same) throw new KeyturnError("BASE_CHANGED", `${job.shown} was changed by another program.`);
}

/** An editor that had the old file open may have written into it between the last check and the rename. */
async function afterwards(files: Files, old: FileHandle, job: Replacing): Promise<void> {
  const { size } = await old.stat();
  const bytes = Buffer.alloc(size);
  await old.read(bytes, 0, size, 0);
  if (hashOf(bytes) !== job.before?.hash) {
    const ours = await snapshot(files, job.path, job.shown);
    if (ours?.text === job.text)
      await replace(files, { ...job, text: bytes.toString("utf8"), before: ours, destroyOld: false });
    throw new KeyturnError(
      "BASE_CHANGED",
      `${job.shown} was changed by another program at the same moment; its change was kept.`,
    );
  }
  if (job.destroyOld === true) await zero(old);
}
