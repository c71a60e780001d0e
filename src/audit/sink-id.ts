import { createHash, randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { KeyturnError } from "../rotation/errors.ts";

/**
 * Names a file for `Journal.shipped`: its path and the host that first shipped to it. That host's name stands beside the file,
 * since the file may outlive it: a new pod on the same volume is no new sink. As one it would copy from Redis what went missing
 * from the file, and `audit verify` would not show it (P11). Only reads; a file without a name beside it counts as `host`'s.
 * @param host this machine's name
 * @throws SINK_UNAVAILABLE
 */
export async function sinkId(file: string, host: string): Promise<string> {
  const first = (await hostBeside(file)) ?? host;
  return createHash("sha256")
    .update(`${first}\0${resolve(file)}`)
    .digest("hex")
    .slice(0, 16);
}

/**
 * Writes this host's name beside a file that has none; safe to repeat, and of several hosts that begin at once the last one counts.
 * Where only the file itself may be written, there will be none: then each host is a sink of its own. @throws SINK_UNAVAILABLE
 */
export async function nameSink(file: string, host: string): Promise<void> {
  if ((await hostBeside(file)) !== null) return;
  const temporary = `${nameFile(file)}.${randomUUID()}`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(`${host}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, nameFile(file));
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

const nameFile = (file: string): string => `${resolve(file)}.host`;

/** null: there is none, or no whole one. What cannot be read is not taken for missing: the sink would be another one. */
async function hostBeside(file: string): Promise<string | null> {
  try {
    return /^(\S+)\n$/.exec(await readFile(nameFile(file), "utf8"))?.[1] ?? null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new KeyturnError("SINK_UNAVAILABLE", `(${nameFile(file)} cannot be read)`);
  }
}
