/**
 * `npm run test:long [-- <file> …]`: the suites that need servers (redis-server, Python …), one after the other, each with
 * its time. Ends with `N passed, N failed`.
 */
import { globSync } from "node:fs";
import { type Tally, add, vitest } from "./lib/steps.ts";

const named = process.argv.slice(2);
const files = named.length > 0 ? named : globSync("test/**/*.long.test.ts").toSorted();
let total: Tally = { passed: 0, failed: 0 };
for (const file of files) total = add(total, await vitest(file, ["--project", "long", file]));
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
