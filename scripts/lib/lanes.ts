import { dirname } from "node:path";

/**
 * Runs `work` for each file, so many at a time, in their order; two files of one folder never at the same time, since they
 * may share servers and names. Rejects as `work` does.
 */
export async function inLanes(
  files: readonly string[],
  lanes: number,
  work: (file: string) => Promise<void>,
): Promise<void> {
  const left = [...files];
  const running = new Map<string, Promise<void>>();
  while (left.length > 0 || running.size > 0) {
    const next = left.findIndex((file) => !running.has(dirname(file)));
    if (next === -1 || running.size >= lanes) {
      await Promise.race(running.values());
      continue;
    }
    const [file = ""] = left.splice(next, 1);
    const folder = dirname(file);
    running.set(
      folder,
      work(file).finally(() => running.delete(folder)),
    );
  }
}
