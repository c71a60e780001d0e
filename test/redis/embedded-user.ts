import { startEmbedded } from "../../src/redis/embedded.ts";
import { listeningLog } from "../support/quiet-log.ts";

/** A process that uses the embedded server in argv[2] and tells its parent; "release" on stdin makes it leave. */
const redis = await startEmbedded({ dir: process.argv[2] ?? "", log: listeningLog() });
process.stdout.write(`${JSON.stringify({ pid: redis.pid, started: redis.started, settings: redis.settings })}\n`);
process.stdin.once("data", () => {
  void redis.release().then(() => process.exit(0));
});
