import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SandboxClient, sandboxClient } from "../../src/sandbox/client.ts";
import { startSandbox } from "../../src/sandbox/start.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";

/** What all cases of a suite share: one Redis, one organization, one folder. */
export interface Ground {
  redis: RedisServer;
  console: SandboxClient;
  adminKeyFile: string;
  dir: string;
  /** Keys whose status a case may lead to a change of; any other change is a failure of the suite. */
  mayChange: Set<string>;
  close(): Promise<void>;
}

export async function startGround(): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), "kt-crash-"));
  const [redis, sandbox] = await Promise.all([startRedisServer(), startSandbox()]);
  const adminKeyFile = join(dir, "admin-key");
  await writeFile(adminKeyFile, sandbox.adminKey, { mode: 0o600 });
  return {
    redis,
    console: sandboxClient(sandbox.url),
    adminKeyFile,
    dir,
    mayChange: new Set(),
    close: async () => {
      await redis.stop();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Runs the cases, two at a time; says where it is every tenth one. @throws the first failures, all named */
export async function inLanes<T extends { name: string }>(
  title: string,
  cases: readonly T[],
  run: (one: T) => Promise<void>,
  lanes = 2,
): Promise<void> {
  const left = [...cases];
  const failures: string[] = [];
  let done = 0;
  const lane = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { name } = one;
      await run(one).catch((error: unknown) =>
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`),
      );
      done += 1;
      if (done % 10 === 0 || done === cases.length)
        process.stdout.write(`${title}: ${done} of ${cases.length} cases, ${failures.length} failed\n`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${cases.length} cases failed:\n${failures.slice(0, 30).join("\n")}`);
}
