import { writeSync } from "node:fs";
import { pino } from "pino";
import { loadConfig } from "../../config/load.ts";
import { advance } from "../../src/app/advance.ts";
import { compose } from "../../src/compose.ts";
import { connectRedis } from "../../src/redis/connect.ts";
import { createRotationWorker } from "../../workers/rotation-worker.ts";
import { runUntilIdle } from "../../workers/run-until-idle.ts";
import { type Call, watchEffects, watched } from "./kill-points.ts";
import { wakeEverything } from "./site.ts";

/**
 * A real worker over the real program, which kills or freezes itself at one writing call of a port:
 *
 *     node worker-process.ts '{"config": …, "at": "promoting/store.promote#1", "when": "before", "signal": "SIGKILL"}'
 *
 * Without `at` it only lists its writing calls. One line of JSON on stdout per event.
 */
interface Order {
  config: string;
  at?: string;
  when?: "before" | "during" | "after";
  signal?: "SIGKILL" | "SIGSTOP";
  /** How long after the call began, for `during` (milliseconds). */
  afterMs?: number;
  lockMs?: number;
  /** Goes on after idleness until it is killed. */
  stay?: boolean;
  /** Wakes nothing by itself: it lives on what other processes left in the queue. */
  asleep?: boolean;
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
const say = (event: object): void => void writeSync(1, `${JSON.stringify(event)}\n`);
const isPlace = (call: Call): boolean => `${call.name}#${call.count}` === order.at;
const strike = (call: Call): void => {
  say({ event: "struck", at: `${call.name}#${call.count}`, when: order.when });
  process.kill(process.pid, order.signal ?? "SIGKILL");
};

const app = await compose(loadConfig({ path: order.config }), {
  log: pino(
    { level: process.env["KEYTURN_LOG_LEVEL"] ?? "silent" },
    { write: (line: string) => void (process.env["KEYTURN_LOG_LEVEL"] !== undefined && writeSync(2, line)) },
  ),
});
const deps = watched(app.deps, {
  before: (call) => {
    say({ event: "call", name: call.name, count: call.count, effect: call.effect });
    if (!isPlace(call)) return;
    if (order.when === "before") strike(call);
    if (order.when === "during") setTimeout(() => strike(call), order.afterMs ?? 0);
  },
  after: (call) => {
    if (isPlace(call) && order.when === "after") strike(call);
  },
});
watchEffects();

await deps.audit.reconcile();
const worker = createRotationWorker({
  connection: await connectRedis(app.redis.settings, { role: "worker" }),
  install: app.loaded.config.redis.prefix ?? app.loaded.config.install,
  advance: async (id) => {
    const step = await advance(id, deps);
    say({ event: "step", from: step?.from ?? null, to: step?.to ?? null });
  },
  ...(order.lockMs === undefined ? {} : { lockMs: order.lockMs, stalledMs: order.lockMs }),
  log: app.log,
});
await worker.ready();
if (order.asleep !== true) await wakeEverything(app);
const { rotations, clock } = app.deps;
do {
  const work = runUntilIdle({
    rotations,
    wakeups: app.queue,
    worker,
    clock,
    limitMs: 20_000,
    horizonMs: 1500,
    pollMs: 10,
  });
  // After a long freeze the first answer of Redis comes too late; like `serve`, it goes on.
  if (order.stay === true) await work.catch(() => undefined).then(() => clock.sleep(20));
  else await work;
} while (order.stay === true);
say({ event: "idle" });
await worker.close(1000);
await app.close();
process.exit(0);
