import { scan } from "./app/scan/scan.ts";
import { createScanWhenBehind } from "./app/scan/scan-when-behind.ts";
import { type App, checkRedis, startWorker } from "./compose.ts";
import { healthRoutes } from "./http/health.ts";
import { type HttpServer, type Route, startHttpServer } from "./http/server.ts";
import { createLiveness } from "./liveness.ts";
import { createChainWatch } from "./metrics/chain.ts";
import { openMetrics } from "./metrics-page.ts";
import { asKeyturnError } from "./rotation/errors.ts";
import { type ScanSchedule, startScanSchedule } from "./schedule/scan-schedule.ts";
import { openWaysIn } from "./ways-in.ts";
import { wakeAll } from "./run-once.ts";
import { startReconciler } from "../workers/reconciler.ts";
import type { RotationWorker } from "../workers/rotation-worker.ts";

export interface Server {
  /** The bound ports. */
  ports: { http: number; metrics: number };
  /**
   * In the order in which they end: no longer ready and no new scans, then the running steps, then requests, then the last
   * word.
   */
  parts: readonly { name: string; close(leftMs: number): Promise<unknown> }[];
}

/** Every configuration is announced again within this, so that its holds count (R15). */
const ANNOUNCE_MS = 5 * 60_000;
/** What a dead process committed and did not bring to the sink is copied there within this. */
const SHIP_MS = 5000;
/** The whole audit file is read this often: each scan reads it too, but says nothing of a broken chain. */
const VERIFY_MS = 60 * 60_000;
/** How soon a record that Redis has set back is noticed; whoever scans (`schedule.mode`). */
const BEHIND_MS = 15_000;
/** How often liveness asks whether Redis is there at all. */
const LOOK_MS = 10_000;

/**
 * The long-running process: schedule, workers, reconciler, health. Any number of them may run side by side.
 * @throws REDIS_UNSAFE (78), REDIS_UNAVAILABLE (69), CONFIG_INVALID (78)
 */
export async function startServer(app: App): Promise<Server> {
  const { deps, log, loaded } = app;
  const { schedule, http } = loaded.config;
  app.announcer.check();
  await checkRedis(app);
  await app.attendance.start("serve");
  await deps.audit.reconcile();
  let started = false;
  let stopping = false;
  // What the configuration lacks is told before anything works.
  const waysIn = await openWaysIn(app);
  // Before the workers: a port that is taken is told before anything works.
  const chain = createChainWatch(deps.audit, () => deps.clock.now());
  let worker: RotationWorker | null = null;
  const liveness = createLiveness({
    silentForMs: () => worker?.silentForMs() ?? null,
    ping: () => deps.rotations.serverTime(),
    ended: () => !stopping && app.redisClient.status === "end",
  });
  const health = healthRoutes({
    checks: { redis: async () => void (await deps.rotations.serverTime()) },
    started: () => started,
    stopping: () => stopping,
    alive: () => liveness.alive(),
    log,
  });
  const open: { close(deadlineMs: number): Promise<unknown> }[] = [...waysIn.parts];
  let metrics: HttpServer;
  let server: HttpServer;
  try {
    metrics = await startMetrics(app, openMetrics(app, chain));
    open.push(metrics);
    server = await startHttpServer({ host: http.host, port: http.port, log, routes: [...health, ...waysIn.routes] });
    open.push(server);
    worker = await startWorker(app);
  } catch (error) {
    await Promise.allSettled(open.map((part) => part.close(0)));
    throw error;
  }
  const working = worker;
  // Whatever was under way when the last process ended is looked at now, not when its patience runs out.
  await wakeAll(app);
  const deliveries = app.announcer.start(deps);
  const reconciler = startReconciler({
    rotations: deps.rotations,
    wakeups: app.queue,
    clock: deps.clock,
    log,
    isWorkingOn: (id) => working.isWorkingOn(id),
  });
  const plan = schedule.mode === "cronjob" ? null : startSchedule(app);
  const behind = createScanWhenBehind(deps, () => countedScan(app));
  const rebuilding = every(BEHIND_MS, async () => void (await behind.look()), app);
  const announcing = every(ANNOUNCE_MS, () => deps.registry.announce(), app);
  const looking = every(LOOK_MS, () => liveness.look(), app);
  const shipping = every(SHIP_MS, () => deps.audit.reconcile(), app);
  void chain.look();
  const verifying = every(VERIFY_MS, () => chain.look(), app);
  started = true;
  const ports = { http: server.port, metrics: metrics.port };
  const scans = plan === null ? "a CronJob scans: schedule.mode is cronjob" : "scans on schedule";
  log.info(
    { event: "serve.ready", ports, httpPort: server.port, pid: process.pid, scheduleMode: schedule.mode },
    `ready; ${scans}`,
  );
  return {
    ports,
    parts: [
      {
        name: "schedule",
        close: async () => {
          stopping = true;
          announcing.stop();
          looking.stop();
          rebuilding.stop();
          await Promise.all([plan?.stop(), reconciler.stop()]);
        },
      },
      // Before the HTTP server: for a moment after SIGTERM the cluster still sends people here, and their clicks count.
      { name: "worker", close: (leftMs) => working.close(Math.max(0, leftMs - 3000)) },
      { name: "http", close: () => server.close(1000) },
      ...waysIn.parts,
      // After the worker: its last steps are told before the process ends, or by the next one.
      { name: "deliveries", close: async (leftMs) => deliveries?.stop(Math.max(0, leftMs - 500)) },
      {
        name: "audit",
        close: async () => {
          shipping.stop();
          verifying.stop();
          // The anchor against which a shortened file shows (R18).
          log.info({ event: "serve.stopped", auditHead: await deps.audit.head().catch(() => null) }, "stopped");
        },
      },
      // Last: what happens while the process ends is worth a look.
      { name: "metrics", close: () => metrics.close(200) },
    ],
  };
}

const startSchedule = ({ deps, loaded, log, counters }: App): ScanSchedule =>
  startScanSchedule({
    pattern: loaded.config.schedule.scan,
    timeZone: loaded.config.schedule.timeZone,
    scan: () => countedScan({ deps, counters }),
    scanLog: deps.scanLog,
    clock: deps.clock,
    log,
  });

/** A scan that the schedule asked for, counted by its outcome. */
async function countedScan({ deps, counters }: Pick<App, "deps" | "counters">): Promise<void> {
  try {
    await scan(deps, { dryRun: false });
    counters.scans.add({ outcome: "ok" });
  } catch (error) {
    counters.scans.add({ outcome: asKeyturnError(error).code.toLowerCase() });
    throw error;
  }
}

/** The port of the default: several processes on one machine, as on a developer's, must not need a setting for it. */
const DEFAULT_METRICS_PORT = 9090;

/** @throws CONFIG_INVALID when a port that the configuration names is taken */
async function startMetrics({ loaded, log }: App, route: Route): Promise<HttpServer> {
  const { host, metricsPort } = loaded.config.http;
  const at = (port: number) => startHttpServer({ host, port, setting: "http.metricsPort", log, routes: [route] });
  try {
    return await at(metricsPort);
  } catch (error) {
    if (metricsPort !== DEFAULT_METRICS_PORT) throw error;
    const server = await at(0);
    log.warn(
      { event: "metrics.other_port", port: server.port },
      `port ${DEFAULT_METRICS_PORT} is taken: the metrics are on ${server.port}; set http.metricsPort to choose`,
    );
    return server;
  }
}

/** Repeats work that must not end the process when it fails; trouble is said once until it works again. */
function every(ms: number, work: () => Promise<void>, { log }: App): { stop(): void } {
  let failing = false;
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    work()
      .then(() => (failing = false))
      .catch((error: unknown) => {
        if (!failing)
          log.warn(
            { event: "background.failed", code: asKeyturnError(error).code },
            "a repeated task failed and is tried again",
          );
        failing = true;
      })
      .finally(() => (busy = false));
  }, ms);
  return { stop: () => clearInterval(timer) };
}
