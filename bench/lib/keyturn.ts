import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { ROOT, end } from "./processes.ts";
import { cpuMsOf, memoryOf } from "./usage.ts";

/** What a whole process took, from its start to its end. */
export interface Ended {
  wallMs: number;
  cpuMs: number;
  peakMb: number;
}

export interface Serving {
  pid: number;
  /** From the start of the process to `serve.ready`. */
  readyMs: number;
  ports: { http: number; metrics: number };
  /** Processor time until then. */
  readyCpuMs: number;
  memory(): { nowMb: number; peakMb: number };
  /** Ends it by SIGTERM. Safe to repeat. */
  stop(): Promise<void>;
}

export interface How {
  /** Without compiled code of earlier runs, as in a container whose file system is read-only. */
  cold?: boolean;
}

const MAIN = join(ROOT, "src", "cli", "main.ts");

/** Runs a Keyturn command as a process of its own. @throws when it fails, with what it said */
export const runKeyturn = (args: readonly string[], how: How = {}): Promise<Ended> => runNode([MAIN, ...args], how);

/** Runs a program in a fresh process of the same Node. @throws when it fails, with what it said */
export async function runNode(args: readonly string[], how: How = {}): Promise<Ended> {
  const started = performance.now();
  const child = start(args, how);
  const exit = once(child, "exit").then(([code]) => ({ code: code as number | null, at: performance.now() }));
  const [told, said, { code, at }] = await Promise.all([
    text(child.stdio[3] as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    exit,
  ]);
  if (code !== 0) throw new Error(`${args.slice(0, 3).join(" ")} ended with ${code}: ${said.slice(-2000)}`);
  return { ...(JSON.parse(told) as Omit<Ended, "wallMs">), wallMs: at - started };
}

/** One replica as users run it. Its log is read and thrown away. */
export async function serve(configFile: string): Promise<Serving> {
  const started = performance.now();
  const child = start([MAIN, "serve", "--config", configFile]);
  const { ports, at } = await untilReady(child);
  const pid = child.pid ?? 0;
  const readyCpuMs = cpuMsOf(pid);
  return { pid, ports, readyCpuMs, readyMs: at - started, memory: () => memoryOf(pid), stop: () => end(child) };
}

function start(args: readonly string[], { cold = false }: How = {}): ChildProcess {
  const { NODE_COMPILE_CACHE: kept, ...others } = process.env;
  const env = cold || kept === undefined ? others : { ...others, NODE_COMPILE_CACHE: kept };
  const tell = join(ROOT, "bench", "lib", "tell-at-exit.ts");
  return spawn(process.execPath, ["--import", tell, ...args], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
}

async function untilReady(child: ChildProcess): Promise<{ ports: Serving["ports"]; at: number }> {
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    const at = performance.now();
    if (line.includes('"serve.ready"')) {
      // Goes on to be read, or the process would wait for somebody to do so.
      child.stderr?.resume();
      return { ports: (JSON.parse(line) as { ports: Serving["ports"] }).ports, at };
    }
    said.push(line);
  }
  throw new Error(`serve ended before it was ready: ${said.slice(-5).join("\n")}`);
}
