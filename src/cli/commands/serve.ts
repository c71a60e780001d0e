import type { Command } from "../command.ts";
import { closeInOrder, untilSignal } from "../shutdown.ts";

/** Below Kubernetes' usual 30 s between SIGTERM and SIGKILL. */
const DEADLINE_MS = 25_000;

export const serve: Command = {
  name: "serve",
  usage: "",
  summary: "schedule, workers and health until SIGTERM",
  positionals: [0, 0],
  logLevel: "info",
  collected: "always",
  run: async (context) => {
    // Loaded here only: pages, Slack and metrics are no business of the other commands.
    const { startServer } = await import("../../serve.ts");
    const app = await context.app();
    const signalled = untilSignal({ impatient: () => process.exit(1) });
    const server = await startServer(app);
    const signal = await signalled;
    app.log.info({ event: "serve.stopping", signal }, "stopping");
    const closing = { name: "connections", close: () => app.close() };
    await closeInOrder([...server.parts, closing], { deadlineMs: DEADLINE_MS, log: app.log });
    return null;
  },
};
