/** A Redis in JavaScript in this very process; for demo and tests only. */
export interface MemoryServer {
  /** On 127.0.0.1. */
  port: number;
  stop(): Promise<void>;
}

/** null where the package is not installed, as in the published image. */
export async function startMemoryServer(): Promise<MemoryServer | null> {
  try {
    const { createRedisMock } = await import("js-redis-server");
    const server = await createRedisMock();
    return { port: server.port, stop: () => server.close() };
  } catch {
    return null;
  }
}
