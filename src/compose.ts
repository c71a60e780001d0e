import type { LoadedConfig } from "../config/load.ts";
import { resolveSecret } from "../config/secrets.ts";
import type { PinoLog } from "./cli/log.ts";
import { type Announcer, createAnnouncer } from "./announcer.ts";
import { type Attendance, createAttendance, hostBoundStores, isOfOneHost } from "./attendance.ts";
import { createKeyAdmin } from "./anthropic/key-admin.ts";
import { createKeyVerifier } from "./anthropic/key-verifier.ts";
import type { RequestTold } from "./anthropic/operation.ts";
import type { Deps } from "./app/deps.ts";
import { exportCsv, exportJsonLines } from "./audit/export.ts";
import { createAuditTrail } from "./audit/trail.ts";
import { systemClock } from "./clock.ts";
import { countedAudit, countedNotifier, countedStores } from "./metrics/counted.ts";
import { type Counters, createCounters } from "./metrics/counters.ts";
import { countedRotations, countedVerifier } from "./metrics/outcomes.ts";
import type { AuditEntry } from "./ports/audit.ts";
import type { Journal } from "./ports/chain.ts";
import type { Sessions } from "./ports/sessions.ts";
import { createAdminBudget } from "./redis/admin-budget.ts";
import { createRedisConfigs } from "./redis/configs.ts";
import { connectRedis, type RedisConnection } from "./redis/connect.ts";
import { createRedisHolds } from "./redis/holds.ts";
import { createRedisIntakeLinks } from "./redis/intake-links.ts";
import { createRedisJournal } from "./redis/journal.ts";
import { createRedisLeases } from "./redis/leases.ts";
import { createRedisOutbox } from "./redis/outbox.ts";
import { createRedisPresence } from "./redis/presence.ts";
import { createRedisProcesses } from "./redis/processes.ts";
import { createRedisRotations } from "./redis/rotations.ts";
import { createRedisScanLog } from "./redis/scan-log.ts";
import { createRedisSessions } from "./redis/sessions.ts";
import { createWakeups, type RotationQueue } from "./redis/wakeups.ts";
import { type SafetyReport, assertRedisSafe, checkRedisSafety, sentencesOf } from "./redis/safety.ts";
import { type RedisHome, openRedis } from "./redis-home.ts";
import { aboutOf } from "./rotation/about.ts";
import { KeyturnError } from "./rotation/errors.ts";
import type { Rotation } from "./rotation/record.ts";
import { newRotationId } from "./rotation-id.ts";
import { takeStep } from "./step.ts";
import { createStorePool } from "./store-pool.ts";
import { tracedRequests, tracingOf } from "./tracing-of.ts";
import type { Tracing } from "./tracing/open.ts";
import { createRotationWorker, type RotationWorker } from "../workers/rotation-worker.ts";

/** Everything a way in needs: the use cases' dependencies and what only the composition knows. */
export interface App {
  deps: Deps;
  loaded: LoadedConfig;
  log: PinoLog;
  queue: RotationQueue;
  announcer: Announcer;
  /** Says to the others that this process is there. */
  attendance: Attendance;
  /** Where Redis is; workers open connections of their own. */
  redis: RedisHome;
  redisClient: RedisConnection["client"];
  sessions: Sessions;
  redisWhere: string;
  /** What this process did, for its metrics. */
  counters: Counters;
  /** null: not configured. */
  tracing: Tracing | null;
  exportAudit(format: "json" | "csv", source?: { file: string }): AsyncIterable<string>;
  /** Bounded in time; safe to repeat. */
  close(): Promise<void>;
}

/** Names under which keys are kept: the installation's, unless several share one Redis by prefix. */
const namespaceOf = ({ config }: LoadedConfig): string => config.redis.prefix ?? config.install;

/** How long the end of a process waits for a collector (milliseconds). */
const TRACES_MS = 1000;

/**
 * Joins adapters to use cases: the only place that knows both. Connects to Redis and announces this configuration;
 * everything else connects when first used.
 * @param given.host another name for this machine; for tests
 * @param given.logIsKept false: this process' log goes to a person's terminal and nowhere else
 * @throws CONFIG_INVALID, REDIS_UNAVAILABLE
 */
export async function compose(
  loaded: LoadedConfig,
  given: { log: PinoLog; allowMemory?: boolean; host?: string; logIsKept?: boolean },
): Promise<App> {
  const { config, settings } = loaded;
  const { log } = given;
  const clock = systemClock;
  // Loaded only where it is used: it is a good part of what a command loads.
  const slackOutbound = config.slack === undefined ? null : await import("./slack-outbound.ts");
  const home = await openRedis(config, log, given.allowMemory);
  let connection: RedisConnection;
  try {
    connection = await connectRedis(home.settings, { role: "producer", onTrouble: troubleTo(log) });
  } catch (error) {
    await home.release();
    throw error;
  }
  const redis = connection.client;
  const install = namespaceOf(loaded);
  const journal = createRedisJournal({ redis, install });
  const counted = createCounters({ slack: config.slack !== undefined });
  const tracing = await tracingOf(loaded, { counters: counted, log });
  const counters = tracedRequests(counted, tracing);
  const trail = createAuditTrail({
    journal,
    install: config.install,
    file: config.audit.file ?? null,
    log: auditLine(config.audit.log, config.audit.file !== undefined, log),
    clock,
    logIsKept: given.logIsKept ?? true,
  });
  const queue = createWakeups({ connection, install, now: () => clock.now(), telemetry: tracing?.telemetry });
  const attendance = createAttendance({
    processes: createRedisProcesses({ redis, install, ...(given.host === undefined ? {} : { host: given.host }) }),
    files: Object.values(config.stores).some(({ type }) => isOfOneHost(type)),
    clock,
    log,
  });
  const stores = countedStores(hostBoundStores(createStorePool(config), attendance), counters);
  const budget = createAdminBudget({
    redis: () => Promise.resolve(redis),
    install,
    requestsPerMinute: config.anthropic.requestsPerMinute,
    clock,
    log,
    onWait: (urgency, ms) => counters.budgetWait.add({ urgency }, ms / 1000),
  });
  const anthropic = {
    baseUrl: config.anthropic.baseUrl,
    clock,
    log,
    onRequest: (told: RequestTold, seconds: number) => counters.request({ provider: "anthropic", ...told }, seconds),
  };
  const registry = createRedisConfigs({
    redis,
    install,
    hash: loaded.hash,
    mtimeMs: loaded.mtimeMs,
    holds: config.holds,
  });
  const outbox = createRedisOutbox({ redis, install });
  const slack =
    slackOutbound?.slackOutboundOf(loaded, {
      redis,
      install,
      clock,
      log,
      deps: () => deps,
      wake: (rotation) => outbox.add(rotation, clock.now()),
      onCall: (operation, code, seconds) => counters.request({ provider: "slack", operation, code }, seconds),
    }) ?? null;
  const announcer = createAnnouncer({
    config,
    channels: slack === null ? [] : [slack.channel],
    outbox,
    presence: createRedisPresence({ redis, install }),
    clock,
    log,
    onPost: (operation, code, seconds) => counters.request({ provider: "webhook", operation, code }, seconds),
  });
  const deps: Deps = {
    clock,
    settings,
    budget,
    admin: createKeyAdmin({
      ...anthropic,
      budget,
      adminKey: () => resolveSecret(config.anthropic.adminKey, "anthropic.adminKey"),
    }),
    verifier: countedVerifier(createKeyVerifier({ ...anthropic, model: config.anthropic.verifyModel }), counters),
    stores,
    rotations: countedRotations(createRedisRotations({ redis, install, chain: trail.writer }), counters),
    audit: countedAudit(trail, counters),
    wakeups: queue,
    leases: createRedisLeases({ redis, install }),
    holds: createRedisHolds({ redis, install, chain: trail.writer }),
    registry,
    scanLog: createRedisScanLog({ redis, install }),
    notifier: countedNotifier(announcer.notifier, counters),
    directory: slack?.directory ?? null,
    links: createRedisIntakeLinks({ redis, install }),
    log,
    newId: () => newRotationId(clock.now()),
  };
  let closing: Promise<void> | null = null;
  const close = async () => {
    await Promise.allSettled([trail.close(), queue.close(), stores.close(), attendance.stop()]);
    await tracing?.close(TRACES_MS);
    connection.disconnect();
    await home.release();
  };
  const app: App = {
    deps,
    loaded,
    log,
    queue,
    announcer,
    attendance,
    redis: home,
    redisClient: redis,
    sessions: createRedisSessions({ redis, install }),
    redisWhere: connection.where,
    counters,
    tracing,
    exportAudit: (format, source) => (format === "csv" ? exportCsv : exportJsonLines)(trail.entries(source)),
    close: () => (closing ??= close()),
  };
  try {
    await registry.announce();
  } catch (error) {
    await app.close();
    throw error;
  }
  return app;
}

/**
 * The audit log as its files have it, without Redis: for `--from`, and for a Redis that is away or gone for good.
 * Reads only.
 */
export function auditFiles({ config }: LoadedConfig): Pick<App, "exportAudit"> & Pick<Deps["audit"], "verify"> {
  const away = () => Promise.reject(new KeyturnError("REDIS_UNAVAILABLE"));
  const journal: Journal = {
    head: away,
    append: away,
    read: away,
    trim: away,
    dropBefore: away,
    shipped: away,
    noteShipped: away,
  };
  const trail = createAuditTrail({
    journal,
    install: config.install,
    file: config.audit.file ?? null,
    log: () => undefined,
    clock: systemClock,
  });
  return {
    verify: (source) => trail.verify(source),
    exportAudit: (format, source) => (format === "csv" ? exportCsv : exportJsonLines)(trail.entries(source)),
  };
}

/** Starts the BullMQ worker of this process on a connection of its own: one that waits for Redis as long as it takes. */
export async function startWorker(app: App, concurrency = 20): Promise<RotationWorker> {
  const connection = await connectRedis(app.redis.settings, { role: "worker", onTrouble: troubleTo(app.log) });
  const worker = createRotationWorker({
    connection,
    install: namespaceOf(app.loaded),
    advance: (id) => takeStep(app, id),
    telemetry: app.tracing?.telemetry,
    concurrency,
    log: app.log,
  });
  try {
    await worker.ready();
  } catch (error) {
    await worker.close(0);
    throw error;
  }
  return worker;
}

/** Whether Redis keeps what it confirms; changes nothing. @throws what the client throws when it does not answer */
export const redisSafety = (app: Pick<App, "redis" | "redisClient">): Promise<SafetyReport> =>
  checkRedisSafety(app.redisClient, { persistence: app.redis.durable ? "required" : "warn" });

/**
 * Refuses to work on a Redis that may lose what it confirmed (failures #10).
 * @throws REDIS_UNSAFE (78) with one sentence per problem
 */
export async function checkRedis(app: App): Promise<void> {
  const report = await redisSafety(app);
  assertRedisSafe(report, app.redisWhere);
  for (const p of report.problems)
    app.log.warn({ event: "redis.unsafe", setting: p.setting, value: p.value, wanted: p.wanted }, sentencesOf([p]));
}

const troubleTo = (log: PinoLog) => (code: string) =>
  log.warn({ event: "redis.trouble", code }, "Redis does not answer");

/** Every audit entry as a log line, for collectors; a person at a terminal with an audit file is spared them. */
function auditLine(wanted: boolean, hasFile: boolean, log: PinoLog): (entry: AuditEntry) => void {
  if ((!wanted && hasFile) || (hasFile && process.stderr.isTTY)) return () => undefined;
  const lines = log.child({}, { level: "info" });
  return (entry) => lines.info({ event: "audit", ...aboutEntry(entry), audit: entry }, entry.action);
}

/** A change of a record has the record with it, else only the names are known. */
function aboutEntry({ rotation, target, checkpoint }: AuditEntry): object {
  if (rotation === null) return {};
  return checkpoint === undefined ? { rotation, target } : aboutOf(checkpoint as Rotation);
}
