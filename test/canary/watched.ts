import { readFile } from "node:fs/promises";
import type { Redis } from "ioredis";
import { type Ran, type Spawned, spawnKeyturn } from "../support/cli.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Canary, type Trace, everythingIn, filesBelow, findings } from "./search.ts";

/** As much as can be made to be said. */
const TALKATIVE = { KEYTURN_LOG_LEVEL: "trace", KEYTURN_DEBUG: "1", NODE_DEBUG: "", DEBUG: "ioredis:*" };

/** An installation of which every byte that leaves its processes is kept and searched. */
export interface Watched extends Lab {
  redis: RedisServer;
  /** A key that must not be found; the texts of all keys made by `make` and `target` are added by themselves. */
  watch(name: string, text: string): string;
  /** A process of its own, with everything it prints kept. Fails the test when the exit code is another. */
  run(code: number, args: readonly string[], stdin?: string): Promise<Ran>;
  start(args: readonly string[], stdin?: string): Spawned;
  /** The rotation as `show --json` prints it. */
  show(rotation: string): Promise<{ id: string; state: string; needsAttention: { code: string } | null }>;
  /** Runs `run-once` until the state, or the attention, is there. */
  until(rotation: string, wanted: string): Promise<void>;
  /** A new key as a person gets it in the Console. */
  make(name: string, more?: { expiresInMs?: number; workspaceId?: string }): Promise<{ id: string; text: string }>;
  /** Something else that left the process, such as an HTTP answer. */
  keep(where: string, bytes: string | Buffer): void;
  /** Where canaries are found now. @param places files that may hold keys, by name: destinations and, while a rotation is open, their pending and previous places */
  findings(places: readonly string[]): Promise<string[]>;
}

export async function watched(policy: Record<string, unknown>): Promise<Watched> {
  const redis = await startRedisServer();
  const lab = await startLab(redis.url, {
    policy,
    http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
    audit: { log: true },
  });
  await lab.configure({ audit: { file: lab.auditFile, log: true } });
  const canaries: Canary[] = [];
  const traces: Trace[] = [];
  const spawned: Spawned[] = [];
  const watch = (name: string, text: string) => {
    canaries.push({ name, text });
    return text;
  };
  watch("Admin key", lab.sandbox.adminKey);
  const keep = (where: string, bytes: string | Buffer) => void traces.push({ where, bytes: Buffer.from(bytes) });
  const listening = redis.client.duplicate();
  const monitor: Redis = await listening.monitor();
  for (const client of [listening, monitor]) client.on("error", () => undefined);
  monitor.on("monitor", (_time: string, words: string[]) => keep(`a Redis command ${words[0] ?? ""}`, words.join(" ")));

  const start = (args: readonly string[], stdin = ""): Spawned => {
    const child = spawnKeyturn([...args, "--config", lab.configFile], { env: TALKATIVE, stdin, cwd: lab.dir });
    spawned.push(child);
    void readFile(`/proc/${child.process.pid}/cmdline`).then(
      (line) => keep(`arguments of ${args[0] ?? ""}`, line),
      () => undefined,
    );
    return child;
  };
  const run: Watched["run"] = async (code, args, stdin = "") => {
    const ran = await start(args, stdin).ended;
    if (ran.code !== code)
      throw new Error(
        `keyturn ${args.join(" ").slice(0, 60)}: exit ${ran.code}, not ${code}\n${ran.stdout}${ran.stderr}`,
      );
    return ran;
  };
  const show: Watched["show"] = async (rotation) =>
    JSON.parse((await run(0, ["show", rotation, "--json"])).stdout) as Awaited<ReturnType<Watched["show"]>>;

  return {
    ...lab,
    redis,
    watch,
    keep,
    start,
    run,
    show,
    until: async (rotation, wanted) => {
      for (let round = 0; round < 10; round++) {
        const view = await show(rotation);
        if (view.state === wanted || view.needsAttention?.code === wanted) return;
        await run(0, ["run-once"]);
      }
      throw new Error(`${rotation} does not get to ${wanted}: ${JSON.stringify(await show(rotation))}`);
    },
    make: async (name, more = {}) => {
      const made = await lab.console.createKey({ name, ...more });
      return { id: made.key.id, text: watch(name, made.secret) };
    },
    target: async (name, ageDays) => {
      const key = await lab.target(name, ageDays);
      watch(`outgoing key of ${name}`, key.text);
      return key;
    },
    findings: async (places) => {
      const printed = spawned.flatMap((s, i) => [
        {
          where: `stdout of process ${i} (${s.process.spawnargs.slice(2, 4).join(" ").slice(0, 30)})`,
          bytes: Buffer.from(s.stdout()),
        },
        {
          where: `stderr of process ${i} (${s.process.spawnargs.slice(2, 4).join(" ").slice(0, 30)})`,
          bytes: Buffer.from(s.stderr()),
        },
      ]);
      const files = [...(await filesBelow(lab.dir, ["admin-key", ...places])), ...(await filesBelow(redis.folder))];
      return findings(canaries, [...traces, ...printed, ...files, ...(await everythingIn(redis.client))]);
    },
    close: async () => {
      for (const s of spawned)
        if (s.process.exitCode === null && s.process.signalCode === null) s.process.kill("SIGKILL");
      for (const client of [listening, monitor]) client.disconnect();
      await lab.close();
      await redis.stop();
    },
  };
}
