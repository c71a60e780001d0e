import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface Child {
  pid: number;
  /** Waits until `check` holds. @throws with the end of the log when the process ends first, or after `withinMs` */
  until(check: () => Promise<boolean>, withinMs: number): Promise<void>;
  /** SIGTERM, and SIGKILL when it has not ended after 10 s. Safe to repeat. */
  stop(): Promise<void>;
}

/** Starts a server with its output in a file. It is ended with this process if nobody stops it before. */
export async function startChild(name: string, file: string, args: readonly string[], log: string): Promise<Child> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const sink = createWriteStream(log);
  child.stdout.pipe(sink, { end: false });
  child.stderr.pipe(sink, { end: false });
  await once(child, "spawn");
  const ended = once(child, "exit");
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  return {
    pid: child.pid ?? 0,
    async until(check, withinMs) {
      const deadline = Date.now() + withinMs;
      while (!(await check().catch(() => false))) {
        const why = hasEnded() ? "ended" : Date.now() > deadline ? `was not ready after ${withinMs / 1000} s` : null;
        if (why !== null) {
          throw new Error(`${name} ${why}:\n${(await readFile(log, "utf8").catch(() => "")).slice(-3000)}`);
        }
        await pause(50);
      }
    },
    async stop() {
      process.removeListener("exit", kill);
      if (!hasEnded()) {
        child.kill("SIGTERM");
        const timer = setTimeout(kill, 10_000);
        await ended;
        clearTimeout(timer);
      }
      sink.end();
    },
  };
}

/** A port of the loopback address that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
