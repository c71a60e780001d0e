/**
 * `npm test`: types, lint (with the import rules), format, then every test that needs nothing but Node and npm. Names
 * each suite it leaves out and how to run it, then every failure in a line, and ends with `N passed, N failed`.
 */
import { globSync } from "node:fs";
import { add, summaryOf } from "./lib/report.ts";
import { check, vitest } from "./lib/steps.ts";

const checks = [
  await check("types", ["tsc", "-p", "."]),
  await check("lint and import rules", ["oxlint", "--deny-warnings"]),
  await check("format", ["oxfmt", "--check"]),
  await vitest("tests", ["--project", "quick", ...process.argv.slice(2)]),
];
const total = checks.reduce(add);

process.stdout.write("\n");
for (const file of globSync("test/**/*.long.test.ts").toSorted()) {
  process.stdout.write(`left out: ${file} (needs servers; npm run test:long -- ${file}, or .ci/run for all)\n`);
}
process.stdout.write(`\n${summaryOf(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
