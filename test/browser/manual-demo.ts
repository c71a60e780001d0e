import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const MAIN = join(import.meta.dirname, "../../src/cli/main.ts");
const STARTS_WITHIN_MS = 90_000;

/** `keyturn demo --manual` in a process of its own, at the addresses that it prints. */
export interface ManualDemo {
  chat: string;
  console: string;
  dashboard: string;
  signInToken: string;
  /** Everything printed so far. */
  printed(): string;
  /** Asks it to end, and returns its exit code. */
  stop(): Promise<number | null>;
}

export async function startManualDemo(dir: string): Promise<ManualDemo> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, "demo", "--manual", "--dir", dir], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (printed += String(bytes)));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const find = (what: RegExp): string | undefined => what.exec(printed)?.[1];
  const end = Date.now() + STARTS_WITHIN_MS;
  while (!printed.includes("waiting for your approval")) {
    if (child.exitCode !== null || Date.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`the demo did not start:\n${printed}`);
    }
    await pause(100);
  }
  return {
    chat: find(/Chat +(http\S+)/) ?? "",
    console: find(/Console +(http\S+)/) ?? "",
    dashboard: find(/Dashboard +(http\S+)/) ?? "",
    signInToken: find(/Sign in with: (\S+)/) ?? "",
    printed: () => printed,
    stop: async () => {
      child.kill("SIGINT");
      const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
      const code = await ended;
      clearTimeout(late);
      return code;
    },
  };
}
