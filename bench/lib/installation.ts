import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import schema from "../../config/keyturn.schema.json" with { type: "json" };
import { sandboxClient } from "../../src/sandbox/client.ts";
import { startRedisProcess, startSandboxProcess } from "./processes.ts";

/** The highest budget of the Admin API: it is not what is measured. Older versions, which a bench may compare, have none. */
const BUDGET = (() => {
  const { anthropic } = schema.properties as { anthropic: { properties: Record<string, { maximum?: number }> } };
  const requestsPerMinute = anthropic.properties["requestsPerMinute"]?.maximum;
  return requestsPerMinute === undefined ? {} : { requestsPerMinute };
})();

const RULE = { match: { name: "target-*" }, destinations: [{ store: "files", secret: "{name}.env" }] };

/** A target's outgoing key. */
export interface SeededTarget {
  name: string;
  keyId: string;
}

/** A simulated organization, a Redis and a configuration with one file per target; all its processes are its own. */
export interface Installation {
  folder: string;
  configFile: string;
  sandboxUrl: string;
  adminKey: string;
  redisUrl: string;
  redisVersion: string;
  targets: SeededTarget[];
  /** Process ids, to see what each takes. */
  pids: { sandbox: number; redis: number };
  close(): Promise<void>;
}

export const POLICY = {
  maxAge: "90d",
  gracePeriod: "7d",
  // The usage check reads reports that an organization in memory answers at a speed of its own; it is left out.
  drain: { quietFor: "0s", limit: "7d", acceptNoUsageCheck: true },
};

export interface More {
  /** `rule`: one rule makes the targets of all keys, as a big installation would have it; else each is named. */
  by?: "name" | "rule";
  /** Sections of the configuration that replace those of here. */
  config?: Record<string, unknown>;
}

/** @param count of targets, each with a key of its own that is `ageDays` old, in a dotenv file of its own */
export async function install(count: number, ageDays: number, more: More = {}): Promise<Installation> {
  const folder = await mkdtemp(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "keyturn-bench-"));
  const [sandbox, redis] = await Promise.all([startSandboxProcess(folder), startRedisProcess(folder)]);
  const files = join(folder, "files");
  await mkdir(files);
  const names = Array.from({ length: count }, (_, n) => `target-${n}`);
  const seeded = count === 0 ? [] : await sandboxClient(sandbox.url).seedKeys(names.map((name) => ({ name, ageDays })));
  const targets: Record<string, unknown> = {};
  for (const [n, { secret }] of seeded.entries()) {
    const secretFile = `${names[n]}.env`;
    await writeFile(join(files, secretFile), `DB_PASSWORD=unrelated\nANTHROPIC_API_KEY=${secret}\n`, { mode: 0o600 });
    if (more.by !== "rule") targets[names[n] as string] = { destinations: [{ store: "files", secret: secretFile }] };
  }
  const adminKeyFile = join(folder, "admin-key");
  await writeFile(adminKeyFile, sandbox.adminKey, { mode: 0o600 });
  const configFile = join(folder, "keyturn.yaml");
  const config = {
    anthropic: { adminKey: `file:${adminKeyFile}`, baseUrl: sandbox.url, ...BUDGET },
    redis: { url: redis.url },
    policy: POLICY,
    stores: { files: { type: "dotenv-file", directory: files } },
    targets,
    ...(more.by === "rule" ? { rules: [RULE] } : {}),
    audit: { file: join(folder, "audit.jsonl"), log: false },
    ...more.config,
  };
  await writeFile(configFile, stringify(config));
  return {
    folder,
    configFile,
    sandboxUrl: sandbox.url,
    adminKey: sandbox.adminKey,
    redisUrl: redis.url,
    redisVersion: redis.version,
    targets: seeded.map(({ key }, n) => ({ name: names[n] as string, keyId: key.id })),
    pids: { sandbox: sandbox.pid, redis: redis.pid },
    close: async () => {
      await Promise.all([sandbox.stop(), redis.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
