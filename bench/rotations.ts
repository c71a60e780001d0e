import { openSync } from "node:fs";
import { pino } from "pino";
import { loadConfig } from "../config/load.ts";
import { compose } from "../src/compose.ts";
import type { Deps } from "../src/app/deps.ts";
import { sandboxClient } from "../src/sandbox/client.ts";
import { type Installation, POLICY, install } from "./lib/installation.ts";
import { type Serving, serve } from "./lib/keyturn.ts";
import { measure } from "./lib/processes.ts";
import { cpuMsOf } from "./lib/usage.ts";
import { kindOf, countBy, redisCommands, since, storeCallsIn, sum } from "./rotations/counts.ts";
import { approveAndSubmit, openAll, untilOpen, untilNothingIsDue } from "./rotations/drive.ts";
import { median, range, type Row, round, type Section } from "./lib/report.ts";
import { metricsOf } from "./lib/metrics.ts";

const ROTATIONS = Number(process.env["BENCH_ROTATIONS"] ?? 200);
const PROCESSES = [1, 2, 4] as const;
/** Brought to their end before, so that every process has run its code; in each of them a part. */
const WARM = 60;
const ROUNDS = 3;
const CORES = 2;
const LIMIT_MS = 120_000;

/** Everything that would wait for people or for time waits for nothing; the limit of the Admin API is not what is measured. */
const CONFIG = {
  policy: { ...POLICY, gracePeriod: "0s", maxOpenRotations: 10_000 },
  http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
  // As replicas on Kubernetes: no file that they share.
  audit: { log: true },
};

interface Party {
  workers: number;
  sandbox: number;
  redis: number;
  people: number;
}
interface Measured {
  wallMs: number;
  steps: number;
  saves: number;
  cpu: Party;
  redis: { all: number; byName: Map<string, number> };
  requests: Map<string, number>;
  storeCalls: { workers: Map<string, number>; people: Map<string, number> };
}
interface Ceiling {
  /** Answers a second to one process that only asks. */
  perSecond: number;
  /** Processor time of the sandbox for one of them, ms. */
  cpuMs: number;
}

/** Whole rotations with 1, 2 and 4 `serve` processes, in turn, each time on a fresh installation. */
export async function benchRotations(rounds = ROUNDS): Promise<Section> {
  const all = new Map<number, Measured[]>(PROCESSES.map((count) => [count, []]));
  const ceilings: Ceiling[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const count of PROCESSES) {
      const { measured, ceiling } = await run(count);
      all.get(count)?.push(measured);
      ceilings.push(ceiling);
      const rate = round((ROTATIONS * 1000) / measured.wallMs, 1);
      process.stderr.write(`rotations, round ${turn + 1}: ${rate} a second with ${count} processes\n`);
    }
  }
  return section(all, ceilings);
}

async function run(count: number): Promise<{ measured: Measured; ceiling: Ceiling }> {
  const installation = await install(WARM + ROTATIONS, 100, { config: CONFIG });
  const log = pino({ level: "info" }, pino.destination({ dest: openSync("/dev/null", "w"), sync: true }));
  const app = await compose(loadConfig({ path: installation.configFile }), { log });
  const servers: Serving[] = [];
  try {
    const ceiling = await ceilingOf(installation);
    const ids = await openAll(app.deps, installation.targets);
    for (let n = 0; n < count; n += 1) servers.push(await serve(installation.configFile));
    // The first look at what was opened is over.
    await untilNothingIsDue(app.deps);
    const person = sandboxClient(installation.sandboxUrl);
    await Promise.all([
      approveAndSubmit(app.deps, person, ids.slice(0, WARM)),
      untilOpen(app.deps, { most: ROTATIONS, withinMs: LIMIT_MS }),
    ]);
    await untilNothingIsDue(app.deps);
    const measured = await timed(installation, app, servers, ids.slice(WARM));
    return { measured, ceiling };
  } finally {
    await Promise.all(servers.map((each) => each.stop()));
    await app.close();
    await installation.close();
  }
}

async function timed(
  installation: Installation,
  { deps, counters }: Awaited<ReturnType<typeof compose>>,
  servers: readonly Serving[],
  ids: readonly string[],
): Promise<Measured> {
  const person = sandboxClient(installation.sandboxUrl);
  const look = async () => {
    const pids = { sandbox: [installation.pids.sandbox], redis: [installation.pids.redis], people: [process.pid] };
    const cpu = (of: readonly number[]) => of.reduce((ms, pid) => ms + cpuMsOf(pid), 0);
    return {
      workers: cpu(servers.map(({ pid }) => pid)),
      sandbox: cpu(pids.sandbox),
      redis: cpu(pids.redis),
      people: cpu(pids.people),
    };
  };
  const calls = async () => {
    const pages = await Promise.all(servers.map(({ ports }) => metricsOf(ports.metrics)));
    return new Map(
      pages
        .flatMap(({ text }) => [...storeCallsIn(text)])
        .reduce((all, [name, n]) => all.set(name, (all.get(name) ?? 0) + n), new Map<string, number>()),
    );
  };
  const mine = () =>
    new Map(
      counters.provider
        .family()
        .samples.filter(({ labels }) => labels["provider"] !== "anthropic")
        .map(({ labels, value }) => [labels["operation"] ?? "", value]),
    );
  const [callsBefore, mineBefore] = [await calls(), mine()];
  const requestsBefore = (await person.state()).requests;
  const [redisBefore, before] = [await redisCommands(installation.redisUrl), await look()];
  const started = performance.now();
  await Promise.all([approveAndSubmit(deps, person, ids), untilOpen(deps, { most: 0, withinMs: LIMIT_MS })]);
  const wallMs = performance.now() - started;
  await untilNothingIsDue(deps);
  const [after, redisAfter] = [await look(), await redisCommands(installation.redisUrl)];
  const requests = countBy(await person.requests(requestsBefore), kindOf);
  const storeCalls = { workers: since(callsBefore, await calls()), people: since(mineBefore, mine()) };
  const { steps, saves } = await movesOf(deps, ids);
  const spent = (party: keyof Party) => after[party] - before[party];
  return {
    wallMs,
    steps,
    saves,
    cpu: { workers: spent("workers"), sandbox: spent("sandbox"), redis: spent("redis"), people: spent("people") },
    redis: { all: redisAfter.all - redisBefore.all, byName: since(redisBefore.byName, redisAfter.byName) },
    requests,
    storeCalls,
  };
}

/** Moves of all rotations since they opened, by their histories; and how often they were saved. @throws unless all completed */
async function movesOf(deps: Deps, ids: readonly string[]): Promise<{ steps: number; saves: number }> {
  let [steps, saves] = [0, 0];
  for (const id of ids) {
    const r = await deps.rotations.load(id);
    if (r?.state !== "completed") throw new Error(`${id} is ${r?.state ?? "gone"}, not completed`);
    steps += r.history.length - 1;
    saves += r.revision - 1;
  }
  return { steps, saves };
}

async function ceilingOf({ sandboxUrl, adminKey, targets, pids }: Installation): Promise<Ceiling> {
  const before = cpuMsOf(pids.sandbox);
  const input = { sandboxUrl, adminKey, keyId: targets[0]?.keyId, forMs: 1500 };
  const { answered, wallMs } = await measure<{ answered: number; wallMs: number }>("rotations/ceiling.ts", input);
  return { perSecond: (answered * 1000) / wallMs, cpuMs: (cpuMsOf(pids.sandbox) - before) / answered };
}

function section(all: ReadonlyMap<number, readonly Measured[]>, ceilings: readonly Ceiling[]): Section {
  const of = (count: number) => all.get(count) ?? [];
  const row = (name: string, pick: (one: Measured) => number, digits = 1): Row => [
    name,
    ...PROCESSES.map((count) => round(median(of(count).map(pick)), digits)),
  ];
  const each = (name: string, pick: (one: Measured) => number, digits = 1): Row =>
    row(`${name} per rotation`, (one) => pick(one) / ROTATIONS, digits);
  const cpu = (one: Measured) => one.cpu.workers + one.cpu.sandbox + one.cpu.redis + one.cpu.people;
  const ratios = (count: number) => of(count).map((one, n) => (of(1)[n]?.wallMs ?? Number.NaN) / one.wallMs);
  const most = (one: Measured) => (CORES * 1000 * ROTATIONS) / cpu(one);
  const one = of(1)[0];
  const perSecond = median(ceilings.map((c) => c.perSecond));
  return {
    title: `rotations: ${ROTATIONS.toLocaleString("en")} whole rotations with 1, 2 and 4 processes`,
    about: `\`serve\` processes on one Redis and one sandbox; people (this bench) approve, make a key and hand it over, 8 at a time, until every rotation is completed. Times of the policy are 0. Medians of ${of(1).length} rounds.`,
    head: ["", ...PROCESSES.map((count) => `${count} process${count === 1 ? "" : "es"}`)],
    rows: [
      row("rotations per second", (m) => (ROTATIONS * 1000) / m.wallMs),
      row("steps per second", (m) => (m.steps * 1000) / m.wallMs),
      each("steps", (m) => m.steps),
      each("saves of the record", (m) => m.saves),
      each("CPU time, ms, `serve` processes", (m) => m.cpu.workers),
      each("CPU time, ms, people", (m) => m.cpu.people),
      each("CPU time, ms, sandbox", (m) => m.cpu.sandbox),
      each("CPU time, ms, Redis", (m) => m.cpu.redis),
      row("two cores busy, %", (m) => (cpu(m) * 100) / (CORES * m.wallMs), 0),
      row("two cores allow at most, rotations per second", most),
      each("scripts that Redis ran", (m) => m.redis.byName.get("evalsha") ?? 0, 1),
      each("Redis commands, those inside scripts included,", (m) => m.redis.all, 0),
      each("Admin API requests", (m) => sum(m.requests) - live(m), 1),
      each("live calls", live, 1),
      each("store calls", (m) => sum(m.storeCalls.workers) + sum(m.storeCalls.people), 1),
    ],
    verdicts: [
      ...[2, 4].map(
        (count) =>
          `${count} processes / 1: ${round(median(ratios(count)), 2)}. Single rounds: ${range(ratios(count))}.`,
      ),
      `The sandbox alone answers ${round(perSecond)} reads a second to one process that only asks (${round(median(ceilings.map((c) => c.cpuMs)), 2)} ms of its processor time each); a rotation takes ${one === undefined ? "?" : round(sum(one.requests) / ROTATIONS, 1)} requests of it.`,
      ...(one === undefined
        ? []
        : [
            `Per rotation with 1 process, requests: ${list(one.requests)}.`,
            `Store calls of workers: ${list(one.storeCalls.workers)}; of people: ${list(one.storeCalls.people)}.`,
            `Redis commands: ${list(one.redis.byName, 12)}.`,
          ]),
    ],
  };
}

const live = (m: Measured): number =>
  [...m.requests].reduce((n, [kind, count]) => n + (kind.startsWith("live") ? count : 0), 0);

/** The most frequent first, per rotation. */
const list = (counts: ReadonlyMap<string, number>, most = 20): string =>
  [...counts]
    .map(([name, count]) => [name, count / ROTATIONS] as const)
    .filter(([, count]) => count >= 0.05)
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name, count]) => `${name} ${round(count, 1)}`)
    .join(", ");
