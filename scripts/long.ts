/**
 * `npm run test:long [-- <file> …]`: the suites that need servers (redis-server, Python, a browser …), two at a time, since
 * most of them wait for servers and timers; each with its output and time when it ends. A file that fails is run once more at
 * the end, alone, unless it is random: what passes then counts as passed, and is named as unsteady. Ends with every failure in
 * a line and `N passed, N failed`.
 */
import { globSync } from "node:fs";
import { inLanes } from "./lib/lanes.ts";
import { NOTHING, type Tally, add, isRandom, onceMore, summaryOf } from "./lib/report.ts";
import { vitest } from "./lib/steps.ts";

const LANES = 2;
/** By far the longest: what begins last must not be what takes longest. */
const FIRST = "test/chaos/chaos.long.test.ts";

const named = process.argv.slice(2);
const all = globSync("test/**/*.long.test.ts").toSorted(
  (a, b) => Number(b === FIRST) - Number(a === FIRST) || (a < b ? -1 : 1),
);
const files = named.length > 0 ? named : all;
const suite = (name: string, file: string): Promise<Tally> => vitest(name, ["--project", "long", file], "at its end");

const tallies = new Map<string, Tally>();
await inLanes(files, LANES, async (file) => void tallies.set(file, await suite(file, file)));
let total = NOTHING;
for (const [file, first] of tallies)
  total = add(total, isRandom(file) ? first : await onceMore(first, () => suite(`${file}, once more`, file)));
process.stdout.write(`\n${summaryOf(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
