import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

/** The last commit before records of newer versions were left alone: what runs beside us in the first rolling upgrade. */
export const OLDER = "6e24f72";

/**
 * A real earlier version of this repository, unpacked beside it; it shares our dependencies.
 * @throws with what to do when the history is not there
 */
export async function olderVersion(): Promise<{ entry: string; remove(): Promise<void> }> {
  const known = await run("git", ["cat-file", "-e", `${OLDER}^{commit}`], { cwd: ROOT }).then(
    () => true,
    () => false,
  );
  if (!known) throw new Error(`commit ${OLDER} is not in this clone: fetch the history with \`git fetch --unshallow\``);
  const folder = await mkdtemp(join(tmpdir(), "kt-older-"));
  const archive = join(folder, "older.tar");
  await run("git", ["archive", "--output", archive, OLDER], { cwd: ROOT });
  await run("tar", ["-xf", archive, "-C", folder]);
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return {
    entry: join(folder, "src/cli/main.ts"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
