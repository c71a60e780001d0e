import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { stringify } from "yaml";
import { loadConfig } from "../../config/load.ts";
import { type App, compose } from "../../src/compose.ts";
import { type SandboxClient, sandboxClient } from "../../src/sandbox/client.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/start.ts";

/** A whole installation in one folder: a simulated organization, secrets in dotenv files, a configuration. */
export interface Lab {
  dir: string;
  sandbox: Sandbox;
  console: SandboxClient;
  /** Writes the configuration; later keys replace earlier ones at the top level. */
  configure(more?: Record<string, unknown>): Promise<string>;
  configFile: string;
  auditFile: string;
  /** Seeds a key of that age and puts it into `<target>.env`. */
  target(name: string, ageDays: number): Promise<{ id: string; text: string }>;
  value(target: string): Promise<string>;
  setValue(target: string, key: string): Promise<void>;
  app(): Promise<App>;
  close(): Promise<void>;
}

const HURRIED = {
  maxAge: "90d",
  gracePeriod: "1s",
  drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true },
  replacementWithin: "1h",
  approval: { required: true, approvals: 1, expiresAfter: "1h" },
};

/** @param redisUrl of a server that the test started; its data may be flushed */
export async function startLab(redisUrl: string, more: Record<string, unknown> = {}): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), "kt-lab-"));
  const sandbox = await startSandbox();
  const console = sandboxClient(sandbox.url);
  const configFile = join(dir, "keyturn.yaml");
  const auditFile = join(dir, "audit.jsonl");
  const adminKeyFile = join(dir, "admin-key");
  await writeFile(adminKeyFile, sandbox.adminKey, { mode: 0o600 });
  const targets: Record<string, unknown> = {};
  const apps: App[] = [];
  let changed = more;
  const configure = async (again: Record<string, unknown> = {}): Promise<string> => {
    changed = { ...changed, ...again };
    const config = {
      anthropic: { adminKey: `file:${adminKeyFile}`, baseUrl: sandbox.url, requestsPerMinute: 60_000 },
      redis: { url: redisUrl },
      policy: HURRIED,
      stores: { files: { type: "dotenv-file", directory: dir } },
      targets,
      audit: { file: auditFile, log: false },
      ...changed,
    };
    await writeFile(configFile, stringify(config));
    return configFile;
  };
  const file = (target: string) => join(dir, `${target}.env`);
  const setValue = (target: string, key: string) =>
    writeFile(file(target), `# ${target}\nDB_PASSWORD=unrelated\nANTHROPIC_API_KEY=${key}\n`, { mode: 0o600 });
  await configure();
  return {
    dir,
    sandbox,
    console,
    configure,
    configFile,
    auditFile,
    target: async (name, ageDays) => {
      const [seeded] = await console.seedKeys([{ name: `${name}-key`, ageDays }]);
      if (seeded === undefined) throw new Error("the sandbox seeded no key");
      await setValue(name, seeded.secret);
      targets[name] = { destinations: [{ store: "files", secret: `${name}.env`, field: "ANTHROPIC_API_KEY" }] };
      await configure();
      return { id: seeded.key.id, text: seeded.secret };
    },
    value: async (target) => /^ANTHROPIC_API_KEY=(.*)$/m.exec(await readFile(file(target), "utf8"))?.[1] ?? "",
    setValue,
    app: async () => {
      const app = await compose(loadConfig({ path: configFile }), {
        log: pino({ level: process.env["KEYTURN_LOG_LEVEL"] ?? "silent" }),
      });
      apps.push(app);
      return app;
    },
    close: async () => {
      for (const app of apps) await app.close();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
