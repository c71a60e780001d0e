import { readFileSync } from "node:fs";

/** Linux counts processor time in these, on every platform that Node runs on (milliseconds). */
const TICK_MS = 10;

/**
 * Memory of a process in MB: resident now, and its peak. From /proc, so Linux only: `ru_maxrss`, which other systems
 * have as well, begins with the memory of the process that started it.
 */
export function memoryOf(pid: number | "self"): { nowMb: number; peakMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN);
  return { nowMb: kb("VmRSS") / 1024, peakMb: kb("VmHWM") / 1024 };
}

/** Processor time that a process took so far, all its threads, in milliseconds. Linux only. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold blanks; user and system time are the 12th and 13th word after it.
  const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(words[11]) + Number(words[12])) * TICK_MS;
}
