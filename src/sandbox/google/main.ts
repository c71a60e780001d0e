import { SecretManager } from "./secret-manager.ts";
import { serveGoogle } from "./server.ts";

/*
 * Google Secret Manager's gRPC service, simulated, as a process on a free loopback port: `node src/sandbox/google/main.ts`.
 * Prints one JSON line when it listens. Its state is in memory and ends with it.
 */
const server = await serveGoogle(new SecretManager());
process.stdout.write(`${JSON.stringify({ event: "google.ready", endpoint: server.endpoint })}\n`);

const stop = (): void => {
  server.close();
  process.exit(0);
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
