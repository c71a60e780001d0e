import { setTimeout as pause } from "node:timers/promises";
import { destination, pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { type App, compose } from "../compose.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { type Application, type ApplicationReport, startApplication, together } from "./application.ts";
import { type Check, checkAll } from "./checks.ts";
import { writeConfig } from "./configuration.ts";
import { Interrupted, StepFailed } from "./failure.ts";
import { type Folder, keyIn, restOf } from "./folder.ts";
import { type GoogleSecret, SECRET, openGoogleSecret } from "./google.ts";
import { PLANTED, plant } from "./organization.ts";
import { type Say, askThePerson, playBothPeople } from "./person.ts";
import type { Processes } from "./processes.ts";
import { overview } from "./scan-overview.ts";
import type { Line } from "./timeline.ts";
import { Watch } from "./watch.ts";

export interface DemoOptions {
  folder: Folder;
  /** A person approves and submits. */
  manual: boolean;
  /** How a person starts Keyturn here. */
  keyturn: string;
  say: (line: Line) => void;
  signal: AbortSignal;
  processes: Processes;
}

export interface DemoReport {
  ok: boolean;
  interrupted: boolean;
  rotation: string | null;
  state: string | null;
  outgoingKey: { id: string; name: string } | null;
  replacementKey: { id: string; name: string } | null;
  redis: "server" | "memory" | null;
  sandboxUrl: string | null;
  application: ApplicationReport | null;
  checks: Check[];
  error: { message: string; next: string | null; log: string | null } | null;
}

/** The archive comes a grace period after draining, and draining may last two minutes of usage. */
const TO_THE_END_MS = 240_000;
/** Our own signal handler may run after a child's. */
const SIGNAL_MS = 50;
/** An attention that clears itself is shown, not punished. */
const ATTENTION_MS = 10_000;

/**
 * A key's whole way on embedded parts: simulated organization, secrets manager and `keyturn serve` as processes, Redis,
 * a dotenv file.
 * Compresses time through the configuration alone. Never throws; every process has ended when it resolves.
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { folder, processes, signal } = options;
  const parts: Parts = { app: null, application: null, watch: null, google: null };
  const report = { ...NOTHING_YET };
  try {
    await play(options, parts, report);
    report.ok = report.checks.every((check) => check.ok);
  } catch (thrown) {
    // Ctrl-C on a terminal reaches every process of the group: what fails through it is no failure.
    await pause(SIGNAL_MS);
    if (signal.aborted || thrown instanceof Interrupted) report.interrupted = true;
    else report.error = explain(thrown, folder);
  }
  report.application = parts.application?.report() ?? null;
  await parts.application?.stop();
  await parts.google?.close().catch(() => undefined);
  await processes.stopAll();
  await parts.app?.close();
  return report;
}

const NOTHING_YET: DemoReport = {
  ok: false,
  interrupted: false,
  rotation: null,
  state: null,
  outgoingKey: null,
  replacementKey: null,
  redis: null,
  sandboxUrl: null,
  application: null,
  checks: [],
  error: null,
};

/** What has been started so far, to be ended whatever happens. */
interface Parts {
  app: App | null;
  application: Application | null;
  watch: Watch | null;
  google: GoogleSecret | null;
}

async function play(options: DemoOptions, parts: Parts, report: DemoReport): Promise<void> {
  const { folder, processes, signal } = options;
  const say: Say = (label, text, copy = []) => options.say({ at: Date.now(), label, text, copy });
  const [ready, manager] = await Promise.all([
    processes.startSandbox(folder.sandbox, folder.sandboxLog),
    processes.startGoogle(folder.googleLog),
  ]);
  const organization = await plant(ready.url, folder);
  report.sandboxUrl = ready.url;
  say("the organization", `is simulated at ${ready.url}: ${PLANTED}`);

  const google = (parts.google = await openGoogleSecret(manager.endpoint));
  await google.put(organization.outgoing.text);
  say(
    "secrets manager",
    `Google Secret Manager's protocol (gRPC) at ${manager.endpoint}: secret ${SECRET} holds app-key, as app.env does`,
  );

  writeConfig(folder, { baseUrl: ready.url, google: manager.endpoint }, ready.adminKey);
  const loaded = loadConfig({ path: folder.configFile });
  const log = pino({ level: "warn" }, destination({ dest: folder.demoLog, sync: true, mode: 0o600 }));
  // A server in memory lives in this process; everything else finds it through the folder.
  const app = (parts.app = await compose(loaded, { log, allowMemory: true }));
  report.redis = app.redis.durable ? "server" : "memory";
  say(
    "Redis",
    app.redis.durable
      ? "a server of our own, durable (append-only file)"
      : "no redis-server or valkey-server is installed: js-redis-server in this process's memory, which keeps nothing after the demo",
  );

  const rest = restOf(folder.envFile);
  const application = (parts.application = together([
    startApplication(() => keyIn(folder.envFile), ready.url),
    startApplication(() => google.key(), ready.url),
  ]));
  say(
    "the applications",
    `one reads app.env, one reads ${SECRET}: each calls the API every second, through everything that follows`,
  );
  await lookFirst(processes, folder, say);
  const serve = await processes.startServe(folder.configFile, folder.serveLog);
  say("keyturn serve", `runs as process ${serve.pid}, health at http://127.0.0.1:${serve.httpPort}/readyz, and scans`);

  const watch = (parts.watch = new Watch({
    app,
    application,
    say: options.say,
    signal,
    check: () => processes.check(),
    attentionMs: options.manual ? null : ATTENTION_MS,
  }));
  try {
    const scene = { folder, organization, processes, watch, say, keyturn: options.keyturn };
    await (options.manual ? askThePerson(scene) : playBothPeople(scene));
    await watch.until(["completed"], options.manual ? null : TO_THE_END_MS);
  } finally {
    describeRotation(watch, report);
  }
  // The last word goes into the audit log before it is checked.
  await serve.stop();
  await application.stop();
  const audit = await processes.keyturn(["audit", "verify", "--json", "--config", folder.configFile]);
  const bystanders = organization.bystanders.map((key) => key.id);
  const evidence = {
    folder,
    rest,
    google,
    bystanders,
    audit,
    sandbox: organization.sandbox,
    outgoingText: organization.outgoing.text,
  };
  report.checks = await checkAll({ ...evidence, record: watch.record, application: application.report() });
}

/** What anybody would do first: look, without changing anything. */
async function lookFirst(processes: Processes, folder: Folder, say: Say): Promise<void> {
  const scan = await processes.keyturn(["scan", "--dry-run", "--json", "--config", folder.configFile]);
  if (scan.exit !== 0)
    throw new StepFailed(
      `keyturn scan --dry-run ended with ${scan.exit ?? "a signal"}: ${scan.stderr.trim()}${scan.stdout.trim()}`,
    );
  say("scan --dry-run", overview(scan.stdout));
}

function describeRotation(watch: Watch, report: DemoReport): void {
  const record = watch.seen;
  if (record === null) return;
  const named = (key: { id: string; name: string } | null) => (key === null ? null : { id: key.id, name: key.name });
  Object.assign(report, {
    rotation: record.id,
    state: record.state,
    outgoingKey: named(record.outgoing),
    replacementKey: named(record.replacement),
  });
}

function explain(thrown: unknown, folder: Folder): NonNullable<DemoReport["error"]> {
  if (thrown instanceof StepFailed)
    return { message: thrown.message, next: thrown.next, log: thrown.log ?? folder.serveLog };
  const known = asKeyturnError(thrown);
  return { message: known.message, next: known.next, log: folder.serveLog };
}
