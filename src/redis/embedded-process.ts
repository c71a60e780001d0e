import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** One run of one process: a process id alone is given out again. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  started: string;
}

/** This process, or a child that was just started. */
export const identify = (pid: number): ProcessIdentity => ({ pid, host: hostname(), started: startOf(pid) ?? "" });

/** False for a process that ended, is a zombie, or whose id now belongs to another. Other hosts' are not ours to see. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return false;
  const started = startOf(identity.pid);
  return started !== null && started === identity.started;
}

/** When the process started, in the system's own words; null when it does not run. */
function startOf(pid: number): string | null {
  try {
    return process.platform === "linux" ? linuxStart(pid) : psStart(pid);
  } catch {
    return null;
  }
}

function linuxStart(pid: number): string | null {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything; fields count from behind it: 3 is the state, 22 the start in ticks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return `${bootId()}/${fields[19]}`;
}

/** Ticks count from the boot; the same number may come again after the next one. */
const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

function psStart(pid: number): string | null {
  const options = { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" } } as const;
  const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], options).trim();
  const [, state, start] = /^(\S+)\s+(.+)$/.exec(line) ?? [];
  return state === undefined || start === undefined || state.startsWith("Z") ? null : start;
}
