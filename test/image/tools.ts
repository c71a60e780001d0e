import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. @throws Error when it cannot be started, such as one that is not installed */
export async function run(command: string, args: readonly string[], stdin = ""): Promise<Ran> {
  const child = spawn(command, args, { stdio: "pipe" });
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}

/** What a program printed. @throws Error with the end of what it said when it fails */
export async function done(command: string, args: readonly string[]): Promise<string> {
  const ran = await run(command, args);
  if (ran.code === 0) return ran.stdout.trim();
  throw new Error(`${command} ${args.join(" ").slice(0, 200)}: exit ${ran.code}: ${ran.stderr.slice(-2000)}`);
}

/** Images and containers in a folder of their own: nothing of the machine's is seen, and all of it is gone at the end. */
export interface Tools {
  dir: string;
  buildah(...args: string[]): Promise<string>;
  /** Does not throw when the program in a container fails. */
  podman(...args: string[]): Promise<Ran>;
  podmanWith(stdin: string, ...args: string[]): Promise<Ran>;
  close(): Promise<void>;
}

export async function openTools(): Promise<Tools> {
  const dir = await mkdtemp(join(tmpdir(), "kt-image-"));
  const storage = ["--root", join(dir, "images"), "--runroot", join(dir, "run")];
  await mkdir(join(dir, "run"));
  const podmanWith = (stdin: string, ...args: string[]) =>
    run("podman", [...storage, "--runtime", "runc", ...args], stdin);
  const podman = (...args: string[]) => podmanWith("", ...args);
  const buildah = (...args: string[]) => done("buildah", [...storage, ...args]);
  return {
    dir,
    buildah,
    podman,
    podmanWith,
    close: async () => {
      await podman("rm", "--all", "--force", "--time", "0");
      await buildah("rm", "--all");
      // Unmounts what is still mounted, so that the folder can go.
      await podman("rmi", "--all", "--force");
      await rm(dir, { recursive: true, force: true });
    },
  };
}
