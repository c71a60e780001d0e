import type { Route } from "./server.ts";

/** `/metrics`, for a server of its own: nothing that people use is beside it. `collect` never throws. */
export const metricsRoute = (collect: () => Promise<string>, contentType: string): Route => ({
  method: "GET",
  path: "/metrics",
  handle: async () => ({ status: 200, body: await collect(), headers: { "content-type": contentType } }),
});
