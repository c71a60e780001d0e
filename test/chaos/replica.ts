import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ENTRY } from "../support/cli.ts";

/** Longer than `serve` gives its running steps. */
const ENDS_WITHIN_MS = 40_000;
const READY_WITHIN_MS = 90_000;

/** One `serve` process of the installation: it may be down, frozen or up. */
export interface Replica {
  name: string;
  logFile: string;
  /** Of the HTTP port; null while it is down or not ready. */
  url(): string | null;
  isUp(): boolean;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGTERM, as an orchestrator does; SIGKILL when it does not end. @returns its exit code, or the signal */
  terminate(): Promise<string>;
  freeze(): void;
  thaw(): void;
}

/** @param args what follows the program's name */
export function replicaOf(
  name: string,
  args: readonly string[],
  env: Record<string, string>,
  logFile: string,
): Replica {
  let child: ChildProcess | null = null;
  let url: string | null = null;
  let frozen = false;
  const running = (): boolean => child !== null && child.exitCode === null && child.signalCode === null;
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<string> => {
    const ending = child;
    if (ending === null || !running()) return "none";
    url = null;
    const ended = once(ending, "exit") as Promise<[number | null, string | null]>;
    ending.kill("SIGCONT");
    frozen = false;
    ending.kill(signal);
    const late = setTimeout(() => void ending.kill("SIGKILL"), ENDS_WITHIN_MS);
    const [code, by] = await ended;
    clearTimeout(late);
    return String(by ?? code);
  };
  return {
    name,
    logFile,
    url: () => (frozen ? null : url),
    isUp: () => running() && url !== null && !frozen,
    start: async () => {
      const log = openSync(logFile, "a", 0o600);
      const from = statSync(logFile).size;
      const started = spawn(process.execPath, [ENTRY, ...args], { env, stdio: ["ignore", log, log] });
      closeSync(log);
      child = started;
      await once(started, "spawn");
      for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await sleep(100)) {
        const port = /"event":"serve\.ready".*?"httpPort":(\d+)/.exec(
          readFileSync(logFile).toString("utf8", from),
        )?.[1];
        if (port !== undefined) {
          if (child === started) url = `http://127.0.0.1:${port}`;
          return;
        }
        if (started.exitCode !== null || started.signalCode !== null) return;
      }
      throw new Error(`${name} is not ready within ${READY_WITHIN_MS} ms: ${logFile}`);
    },
    kill: async () => void (await end("SIGKILL")),
    terminate: () => end("SIGTERM"),
    freeze: () => {
      frozen = true;
      child?.kill("SIGSTOP");
    },
    thaw: () => {
      frozen = false;
      child?.kill("SIGCONT");
    },
  };
}
