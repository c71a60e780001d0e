import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Effect } from "../../src/rotation/decide.ts";
import type { Site } from "./site.ts";

const PROGRAM = join(import.meta.dirname, "worker-process.ts");
const running = new Set<ChildProcess>();

export interface Strike {
  at: string;
  when: "before" | "during" | "after";
  afterMs?: number;
}
export type Said =
  | { event: "call"; name: string; count: number; effect: Effect | null }
  | { event: "step"; from: string | null; to: string | null }
  | { event: "struck"; at: string }
  | { event: "idle" };

export interface Victim {
  said: readonly Said[];
  /** Resolves when it said so; rejects when it ended before. */
  until(is: (said: Said) => boolean, what: string): Promise<void>;
  signal(name: "SIGCONT" | "SIGKILL"): void;
  /** How it ended: a signal, or an exit code. */
  ended: Promise<string>;
}

/** Starts a worker process on the site's configuration. */
export function startVictim(
  site: Site,
  strike: Strike | null,
  more: { signal?: "SIGKILL" | "SIGSTOP"; lockMs?: number; stay?: boolean; asleep?: boolean } = {},
): Victim {
  const order = { config: site.config, ...strike, ...more };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  const said: Said[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) said.push(JSON.parse(line) as Said);
    for (const look of waiting) look();
  });
  const ended = once(child, "close").then(([code, signal]: unknown[]) => {
    over = true;
    running.delete(child);
    for (const look of waiting) look();
    return String(signal ?? code);
  });
  return {
    said,
    until: (is, what) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (said.some(is)) resolve();
          else if (over) reject(new Error(`the worker ended before: ${what}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    signal: (name) => void child.kill(name),
    ended,
  };
}

/** Runs a worker that is killed at the place. @throws when it never came there */
export async function dieAt(site: Site, strike: Strike): Promise<void> {
  const how = await startVictim(site, strike).ended;
  if (how !== "SIGKILL") throw new Error(`the worker did not come to this place (it ended with ${how})`);
}

/** Every writing call of a worker that is left alone. */
export async function record(site: Site): Promise<Extract<Said, { event: "call" }>[]> {
  const victim = startVictim(site, null);
  const how = await victim.ended;
  if (how !== "0") throw new Error(`the worker ended with ${how}`);
  return victim.said.filter((s) => s.event === "call");
}

export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}
