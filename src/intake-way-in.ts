import type { App } from "./compose.ts";
import { pathOf } from "./http/dashboard/controls.ts";
import { type IntakeOptions, intakeRoutes } from "./http/intake/routes.ts";
import type { Route } from "./http/server.ts";

/**
 * The page of one-time links; without `http.publicUrl` there are no links, and no page.
 * @param sessionOf null: nobody can sign in with a proven identity, so the link alone counts
 */
export function openIntake(
  { deps, loaded, log }: Pick<App, "deps" | "loaded" | "log">,
  sessionOf: IntakeOptions["sessionOf"],
): Route[] {
  const { publicUrl } = loaded.settings;
  if (publicUrl === null) return [];
  const { signIn, anthropic } = loaded.config;
  const hasDashboard = signIn.oidc !== undefined || signIn.token !== undefined;
  const consoleUrl = simulatedConsole(anthropic.baseUrl);
  return intakeRoutes({
    deps,
    publicUrl,
    sessionOf,
    log,
    signInPath: "/sign-in",
    ...(hasDashboard ? { rotationPath: pathOf } : {}),
    ...(consoleUrl === null ? {} : { consoleUrl }),
  });
}

/** An API on this very machine is our simulated organization: its Console is there too, and the real one would mislead. */
function simulatedConsole(baseUrl: string): string | null {
  const { hostname, origin } = new URL(baseUrl);
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]" ? `${origin}/console` : null;
}
