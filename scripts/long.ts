/**
 * `npm run test:long [-- <file> …]`: the suites that need servers (redis-server, Python, a browser …), one after the other,
 * each with its time. A file that fails is run once more, unless it is random: what passes then counts as passed, and is named
 * as unsteady. Ends with every failure in a line and `N passed, N failed`.
 */
import { globSync } from "node:fs";
import { NOTHING, type Tally, add, isRandom, onceMore, summaryOf } from "./lib/report.ts";
import { vitest } from "./lib/steps.ts";

const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync("test/**/*.long.test.ts").toSorted();
const suite = (name: string, file: string): Promise<Tally> => vitest(name, ["--project", "long", file]);
let total = NOTHING;
for (const file of files) {
  const first = await suite(file, file);
  total = add(total, isRandom(file) ? first : await onceMore(first, () => suite(`${file}, once more`, file)));
}
process.stdout.write(`\n${summaryOf(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
