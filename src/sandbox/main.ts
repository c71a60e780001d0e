import { parseArgs } from "node:util";
import { startSandbox } from "./start.ts";

/**
 * The sandbox as a process: `node src/sandbox/main.ts [--port 0] [--state data/sandbox] [--seed text] [--quiet]`.
 * Prints one JSON line when it listens, with the Admin key: what it guards is simulated.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    state: { type: "string", default: "data/sandbox" },
    seed: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});

if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
  process.stderr.write("--port: must be a number from 0 to 65535\n");
  process.exit(64);
}
const sandbox = await startSandbox({
  port: Number(values.port),
  state: values.state,
  ...(values.seed === undefined ? {} : { seed: values.seed }),
});
const { url, adminKey, organization } = sandbox;
process.stdout.write(`${JSON.stringify({ event: "sandbox.ready", url, adminKey, organization })}\n`);
if (!values.quiet) process.stderr.write(`Simulated organization at ${url}; keys are made at ${url}/_console/keys\n`);

const stop = (): void => {
  void sandbox.close().then(() => process.exit(0));
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
