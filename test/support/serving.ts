import { setTimeout as pause } from "node:timers/promises";
import { type Ran, type Spawned, spawnKeyturn } from "./cli.ts";

/** A `serve` in a process of its own. */
export interface Serving extends Spawned {
  ports: { http: number; metrics: number };
  /** The status of an address of it; 0 when nobody answers. */
  get(path: string): Promise<number>;
  /** SIGTERM, and what came of it. */
  stop(): Promise<Ran & { tookMs: number }>;
  events(): string[];
}

/** Starts `serve` and waits until it says that it is ready. @throws with its log when it ends first */
export async function startServing(
  configFile: string,
  spawned: (args: readonly string[]) => Spawned = spawnKeyturn,
): Promise<Serving> {
  const server = spawned(["serve", "--config", configFile]);
  const lines = () => server.stderr().split("\n");
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(20)) {
    const line = lines().find((each) => each.includes('"serve.ready"'));
    if (line !== undefined) {
      const { ports } = JSON.parse(line) as { ports: Serving["ports"] };
      return {
        ...server,
        ports,
        get: (path) =>
          fetch(`http://127.0.0.1:${ports.http}${path}`).then(
            (answer) => answer.status,
            () => 0,
          ),
        stop: async () => {
          const began = Date.now();
          server.process.kill("SIGTERM");
          return { ...(await server.ended), tookMs: Date.now() - began };
        },
        events: () => lines().flatMap((each) => /"event":"([^"]+)"/.exec(each)?.[1] ?? []),
      };
    }
    if (server.process.exitCode !== null) break;
  }
  server.process.kill("SIGKILL");
  throw new Error(`serve is not ready: ${server.stderr()}`);
}
