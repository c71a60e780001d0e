import { setImmediate as turn } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";
import { main } from "../../src/cli/main.ts";

/** Runs command lines one after another in this process, then writes what is still in its memory. `heap-process.ts <file> <args> [-- <args>]…` */
const [file = "", ...words] = process.argv.slice(2);
const lines: string[][] = [[]];
for (const word of words) {
  if (word === "--") lines.push([]);
  else lines.at(-1)?.push(word);
}
for (const line of lines) {
  const code = await main(line, process);
  if (code !== 0) process.stderr.write(`exit ${code}: ${line[0]}\n`);
}
// What a test wants to find again, to know that its search works.
Reflect.set(globalThis, "kept", process.env["KEEP"]);
await turn();
// Collects garbage first: what nothing refers to any more is not looked at.
writeHeapSnapshot(file);
process.exit(0);
