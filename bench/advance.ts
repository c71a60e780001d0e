import { pino } from "pino";
import { loadConfig } from "../config/load.ts";
import { compose } from "../src/compose.ts";
import { type SandboxClient, sandboxClient } from "../src/sandbox/client.ts";
import type { LoggedRequest } from "../src/sandbox/request-log.ts";
import type { AdvanceMeasured } from "./advance/meter.ts";
import { stageAll } from "./advance/prepare.ts";
import { CONCURRENCY, STEPS } from "./advance/steps.ts";
import { install } from "./lib/installation.ts";
import { measure } from "./lib/processes.ts";
import { median, range, type Row, round, type Section, verdict } from "./lib/report.ts";

const ROTATIONS = Number(process.env["BENCH_ROTATIONS"] ?? 1000);
const ROUNDS = 3;

type Measured = AdvanceMeasured & { requests: number };

/** 1,000 rotations from *staged* to *grace period* beside a bare chain of jobs, in turn, each on a fresh Redis. */
export async function benchAdvance(rounds = ROUNDS): Promise<Section> {
  const ours: Measured[] = [];
  const free: Measured[] = [];
  const bare: Measured[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    bare.push(await runBare());
    free.push(await runOurs("memory"));
    ours.push(await runOurs("files"));
    const walls = [ours, free, bare].map((all) => round(all[turn]?.wallMs ?? Number.NaN));
    process.stderr.write(`advance, round ${turn + 1}: ${walls.join(", ")} ms with files, without, bare\n`);
  }
  return section(ours, free, bare);
}

async function runOurs(store: "files" | "memory"): Promise<Measured> {
  const installation = await install(ROTATIONS, 100);
  try {
    const { configFile, redisUrl, sandboxUrl, targets } = installation;
    const person = sandboxClient(sandboxUrl);
    const app = await compose(loadConfig({ path: configFile }), { log: pino({ level: "silent" }) });
    await stageAll(app.deps, person, targets);
    await app.close();
    return await counted(person, () =>
      measure("advance/ours.ts", { configFile, redisUrl, rotations: ROTATIONS, store }),
    );
  } finally {
    await installation.close();
  }
}

async function runBare(): Promise<Measured> {
  const installation = await install(0, 0);
  try {
    const { redisUrl, sandboxUrl, adminKey } = installation;
    const person = sandboxClient(sandboxUrl);
    const names = Array.from({ length: ROTATIONS }, (_, n) => ({ name: `chain-${n}`, ageDays: 100 }));
    const [outgoing, next] = [await person.seedKeys(names), await person.seedKeys(names)];
    const chains = next.map(({ key, secret }, n) => ({
      outgoing: outgoing[n]?.key.id,
      replacement: key.id,
      text: secret,
    }));
    return await counted(person, () => measure("advance/bare.ts", { redisUrl, sandboxUrl, adminKey, chains }));
  } finally {
    await installation.close();
  }
}

/** @throws when the requests are not those that STEPS names: then the two would not be comparable */
async function counted(person: SandboxClient, work: () => Promise<AdvanceMeasured>): Promise<Measured> {
  const since = (await person.state()).requests;
  const measured = await work();
  const made = await person.requests(since);
  const kinds = countBy(made, kindOf);
  const wanted = countBy(STEPS.flat(), (each) => (each === "replacement" ? "outgoing" : each));
  for (const [kind, count] of wanted) {
    if (kinds.get(kind) !== count * ROTATIONS) {
      throw new Error(`${kind}: ${kinds.get(kind) ?? 0} requests, ${count * ROTATIONS} expected; see advance/steps.ts`);
    }
  }
  return { ...measured, requests: made.length };
}

function kindOf({ method, path }: LoggedRequest): string {
  if (path === "/v1/models") return "models";
  if (path === "/v1/messages") return "message";
  return method === "POST" ? "deactivate" : "outgoing";
}

function countBy<T>(all: readonly T[], name: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(name(one), (counts.get(name(one)) ?? 0) + 1);
  return counts;
}

function section(ours: readonly Measured[], free: readonly Measured[], bare: readonly Measured[]): Section {
  const columns = [ours, free, bare];
  const row = (name: string, pick: (one: Measured) => number, digits: number): Row => [
    name,
    ...columns.map((all) => round(median(all.map(pick)), digits)),
  ];
  const each = (name: string, pick: (one: Measured) => number, digits = 0): Row =>
    row(`${name} per rotation`, (one) => pick(one) / ROTATIONS, digits);
  const ratios = (all: readonly Measured[]) => all.map((one, n) => (bare[n]?.wallMs ?? Number.NaN) / one.wallMs);
  const cpu = (all: readonly Measured[]) => all.map((one, n) => (bare[n]?.cpuMs ?? Number.NaN) / one.cpuMs);
  const compared = (what: string, all: readonly Measured[]) =>
    `${verdict(`Throughput, ${what} / bare chain`, median(ratios(all)), { atLeast: 0.7 })} Single rounds: ${range(ratios(all))}.`;
  return {
    title: `advance: ${ROTATIONS.toLocaleString("en")} rotations from staged to grace period`,
    about: `One worker process with a concurrency of ${CONCURRENCY} beside a bare BullMQ chain of ${STEPS.length} jobs with the same ${STEPS.flat().length} requests. Medians of ${ours.length} rounds.`,
    head: ["", "rotations, dotenv files", "rotations, no store cost", "bare chain"],
    rows: [
      row("rotations per second", (one) => (ROTATIONS * 1000) / one.wallMs, 1),
      row("wall time, ms", (one) => one.wallMs, 0),
      each("CPU time of the worker, ms", (one) => one.cpuMs, 2),
      each("requests", (one) => one.requests),
      each("Redis commands, those inside scripts included,", (one) => one.commands),
      each("bytes to Redis", (one) => one.bytesIn),
      each("bytes from Redis", (one) => one.bytesOut),
      each("bytes that Redis keeps", (one) => one.bytesKept),
    ],
    verdicts: [
      compared("rotations with dotenv files", ours),
      compared("rotations without the cost of a store", free),
      `CPU time of the worker, bare chain / rotations: ${range(cpu(ours))} with dotenv files, ${range(cpu(free))} without the cost of a store.`,
    ],
  };
}
