/**
 * `npm run servers`: builds the test servers and tools that the longer suites need and that are not in the cache yet, with
 * a line for each. The suites build what they miss too; building first keeps that time out of their limits. Needs Go.
 */
import { CACHE, build } from "../test/support/servers/build.ts";
import { TOOL_NAMES, recipe } from "../test/support/servers/tools.ts";

process.stdout.write(`test servers, kept in ${CACHE}\n`);
for (const name of TOOL_NAMES) {
  try {
    const { version, buildSeconds } = await build(name);
    const how = buildSeconds === null ? "already there" : `built in ${buildSeconds.toFixed(0)} s`;
    process.stdout.write(`${name} ${version}: ${how}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(
      `${name} ${recipe(name).version}: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
}
