import type { Log } from "../ports/notifier.ts";
import type { Route } from "./server.ts";

/** One thing that must work for this process to be of use. Resolves when it does; throws when not. */
export type HealthCheck = () => Promise<void>;

export interface HealthOptions {
  /** By name; the names are shown, the errors are not: they may quote what they should not. */
  checks: Record<string, HealthCheck>;
  /** Whether the start is complete. */
  started: () => boolean;
  /** Whether this process no longer takes requests. */
  stopping?: () => boolean;
  /** Throws or returns false when only a restart helps, such as a worker that stopped working. */
  alive?: () => boolean;
  log: Log;
  /** Per check, in milliseconds. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 2000;

/**
 * `/livez`: the event loop answers and `alive` holds; never depends on Redis, since a restart would not bring it back.
 * `/readyz`: every check passes. `/startupz`: the start is complete. 200 or 503, with the result by name.
 */
export function healthRoutes(options: HealthOptions): Route[] {
  const answer = (ok: boolean, details: Record<string, string> = {}) => ({
    status: ok ? 200 : 503,
    body: { status: ok ? "ok" : "failing", ...details },
  });
  return [
    { method: "GET", path: "/livez", handle: async () => answer(options.alive?.() ?? true) },
    { method: "GET", path: "/startupz", handle: async () => answer(options.started()) },
    {
      method: "GET",
      path: "/readyz",
      handle: async () => {
        if (options.stopping?.()) return answer(false, { process: "stopping" });
        if (!options.started()) return answer(false, { process: "starting" });
        const results = await Promise.all(Object.entries(options.checks).map((entry) => resultOf(entry, options)));
        return answer(
          results.every(([, result]) => result === "ok"),
          Object.fromEntries(results),
        );
      },
    },
  ];
}

async function resultOf(
  [name, check]: [string, HealthCheck],
  { log, timeoutMs }: HealthOptions,
): Promise<[string, string]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), timeoutMs ?? TIMEOUT_MS);
  });
  try {
    const outcome = await Promise.race([check().then(() => "ok" as const), late]);
    if (outcome !== "ok") log.debug({ event: "health.late", check: name }, "A health check did not answer in time");
    return [name, outcome === "ok" ? "ok" : "failing"];
  } catch {
    return [name, "failing"];
  } finally {
    clearTimeout(timer);
  }
}
