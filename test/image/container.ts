import { chown, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "../support/lab.ts";
import { type Built, RUN } from "./build.ts";
import type { Ran } from "./tools.ts";

/** Whom the image runs as. */
const USER = 65532;

/** As a cluster with the strictest policy runs it: only /tmp can be written. */
export const HARDENED = [
  "--read-only",
  "--read-only-tmpfs=false",
  "--tmpfs=/tmp:rw,mode=1777,size=16m",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--memory=384m",
];

/** The folder of a lab as a volume that belongs to the container's user; after each change of it from outside. */
export async function handOver(lab: Lab): Promise<string[]> {
  await chown(lab.dir, USER, USER);
  for (const name of await readdir(lab.dir)) await chown(join(lab.dir, name), USER, USER);
  return [`--volume=${lab.dir}:${lab.dir}`, `--env=KEYTURN_CONFIG=${lab.configFile}`];
}

/** Ports that were free a moment ago. */
export async function freePorts(): Promise<{ port: number; metricsPort: number }> {
  const servers = [createServer(), createServer()];
  const [port = 0, metricsPort = 0] = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { port, metricsPort };
}

export interface Serving {
  logs(): Promise<string>;
  /** A command line beside `serve`, as `docker exec` or `kubectl exec` runs one. */
  keyturn(args: readonly string[], stdin?: string): Promise<Ran>;
  healthCheck(): Promise<Ran>;
  signal(name: string): Promise<Ran>;
  /** SIGTERM, and SIGKILL after 30 seconds as Kubernetes does. @returns how it ended, and after how long */
  stop(): Promise<{ code: number; ms: number }>;
}

/** `serve` in a hardened container, ready. @param flags of `podman run` @throws Error with its log when it is not */
export async function startServe(built: Built, flags: readonly string[]): Promise<Serving> {
  const started = await built.podman("run", "--detach", ...RUN, ...HARDENED, ...flags, built.image);
  if (started.code !== 0) throw new Error(`podman run: ${started.stderr}`);
  const id = started.stdout.trim();
  const logs = async () => {
    const { stdout, stderr } = await built.podman("logs", id);
    return stdout + stderr;
  };
  const ended = async (what: "Running" | "ExitCode") =>
    (await built.podman("inspect", "--format", `{{.State.${what}}}`, id)).stdout.trim();
  for (const end = Date.now() + 60_000; !(await logs()).includes("serve.ready"); await pause(100))
    if (Date.now() > end || (await ended("Running")) !== "true") throw new Error(`serve is not ready: ${await logs()}`);
  return {
    logs,
    keyturn: (args, stdin = "") =>
      built.podmanWith(stdin, "exec", "--interactive", id, "node", "src/cli/main.js", ...args),
    healthCheck: () => built.podman("healthcheck", "run", id),
    signal: (name) => built.podman("kill", "--signal", name, id),
    stop: async () => {
      const began = Date.now();
      await built.podman("stop", "--time", "30", id);
      return { code: Number(await ended("ExitCode")), ms: Date.now() - began };
    },
  };
}
