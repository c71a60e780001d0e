import type { App } from "./compose.ts";
import type { Route } from "./http/server.ts";

/** What `serve` offers people beside the health routes: pages, Slack, the HTTP API. */
export interface WaysIn {
  routes: readonly Route[];
  /** Ended with the server, in this order; at most so many milliseconds each. */
  parts: readonly { name: string; close(leftMs: number): Promise<unknown> }[];
}

/** Everything that the configuration turns on. @throws CONFIG_INVALID when a referenced secret cannot be read */
export function openWaysIn(_app: App): Promise<WaysIn> {
  return Promise.resolve({ routes: [], parts: [] });
}
