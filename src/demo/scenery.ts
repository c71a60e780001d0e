import { destination, pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { type App, compose } from "../compose.ts";
import type { Rotation } from "../rotation/record.ts";
import { type Application, startApplication, together } from "./application.ts";
import { type Check, checkAll } from "./checks.ts";
import { type PeopleConfig, writeConfig } from "./configuration.ts";
import type { DemoReport } from "./demo.ts";
import { StepFailed } from "./failure.ts";
import { type Folder, keyIn, restOf } from "./folder.ts";
import { type GoogleSecret, SECRET, openGoogleSecret } from "./google.ts";
import { type DemoOrganization, PLANTED, plant } from "./organization.ts";
import type { Say } from "./person.ts";
import type { Processes } from "./processes.ts";
import { overview } from "./scan-overview.ts";

/** What has been started so far, to be ended whatever happens. */
export interface Parts {
  app: App | null;
  application: Application | null;
  google: GoogleSecret | null;
}

/** Everything a play is played with. */
export interface Scenery {
  app: App;
  organization: DemoOrganization;
  google: GoogleSecret;
  application: Application;
  serve: { pid: number; httpPort: number; stop(): Promise<void> };
  /** `app.env` without the key, as it was before. */
  rest: string;
}

/**
 * Starts everything, in the order in which it needs each other, and says so.
 * @param people how people are reached; null: by the command line alone
 * @throws StepFailed, KeyturnError; what was started by then is in `parts`
 */
export async function setUp(
  given: { folder: Folder; processes: Processes; say: Say; people: PeopleConfig | null; sandboxPort?: number },
  parts: Parts,
  report: DemoReport,
): Promise<Scenery> {
  const { folder, processes, say } = given;
  const [ready, manager] = await Promise.all([
    processes.startSandbox(folder.sandbox, folder.sandboxLog, given.sandboxPort),
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

  writeConfig(folder, { baseUrl: ready.url, google: manager.endpoint }, ready.adminKey, given.people);
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
  return { app, organization, google, application, serve, rest };
}

/** Looks at everything from outside. The applications may go on meanwhile. */
export async function examine(
  scenery: Scenery,
  record: Rotation,
  folder: Folder,
  processes: Processes,
): Promise<Check[]> {
  const { organization, google, application, rest } = scenery;
  const audit = await processes.keyturn(["audit", "verify", "--json", "--config", folder.configFile]);
  return checkAll({
    folder,
    rest,
    google,
    record,
    audit,
    bystanders: organization.bystanders.map((key) => key.id),
    sandbox: organization.sandbox,
    outgoingText: organization.outgoing.text,
    application: application.report(),
  });
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
