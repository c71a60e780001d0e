import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ENTRY } from "../support/cli.ts";

/** Longer than `serve` gives its running steps. */
const ENDS_WITHIN_MS = 40_000;
/** In all, and for one try: a startup probe has no more patience either. */
const READY_WITHIN_MS = 240_000;
const TRY_FOR_MS = 60_000;

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

/** What an orchestrator waits before it starts a container again. */
const AGAIN_MS = 1000;

export interface ReplicaOptions {
  name: string;
  /** What follows the program's name. */
  args: readonly string[];
  env: Record<string, string>;
  logFile: string;
  /** It ended though nobody ended it. Before it was ready that is no wonder: Redis may be away, and it is started again. */
  ended(how: string, wasReady: boolean): void;
}

export function replicaOf({ name, args, env, logFile, ended: told }: ReplicaOptions): Replica {
  let child: ChildProcess | null = null;
  let url: string | null = null;
  let frozen = false;
  /** Whether somebody ended it. */
  let meant = false;
  const running = (): boolean => child !== null && child.exitCode === null && child.signalCode === null;
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<string> => {
    const ending = child;
    if (ending === null || !running()) return "none";
    url = null;
    meant = true;
    const ended = once(ending, "exit") as Promise<[number | null, string | null]>;
    ending.kill("SIGCONT");
    frozen = false;
    ending.kill(signal);
    const late = setTimeout(() => void ending.kill("SIGKILL"), ENDS_WITHIN_MS);
    const [code, by] = await ended;
    clearTimeout(late);
    return String(by ?? code);
  };
  /** @returns whether it is ready, or was ended on purpose meanwhile */
  async function startOnce(until: number): Promise<boolean> {
    // One that was too slow to become ready.
    await end("SIGKILL");
    const log = openSync(logFile, "a", 0o600);
    const from = statSync(logFile).size;
    const started = spawn(process.execPath, [ENTRY, ...args], { env, stdio: ["ignore", log, log] });
    closeSync(log);
    child = started;
    meant = false;
    let ready = false;
    started.once("exit", (code, signal) => {
      if (child === started && !meant) told(String(signal ?? code), ready);
      if (child === started) url = null;
    });
    await once(started, "spawn");
    for (; Date.now() < until; await sleep(100)) {
      if (child !== started || meant) return true;
      if (started.exitCode !== null || started.signalCode !== null) return false;
      const port = /"event":"serve\.ready".*?"httpPort":(\d+)/.exec(readFileSync(logFile).toString("utf8", from))?.[1];
      if (port === undefined) continue;
      ready = true;
      url = `http://127.0.0.1:${port}`;
      return true;
    }
    told("hung", false);
    return false;
  }
  return {
    name,
    logFile,
    url: () => (frozen ? null : url),
    isUp: () => running() && url !== null && !frozen,
    start: async () => {
      for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await sleep(AGAIN_MS))
        if (await startOnce(Math.min(until, Date.now() + TRY_FOR_MS))) return;
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
