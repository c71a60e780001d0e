import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { benchAdvance } from "./advance.ts";
import { benchClicks } from "./clicks.ts";
import { benchIdle } from "./idle.ts";
import { markdown, type Section } from "./lib/report.ts";
import { startRedisProcess } from "./lib/processes.ts";
import { benchRotations } from "./rotations.ts";
import { benchScan } from "./scan.ts";
import { benchStart } from "./start.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";

/**
 * `npm run bench [-- scan|advance|clicks|rotations|start|idle …]`: compares ours with the bare thing in one run and prints ratios. Only a run of all
 * benches writes bench/results.md. BENCH_ROUNDS sets the number of rounds.
 */
const BENCHES: Record<string, (rounds?: number) => Promise<Section>> = {
  scan: benchScan,
  advance: benchAdvance,
  clicks: benchClicks,
  rotations: benchRotations,
  start: benchStart,
  idle: benchIdle,
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`There is no bench "${unknown}"; there are ${Object.keys(BENCHES).join(", ")}.\n`);
  process.exit(64);
}
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 0) || undefined;
const texts: string[] = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const text = markdown(await bench(rounds));
  texts.push(text);
  console.log(`\n${text}`);
}
if (asked.length === 0) {
  const file = join(import.meta.dirname, "results.md");
  await writeFile(file, [await heading(), ...texts, await notesIn(file)].join("\n"));
}

/** What a person wrote about the last results stays, to be looked at again. */
async function notesIn(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  const at = text.indexOf("## Notes");
  return at === -1 ? "" : text.slice(at);
}

async function heading(): Promise<string> {
  const cores = availableParallelism();
  const memory = Math.round(totalmem() / 2 ** 30);
  const wanted = ["bullmq", "ioredis", "@anthropic-ai/sdk", "@slack/bolt"];
  const versions = [`Node ${process.versions.node}`, `Redis ${await redisVersion()}`];
  for (const name of wanted) versions.push(`${name} ${await versionOf(name)}`);
  return [
    "# Results",
    "",
    "Written by `npm run bench`. [README.md](README.md) explains what is measured and how to read it.",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cores} cores, ${memory} GB. ${versions.join(", ")}.`,
    "",
  ].join("\n");
}

async function versionOf(name: string): Promise<string> {
  const file = join(import.meta.dirname, "..", "node_modules", name, "package.json");
  return (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
}

async function redisVersion(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keyturn-bench-"));
  const redis = await startRedisProcess(folder);
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
  return redis.version;
}
