/**
 * `npm test`: types, lint (with the import rules), format, then every test that needs nothing but Node and npm. Names
 * each suite it leaves out and how to run it, then every failure in a line, and ends with `N passed, N failed`. A few files
 * that fail are run once more: what passes then counts as passed, and is named as unsteady.
 */
import { globSync } from "node:fs";
import { add, failedFilesOnceMore, summaryOf } from "./lib/report.ts";
import { check, vitest } from "./lib/steps.ts";

const quick = (name: string, args: readonly string[]) => vitest(name, ["--project", "quick", ...args]);
const checks = [
  await check("types", ["tsc", "-p", "."]),
  await check("lint and import rules", ["oxlint", "--deny-warnings"]),
  await check("format", ["oxfmt", "--check"]),
  await failedFilesOnceMore(await quick("tests", process.argv.slice(2)), (files) =>
    quick("failed files, once more", files),
  ),
];
const total = checks.reduce(add);

process.stdout.write("\n");
for (const file of globSync("test/**/*.long.test.ts").toSorted()) {
  process.stdout.write(`left out: ${file} (needs servers; npm run test:long -- ${file}, or .ci/run for all)\n`);
}
process.stdout.write(`\n${summaryOf(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
