import { sandboxClient } from "../src/sandbox/client.ts";
import { install } from "./lib/installation.ts";
import { measure } from "./lib/processes.ts";
import { median, range, round, type Section, verdict } from "./lib/report.ts";

const KEYS = 100_000;
const TARGETS = Number(process.env["BENCH_TARGETS"] ?? 10);
const ROUNDS = 5;

export interface ScanMeasured {
  keys: number;
  wallMs: number;
  cpuMs: number;
  /** Of the whole process, modules included. */
  peakMb: number;
  /** Before the first request, after everything was loaded. */
  baseMb: number;
}

/** One scan of 100,000 keys beside the vendor's own pagination loop, in turn, each in a fresh process. */
export async function benchScan(rounds = ROUNDS): Promise<Section> {
  const installation = await install(TARGETS, 10);
  try {
    await sandboxClient(installation.sandboxUrl).seedBulk({ count: KEYS - TARGETS });
    const { configFile, sandboxUrl, adminKey } = installation;
    const ours: ScanMeasured[] = [];
    const bare: ScanMeasured[] = [];
    // One round that does not count: the sandbox's own code has to become warm.
    for (let turn = -1; turn < rounds; turn += 1) {
      const loop = await measure<ScanMeasured>("scan/bare.ts", { sandboxUrl, adminKey });
      const scan = await measure<ScanMeasured>("scan/ours.ts", { configFile });
      if (loop.keys !== KEYS || scan.keys !== KEYS) throw new Error(`seen ${loop.keys} and ${scan.keys} keys`);
      process.stderr.write(`scan, round ${turn + 1}: ${round(scan.wallMs)} ms beside ${round(loop.wallMs)} ms\n`);
      if (turn < 0) continue;
      ours.push(scan);
      bare.push(loop);
    }
    return section(ours, bare);
  } finally {
    await installation.close();
  }
}

function section(ours: readonly ScanMeasured[], bare: readonly ScanMeasured[]): Section {
  const of = (all: readonly ScanMeasured[], pick: (one: ScanMeasured) => number) => median(all.map(pick));
  const ratios = ours.map((one, n) => one.wallMs / (bare[n]?.wallMs ?? Number.NaN));
  const growth = (one: ScanMeasured) => one.peakMb - one.baseMb;
  const row = (name: string, pick: (one: ScanMeasured) => number) => [
    name,
    round(of(ours, pick)),
    round(of(bare, pick)),
  ];
  return {
    title: `scan: ${KEYS.toLocaleString("en")} keys, ${TARGETS.toLocaleString("en")} targets`,
    about: `A dry run of \`scan\` beside a loop over \`organization.apiKeys.list({ limit: 1000 })\` of the vendor's SDK, which only counts. Medians of ${ours.length} rounds.`,
    head: ["", "scan", "bare loop"],
    rows: [
      row("wall time, ms", (one) => one.wallMs),
      row("CPU time, ms", (one) => one.cpuMs),
      row("peak memory of the process, MB", (one) => one.peakMb),
      row("of it before the first request, MB", (one) => one.baseMb),
      row("growth while it ran, MB", growth),
    ],
    verdicts: [
      `${verdict("Wall time, scan / bare loop", median(ratios), { atMost: 1.15 })} Single rounds: ${range(ratios)}.`,
      verdict(
        "Extra peak memory",
        of(ours, (one) => one.peakMb) - of(bare, (one) => one.peakMb),
        { atMost: 30 },
        " MB",
      ),
    ],
  };
}
