import { readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const LONGEST_MS = 40 * 60_000;

/**
 * Runs `work` while no other process of this machine does so under the same file. A lock whose process has ended is
 * taken over; in the moment of that, two may get it, so `work` must only waste time when it runs twice.
 * @throws when another process holds it for 40 minutes, longer than anything takes that is built here
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + LONGEST_MS;
  while (!(await take(file))) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${file}: delete it if nobody builds`);
    const owner = Number(await readFile(file, "utf8").catch(() => ""));
    if (owner > 0 && !isRunning(owner)) await rm(file, { force: true });
    else await pause(200);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

const take = (file: string): Promise<boolean> =>
  writeFile(file, String(process.pid), { flag: "wx" }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
      throw error;
    },
  );

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
