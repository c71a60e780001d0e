import { openApiWayIn } from "./api-way-in.ts";
import type { App } from "./compose.ts";
import type { Route } from "./http/server.ts";
import { openIntake } from "./intake-way-in.ts";
import { openDashboard } from "./pages.ts";
import { openSlackWayIn } from "./slack-inbound.ts";

/** What `serve` offers people beside the health routes: pages, Slack, the HTTP API. */
export interface WaysIn {
  routes: readonly Route[];
  /** Ended with the server, in this order; at most so many milliseconds each. */
  parts: readonly { name: string; close(leftMs: number): Promise<unknown> }[];
}

/** Everything that the configuration turns on. @throws CONFIG_INVALID when a referenced secret cannot be read */
export async function openWaysIn(app: App): Promise<WaysIn> {
  const dashboard = openDashboard(app);
  const ways: WaysIn[] = [
    await openSlackWayIn(app),
    { routes: dashboard.routes, parts: [] },
    { routes: openIntake(app, dashboard.sessionOf), parts: [] },
    { routes: openApiWayIn(app), parts: [] },
  ];
  return { routes: ways.flatMap((way) => way.routes), parts: ways.flatMap((way) => way.parts) };
}
