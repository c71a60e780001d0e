import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { withLock } from "./lock.ts";
import { MODULE, type Recipe, type ToolName, recipe } from "./tools.ts";

const run = promisify(execFile);

/** Where built tools are kept from run to run. Everything in it can be deleted at any time; it is built again. */
export const CACHE = process.env["KEYTURN_TEST_CACHE"] || join(homedir(), ".cache", "keyturn-test");

/** For a `beforeAll` that calls `tool` or `startKubernetes`: enough to build everything on a slow machine. */
export const BUILD_TIMEOUT_MS = 30 * 60_000;

export interface Built {
  path: string;
  version: string;
  /** Null when it was there already. */
  buildSeconds: number | null;
}

/**
 * The path of a tool, which is built first if it is not there. Safe to call from several processes at once: one builds,
 * the others wait for it. With nothing compiled before, the first tool takes minutes; the others share most of its code.
 * @throws when there is no Go, with what to do; when the build fails, with what the compiler said
 */
export async function build(name: ToolName): Promise<Built> {
  const how = recipe(name);
  const path = join(CACHE, `${name}-${how.version}-${how.key}`);
  if (existsSync(path)) return { path, version: how.version, buildSeconds: null };
  await mkdir(CACHE, { recursive: true });
  // One lock for all: two compilers at once gain nothing on two cores, and they share what they compile.
  return withLock(join(CACHE, "build.lock"), async () => {
    if (existsSync(path)) return { path, version: how.version, buildSeconds: null };
    const began = Date.now();
    await compile(how, path);
    return { path, version: how.version, buildSeconds: (Date.now() - began) / 1000 };
  });
}

/** The path of a tool; see `build`. */
export async function tool(name: ToolName): Promise<string> {
  return (await build(name)).path;
}

async function compile(how: Recipe, path: string): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  const args = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", how.ldflags, "-o", partial];
  try {
    // GOWORK: a workspace around this folder must not change what is built.
    const env = { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "" };
    await run("go", [...args, how.target], { cwd: MODULE, env, maxBuffer: 64 * 1024 * 1024 });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new Error(whyNot(how, error), { cause: error });
  }
}

function whyNot(how: Recipe, error: unknown): string {
  const wanted = `${how.name} ${how.version}`;
  if (error instanceof Error && "code" in error && error.code === "ENOENT") {
    return `${wanted}, a test server, is built from source, and there is no "go" on the PATH: install Go 1.26 or newer`;
  }
  const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim().slice(-4000) : String(error);
  return `${wanted}, a test server, could not be built by "go build ${how.target}" in ${MODULE}:\n${said}`;
}
