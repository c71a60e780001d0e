import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Installation, type More, install } from "./lib/installation.ts";
import { sandboxClient } from "../src/sandbox/client.ts";
import { type Ended, type How, runKeyturn, runNode, serve } from "./lib/keyturn.ts";
import { ROOT } from "./lib/processes.ts";
import { type Row, type Section, median, range, round } from "./lib/report.ts";

const TARGETS = Number(process.env["BENCH_TARGETS"] ?? 10_000);
const ROUNDS = 5;
/** Keys this young are not due. */
const AGE_DAYS = 10;
/** After `serve.ready`, before its memory is read: what begins beside the start is over then. */
const SETTLE_MS = 2000;

interface ServeMeasured {
  readyMs: number;
  readyCpuMs: number;
  settledMb: number;
  peakMb: number;
}
interface Round {
  bare: Ended;
  serve: ServeMeasured[];
  runOnce: RunMeasured[];
  /** Without compiled code of earlier runs; `run-once` with 0 targets. */
  cold: { bare: Ended; runOnce: Ended };
}
type RunMeasured = Ended & { requests: number };
const HTTP = { host: "127.0.0.1", port: 0, metricsPort: 0 };
const KINDS: readonly { title: string; count: number; more: More }[] = [
  { title: "0 targets", count: 0, more: {} },
  { title: `${TARGETS.toLocaleString("en")} by a rule`, count: TARGETS, more: { by: "rule" } },
  { title: `${TARGETS.toLocaleString("en")} named`, count: TARGETS, more: {} },
];

/** Start-up and memory of `serve` and of `run-once` with nothing due, beside a Node process that opens Redis and ends. */
export async function benchStart(rounds = ROUNDS): Promise<Section> {
  const installations: Installation[] = [];
  try {
    for (const { count, more } of KINDS)
      installations.push(await install(count, AGE_DAYS, { ...more, config: { http: HTTP } }));
    // The first run of an installation remembers every key in use; the later ones find them remembered.
    const first: Ended[] = [];
    for (const each of installations) first.push(await runOnce(each));
    await runBare(installations);
    const all: Round[] = [];
    for (let turn = 0; turn < rounds; turn += 1) {
      const cold = {
        bare: await runBare(installations, { cold: true }),
        runOnce: await runOnce(installations[0] as Installation, { cold: true }),
      };
      const one: Round = { bare: await runBare(installations), serve: [], runOnce: [], cold };
      for (const each of installations) {
        one.serve.push(await runServe(each));
        one.runOnce.push(await runOnce(each));
      }
      all.push(one);
      process.stderr.write(`start, round ${turn + 1}: ${says(one)}\n`);
    }
    return section(all, first);
  } finally {
    for (const each of installations) await each.close();
  }
}

async function runOnce({ configFile, sandboxUrl }: Installation, how: How = {}): Promise<RunMeasured> {
  const person = sandboxClient(sandboxUrl);
  const { requests } = await person.state();
  const ended = await runKeyturn(["run-once", "--config", configFile], how);
  return { ...ended, requests: (await person.state()).requests - requests };
}
const runBare = ([first]: readonly Installation[], how: How = {}) =>
  runNode([join(ROOT, "bench", "start", "bare.ts"), first?.redisUrl ?? ""], how);

async function runServe({ configFile }: Installation): Promise<ServeMeasured> {
  const server = await serve(configFile);
  await pause(SETTLE_MS);
  const { nowMb, peakMb } = server.memory();
  await server.stop();
  return { readyMs: server.readyMs, readyCpuMs: server.readyCpuMs, settledMb: nowMb, peakMb };
}

const says = ({ bare, serve: servers, runOnce: runs }: Round): string =>
  [
    `bare ${round(bare.wallMs)} ms`,
    ...KINDS.map(
      ({ title }, n) =>
        `${title}: ready after ${round(servers[n]?.readyMs ?? Number.NaN)} ms, run-once ${round(runs[n]?.wallMs ?? Number.NaN)} ms`,
    ),
  ].join("; ");

function section(all: readonly Round[], first: readonly Ended[]): Section {
  const bare = (pick: (one: Ended) => number, digits = 0) => round(median(all.map((one) => pick(one.bare))), digits);
  const each = <T>(of: (one: Round) => readonly T[], pick: (one: T) => number) =>
    KINDS.map((_, n) => all.map((one) => pick(of(one)[n] as T)));
  const row = (name: string, values: readonly (readonly number[])[], bareValue = ""): Row => [
    name,
    bareValue,
    ...values.map((one) => round(median(one))),
  ];
  const servers = (one: Round) => one.serve;
  const runs = (one: Round) => one.runOnce;
  const ratio = (values: readonly (readonly number[])[], pick: (one: Ended) => number) =>
    values.map((one) => one.map((value, n) => value / pick(all[n]?.bare as Ended)));
  const ready = each(servers, (one) => one.readyMs);
  const settled = each(servers, (one) => one.settledMb);
  const ends = each(runs, (one) => one.wallMs);
  const peaks = each(runs, (one) => one.peakMb);
  const compared = (what: string, ratios: readonly (readonly number[])[]) =>
    `${what} / bare process: ${KINDS.map(({ title }, n) => `${round(median(ratios[n] ?? []), 1)} (${title}; single rounds ${range(ratios[n] ?? [], 1)})`).join(", ")}.`;
  return {
    title: "start: start-up and memory",
    about: `Whole processes, from their start: \`serve\` until it says that it is ready, \`run-once\` with nothing due until its end, beside a Node process that opens Redis with ioredis, asks it once and ends. Medians of ${all.length} rounds.`,
    head: ["", "bare process", ...KINDS.map(({ title }) => title)],
    rows: [
      row("`serve` ready after, ms", ready),
      row(
        "`serve`, CPU time until ready, ms",
        each(servers, (one) => one.readyCpuMs),
      ),
      row(`\`serve\`, memory ${SETTLE_MS / 1000} s later, MB`, settled),
      row(
        "`serve`, its peak until then, MB",
        each(servers, (one) => one.peakMb),
      ),
      row(
        "`run-once` ended after, ms",
        ends,
        bare((one) => one.wallMs),
      ),
      row(
        "`run-once`, CPU time, ms",
        each(runs, (one) => one.cpuMs),
        bare((one) => one.cpuMs),
      ),
      row(
        "`run-once`, peak memory, MB",
        peaks,
        bare((one) => one.peakMb),
      ),
      row(
        "`run-once`, requests to the API",
        each(runs, (one) => one.requests),
      ),
      [
        "`run-once` without compiled code kept, ms",
        round(median(all.map((one) => one.cold.bare.wallMs))),
        round(median(all.map((one) => one.cold.runOnce.wallMs))),
        ...KINDS.slice(1).map(() => ""),
      ],
      ["the very first `run-once`, ms", "", ...first.map((one) => round(one.wallMs))],
    ],
    verdicts: [
      compared(
        "Time, `serve` until ready",
        ratio(ready, (one) => one.wallMs),
      ),
      compared(
        "Time, `run-once`",
        ratio(ends, (one) => one.wallMs),
      ),
      compared(
        "Memory, `serve`",
        ratio(settled, (one) => one.peakMb),
      ),
      compared(
        "Peak memory, `run-once`",
        ratio(peaks, (one) => one.peakMb),
      ),
    ],
  };
}
