import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { stringify } from "yaml";
import { loadConfig } from "../../config/load.ts";
import { advance } from "../../src/app/advance.ts";
import { approve } from "../../src/app/approve.ts";
import { type Decider } from "../../src/app/decisions.ts";
import { submit } from "../../src/app/intake/submit.ts";
import { rotate } from "../../src/app/rotate.ts";
import { type App, compose, startWorker } from "../../src/compose.ts";
import { wakeAll } from "../../src/run-once.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import type { State } from "../../src/rotation/states.ts";
import type { NewKey } from "../../src/sandbox/client.ts";
import { runUntilIdle } from "../../workers/run-until-idle.ts";
import type { Ground } from "./ground.ts";

export const ana: Decider = { actor: { name: "cli:ana@laptop", via: "cli" }, breakGlass: null };
export const FILES = ["eu.env", "us.env"] as const;
/** Long enough to be told from none, short enough for hundreds of cases (milliseconds). */
export const GRACE_MS = 300;
const OTHER_LINES = "# kept by people\nDB_PASSWORD=unrelated\n";
const TARGET = "billing";
/** Audit entries are written at a level of their own; without an audit file the log would be full of them. */
const SILENCE = {
  write: (line: string) => void (process.env["KEYTURN_LOG_LEVEL"] !== undefined && process.stderr.write(line)),
};

export interface SiteOptions {
  /** Policy entries that differ. */
  policy?: Record<string, unknown>;
  /** False: no `audit.file`, so that Redis and the marks are all there is. */
  sink?: boolean;
  redisUrl?: string;
  holds?: string[];
}

/** One installation with one target in two files, on the common organization and Redis; its name is its own. */
export interface Site {
  ground: Ground;
  name: string;
  dir: string;
  config: string;
  auditFile: string;
  outgoing: NewKey;
  /** The shortest time between deactivation and archiving that is right here. */
  graceMs: number;
  /** Whether there is an audit file. */
  sink: boolean;
  /** Number of the last request in the organization's log when this began. */
  since: number;
  /** Opens the program on this configuration, runs `work` and closes it. */
  within<T>(work: (app: App) => Promise<T>): Promise<T>;
  value(file: string): Promise<string>;
  setValue(file: string, key: string): Promise<void>;
  listing(): Promise<string[]>;
}

let sites = 0;

export async function makeSite(ground: Ground, options: SiteOptions = {}): Promise<Site> {
  const name = `crash${++sites}`;
  const dir = join(ground.dir, name);
  await mkdir(dir);
  const config = join(dir, "keyturn.yaml");
  const auditFile = join(dir, "audit.jsonl");
  const outgoing = await ground.console.seedKey({ name: `${name}-old`, ageDays: 100 });
  ground.mayChange.add(outgoing.key.id);
  const policy = {
    maxAge: "90d",
    gracePeriod: `${GRACE_MS}ms`,
    drain: { quietFor: "0s", limit: "1h", acceptNoUsageCheck: true },
    replacementWithin: "1h",
    approval: { required: true, approvals: 1, expiresAfter: "1h" },
    ...options.policy,
  };
  const setValue = (file: string, key: string) =>
    writeFile(join(dir, file), `${OTHER_LINES}ANTHROPIC_API_KEY=${key}\n`, { mode: 0o600 });
  for (const file of FILES) await setValue(file, outgoing.secret);
  await writeFile(
    config,
    stringify({
      install: name,
      anthropic: { adminKey: `file:${ground.adminKeyFile}`, baseUrl: ground.console.url, requestsPerMinute: 60_000 },
      redis: { url: options.redisUrl ?? ground.redis.url },
      policy,
      stores: { files: { type: "dotenv-file", directory: dir } },
      targets: { [TARGET]: { destinations: FILES.map((secret) => ({ store: "files", secret })) } },
      audit: options.sink === false ? { log: true } : { file: auditFile, log: false },
      ...(options.holds === undefined ? {} : { holds: options.holds }),
    }),
  );
  const { requests } = await ground.console.state();
  return {
    ground,
    name,
    dir,
    config,
    auditFile,
    outgoing,
    graceMs: options.policy?.["gracePeriod"] === undefined ? GRACE_MS : 3_600_000,
    sink: options.sink !== false,
    since: requests,
    within: async (work) => {
      const app = await compose(loadConfig({ path: config }), {
        log: pino({ level: process.env["KEYTURN_LOG_LEVEL"] ?? "silent" }, SILENCE),
      });
      try {
        return await work(app);
      } finally {
        await app.close();
      }
    },
    value: async (file) => {
      const text = await readFile(join(dir, file), "utf8");
      const key = /^ANTHROPIC_API_KEY=(.*)$/m.exec(text)?.[1] ?? "";
      if (text !== `${OTHER_LINES}ANTHROPIC_API_KEY=${key}\n`) throw new Error(`${file}: other lines were changed`);
      return key;
    },
    setValue,
    listing: async () => (await readdir(dir)).toSorted(),
  };
}

/** Opens a rotation and has it approved; nobody works on it. */
export async function approved(app: App): Promise<Rotation> {
  const opened = await rotate(app.deps, TARGET, ana.actor, null);
  return approve(app.deps, opened.id, ana);
}

/** A person makes the replacement in the Console; it may be handed over now. */
export async function makeReplacement(site: Site): Promise<NewKey> {
  const made = await site.ground.console.createKey({ name: `${site.name}-new` });
  return made;
}

/** Opens, approves and hands the replacement over: the rotation is accepted, and nobody works on it. */
export async function accepted(site: Site, app: App): Promise<{ id: string; replacement: NewKey }> {
  const { id } = await approved(app);
  const replacement = await makeReplacement(site);
  await submit(app.deps, id, replacement.secret, ana.actor, { keyId: null, acceptExpiry: false, replace: false });
  return { id, replacement };
}

/** Takes steps in this process, without a queue, until the rotation is in `state`. */
export async function stepsTo(app: App, id: string, state: State, deps = app.deps): Promise<Rotation> {
  for (let steps = 0; steps < 200; steps++) {
    const record = await app.deps.rotations.load(id);
    if (record === null) throw new Error(`no rotation ${id}`);
    if (record.state === state) return record;
    await advance(id, deps);
    await app.deps.clock.sleep(5);
  }
  throw new Error(`${id} does not come to ${state}`);
}

/**
 * What follows a crash: a process with the same configuration starts, as `run-once` and `serve` do, and works until
 * nothing is due.
 */
export async function restart(site: Site): Promise<void> {
  await site.within(async (app) => {
    await letLeasesEnd(site);
    await app.deps.audit.reconcile();
    const worker = await startWorker(app);
    try {
      await wakeEverything(app);
      const { rotations, clock } = app.deps;
      await runUntilIdle({
        rotations,
        wakeups: app.queue,
        worker,
        clock,
        limitMs: 30_000,
        horizonMs: 2500,
        pollMs: 10,
      });
    } finally {
      await worker.close(2000);
    }
  });
}

/** Also those that have ended and are watched, which the reconciler of a `serve` would wake when their time has come. */
export async function wakeEverything(app: App): Promise<void> {
  await wakeAll(app);
  for await (const r of app.deps.rotations.all())
    if (r.endedAt !== null && r.wakeAt !== null) await app.queue.wakeFresh(r.id, r.revision);
}

/** Another worker finishes without a queue: what is due is done, and the grace period is waited for. */
export async function finishBySteps(site: Site, id: string): Promise<void> {
  await site.within(async ({ deps }) => {
    await letLeasesEnd(site);
    await deps.audit.reconcile();
    // What the frozen worker meant to do is looked at now, not when its patience is over.
    await advance(id, deps);
    for (let steps = 0; steps < 100; steps++) {
      const record = await deps.rotations.load(id);
      if (record === null || record.wakeAt === null || record.wakeAt > deps.clock.now() + 5000) return;
      await deps.clock.sleep(Math.max(0, record.wakeAt - deps.clock.now()));
      await advance(id, deps);
    }
    throw new Error(`${id} does not come to rest`);
  });
}

/** The minute passes for which a dead worker's lease on writing a secret lasts. */
async function letLeasesEnd(site: Site): Promise<void> {
  for (const key of await site.ground.redis.client.keys(`{${site.name}}:lease:write:*`))
    await site.ground.redis.client.pexpire(key, 1);
}
