import { pino } from "pino";
import { loadConfig } from "../config/load.ts";
import { scan } from "../src/app/scan/scan.ts";
import { type App, compose } from "../src/compose.ts";
import { sandboxClient } from "../src/sandbox/client.ts";
import { createReconciler } from "../workers/reconciler.ts";
import { type Kept, keptIn } from "./idle/redis-bytes.ts";
import { type Installation, POLICY, install } from "./lib/installation.ts";
import { runKeyturn, serve } from "./lib/keyturn.ts";
import { metricsOf } from "./lib/metrics.ts";
import { sum } from "./rotations/counts.ts";
import { openAll, untilNothingIsDue } from "./rotations/drive.ts";
import { median, type Row, round, type Section } from "./lib/report.ts";

const MOST = Number(process.env["BENCH_OPEN"] ?? 2000);
/** Open rotations at which everything is measured. */
const LEVELS = [0, MOST / 4, MOST / 2, MOST];
/** Of each quick thing. */
const TIMES = 3;

const CONFIG = {
  policy: { ...POLICY, maxOpenRotations: 10_000 },
  http: { host: "127.0.0.1", port: 0, metricsPort: 0 },
};

interface Level {
  open: number;
  kept: Kept;
  dryRunMs: number;
  scanMs: number;
  lookMs: number;
  scrapeMs: number;
  scrapeBytes: number;
  readyMs: number;
  serveMb: number;
  /** Requests to the API that one start of `serve` makes until nothing is due. */
  startRequests: number;
  runOnceMs: number;
  runOnceRequests: number;
}

/**
 * What open rotations cost that only wait for a person: everything is measured with none, and with more and more of them,
 * in one installation whose targets stay the same.
 */
export async function benchIdle(): Promise<Section> {
  const installation = await install(MOST, 10, { config: CONFIG });
  const app = await compose(loadConfig({ path: installation.configFile }), { log: pino({ level: "silent" }) });
  try {
    // The first scan remembers the keys in use; the later ones find them remembered.
    await scan(app.deps, { dryRun: false });
    const levels: Level[] = [];
    for (const open of LEVELS) {
      await openAll(app.deps, installation.targets.slice(levels.at(-1)?.open ?? 0, open));
      levels.push(await measureAt(open, app, installation));
      const { scanMs, scrapeMs, runOnceMs } = levels.at(-1) as Level;
      process.stderr.write(
        `idle, ${open} open: scan ${round(scanMs)} ms, scrape ${round(scrapeMs)} ms, run-once ${round(runOnceMs)} ms\n`,
      );
    }
    return section(levels);
  } finally {
    await app.close();
    await installation.close();
  }
}

async function measureAt(open: number, { deps, queue }: App, installation: Installation): Promise<Level> {
  const { configFile, redisUrl, sandboxUrl } = installation;
  const person = sandboxClient(sandboxUrl);
  const asked = async () => (await person.state()).requests;
  const requests = [await asked()];
  const server = await serve(configFile);
  await untilNothingIsDue(deps);
  requests.push(await asked());
  const scrapes = await timesOver(() => metricsOf(server.ports.metrics));
  const serveMb = server.memory().nowMb;
  await server.stop();
  const kept = await keptIn(redisUrl);
  const dryRuns = await timesOver(() => scan(deps, { dryRun: true }));
  const scans = await timesOver(() => scan(deps, { dryRun: false }));
  const reconciler = createReconciler({ rotations: deps.rotations, wakeups: queue, clock: deps.clock, log: deps.log });
  const looks = await timesOver(() => reconciler.look());
  requests.push(await asked());
  const { wallMs: runOnceMs } = await runKeyturn(["run-once", "--config", configFile]);
  requests.push(await asked());
  const [before = 0, started = 0, scanned = 0, ran = 0] = requests;
  return {
    open,
    kept,
    dryRunMs: dryRuns.ms,
    scanMs: scans.ms,
    lookMs: looks.ms,
    scrapeMs: scrapes.ms,
    scrapeBytes: Buffer.byteLength(scrapes.last.text),
    readyMs: server.readyMs,
    serveMb,
    startRequests: started - before,
    runOnceMs,
    runOnceRequests: ran - scanned,
  };
}

/** The median of several times, after one that does not count. */
async function timesOver<T>(work: () => Promise<T>): Promise<{ ms: number; last: T }> {
  let last = await work();
  const times: number[] = [];
  for (let n = 0; n < TIMES; n += 1) {
    const started = performance.now();
    last = await work();
    times.push(performance.now() - started);
  }
  return { ms: median(times), last };
}

function section(levels: readonly Level[]): Section {
  const row = (name: string, pick: (one: Level) => number, unit: Unit): Row => {
    const values = levels.map(pick);
    return [name, ...values.map((value) => round(value / unit.shown, unit.digits)), ...slopes(levels, values, unit)];
  };
  const kinds = [...new Set(levels.flatMap(({ kept }) => [...kept.byKind.keys()]))];
  const bytes = kinds
    .map((kind) => ({
      kind,
      each: slope(
        levels,
        levels.map(({ kept }) => kept.byKind.get(kind) ?? 0),
      ),
    }))
    .filter(({ kind, each }) => kind !== "audit" && each >= 1)
    .toSorted((a, b) => b.each - a.each);
  return {
    title: `idle: ${MOST.toLocaleString("en")} open rotations that wait for approval`,
    about: `One installation of ${MOST.toLocaleString("en")} targets whose keys are not due, with more and more open rotations. "Each" is the slope over all columns; "bends" is the slope of the last column over that of the first: 1 is a straight line. Medians of ${TIMES}, except \`serve\` and \`run-once\`: one each.`,
    head: ["", ...levels.map(({ open }) => `${open.toLocaleString("en")} open`), "each", "bends"],
    rows: [
      row("Redis, its data set, MB; each in bytes", (l) => l.kept.usedBytes, MB),
      row(
        "Redis, all keys but the audit log, MB; each in bytes",
        ({ kept }) => sum(kept.byKind) - (kept.byKind.get("audit") ?? 0),
        MB,
      ),
      row("scan, dry run, ms; each in µs", (l) => l.dryRunMs, MS),
      row("scan, ms; each in µs", (l) => l.scanMs, MS),
      row("look of the reconciler, ms; each in µs", (l) => l.lookMs, MS),
      row("scrape of /metrics, ms; each in µs", (l) => l.scrapeMs, MS),
      row("size of /metrics, kB; each in bytes", (l) => l.scrapeBytes, KB),
      row("`serve` ready after, ms; each in µs", (l) => l.readyMs, MS),
      row("`serve`, memory, MB; each in bytes", (l) => l.serveMb * 1024 * 1024, MB),
      row("requests to the API after a start of `serve`", (l) => l.startRequests, ONE),
      row("`run-once`, ms; each in µs", (l) => l.runOnceMs, MS),
      row("requests to the API of a `run-once`", (l) => l.runOnceRequests, ONE),
    ],
    verdicts: [`Bytes of keys for each: ${bytes.map(({ kind, each }) => `${kind} ${round(each)}`).join(", ")}.`],
  };
}

/** How a value is shown in its column, and for one rotation. */
interface Unit {
  shown: number;
  each: number;
  digits: number;
}
const MB: Unit = { shown: 1024 * 1024, each: 1, digits: 1 };
const KB: Unit = { shown: 1024, each: 1, digits: 0 };
const MS: Unit = { shown: 1, each: 1 / 1000, digits: 1 };
const ONE: Unit = { shown: 1, each: 1, digits: 0 };

function slopes(levels: readonly Level[], values: readonly number[], { each }: Unit): Row {
  const part = (from: number, to: number) => {
    const wide = (levels[to]?.open ?? 0) - (levels[from]?.open ?? 0);
    return ((values[to] ?? 0) - (values[from] ?? 0)) / wide;
  };
  const [first, last] = [part(0, 1), part(levels.length - 2, levels.length - 1)];
  const all = slope(levels, values) / each;
  return [
    round(all, Math.abs(all) < 10 ? 1 : 0),
    Math.abs(first) * (levels[1]?.open ?? 0) < each ? "" : round(last / first, 1),
  ];
}

/** Least squares. */
function slope(levels: readonly Level[], values: readonly number[]): number {
  const mean = (all: readonly number[]) => all.reduce((a, b) => a + b, 0) / all.length;
  const [x, y] = [mean(levels.map(({ open }) => open)), mean(values)];
  const over = levels.reduce((sum, { open }, n) => sum + (open - x) * ((values[n] ?? 0) - y), 0);
  return over / levels.reduce((sum, { open }) => sum + (open - x) ** 2, 0);
}
