// Installs the dependencies when they are missing or do not fit package-lock.json. Plain JavaScript for Node 20.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Makes node_modules fit the lock file. Safe to run in several processes at once: one installs, the others wait.
 * Says so in one line; npm's own output is shown only when it fails.
 * @param {string} root the repository
 * @returns {Promise<number>} 0, or npm's exit code
 */
export async function ensureInstalled(root) {
  const lock = readOrNull(join(root, "package-lock.json"));
  if (lock === null) return 0; // a container image without the lock: what is there has to do
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (isInstalled(root, wanted, lock)) return 0;

  const claim = join(root, ".cache", "install.lock");
  mkdirSync(join(root, ".cache"), { recursive: true });
  for (;;) {
    if (take(claim)) break;
    await sleep(200);
    if (isInstalled(root, wanted, lock)) return 0;
  }
  const release = () => removeQuietly(claim);
  process.once("exit", release);
  try {
    if (isInstalled(root, wanted, lock)) return 0; // another process finished in between
    process.stderr.write("keyturn: installing dependencies with npm ci, once (about half a minute)\n");
    const code = await npmCi(root);
    if (code === 0) writeMarker(root, wanted);
    return code;
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

const markerOf = (root) => join(root, "node_modules", ".keyturn-lock");

function isInstalled(root, wanted, lock) {
  if (readOrNull(markerOf(root))?.toString("utf8").trim() === wanted) return true;
  if (!fits(root, lock)) return false;
  writeMarker(root, wanted); // installed by somebody else, with `npm ci`
  return true;
}

/** npm notes what it installed, as its last act. Optional packages may be absent: they belong to other platforms. */
function fits(root, lock) {
  const installed = readOrNull(join(root, "node_modules", ".package-lock.json"));
  if (installed === null) return false;
  try {
    const have = JSON.parse(installed.toString("utf8")).packages;
    return Object.entries(JSON.parse(lock.toString("utf8")).packages).every(([path, entry]) => {
      if (path === "" || entry.link === true) return true;
      const found = have[path];
      if (found === undefined) return entry.optional === true || entry.devOptional === true;
      return found.version === entry.version && found.integrity === entry.integrity;
    });
  } catch {
    return false;
  }
}

function writeMarker(root, wanted) {
  try {
    writeFileSync(markerOf(root), `${wanted}\n`);
  } catch {
    // A read-only file system: the comparison is made again next time.
  }
}

/** Creates the lock file with our process id, or removes one whose process has ended. */
function take(claim) {
  try {
    writeFileSync(claim, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const holder = readOrNull(claim)?.toString("utf8");
  if (holder !== undefined && holder !== "" && !isAlive(Number(holder))) {
    const aside = `${claim}.${process.pid}`;
    try {
      // Renaming decides between several who find it stale. Who moved a fresh one away by mistake puts it back.
      renameSync(claim, aside);
      if (readFileSync(aside, "utf8") === holder) removeQuietly(aside);
      else renameSync(aside, claim);
    } catch {
      // Somebody else was faster.
    }
  }
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function npmCi(root) {
  // `npm run` puts node_modules/.bin first on PATH; npm must not run on the Node that it is about to replace.
  const path = (process.env.PATH ?? "").split(delimiter).filter((part) => !part.endsWith(join("node_modules", ".bin")));
  const args = [
    "ci",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--include=dev",
    "--include=optional",
    "--loglevel=error",
  ];
  return new Promise((resolve) => {
    const child = spawn("npm", args, {
      cwd: root,
      env: { ...process.env, PATH: path.join(delimiter) },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => {
      process.stderr.write(`keyturn: npm cannot be started (${error.code ?? error.name})\n`);
      resolve(1);
    });
    child.on("close", (code, signal) => {
      const failed = signal === null ? (code ?? 1) : 1;
      if (failed !== 0) process.stderr.write(`keyturn: npm ci failed\n${Buffer.concat(output).toString("utf8")}`);
      resolve(failed);
    });
    const stop = (signal) => child.kill(signal);
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
    child.on("close", () => {
      process.removeListener("SIGTERM", stop);
      process.removeListener("SIGINT", stop);
    });
  });
}

function readOrNull(file) {
  try {
    return existsSync(file) ? readFileSync(file) : null;
  } catch {
    return null;
  }
}

function removeQuietly(file) {
  try {
    unlinkSync(file);
  } catch {
    // Gone already.
  }
}
