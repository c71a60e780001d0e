import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { resolveSecret } from "../config/secrets.ts";
import type { App } from "./compose.ts";
import { pagesOf } from "./http/dashboard/page.ts";
import { dashboardRoutes, offRoutes } from "./http/dashboard/routes.ts";
import type { Route } from "./http/server.ts";
import { signInRoutes } from "./http/sign-in/routes.ts";
import { type SignedIn, sessionKeeper } from "./http/sign-in/session.ts";
import { staticToken } from "./http/sign-in/token.ts";
import type { Log } from "./ports/notifier.ts";
import { createIssuer } from "./oidc/issuer.ts";
import { fireTimesOf } from "./schedule/fire-times.ts";

/** The dashboard, and who is signed in to it. */
export interface DashboardParts {
  routes: Route[];
  /** null: nobody can sign in with a proven identity. @throws REDIS_UNAVAILABLE */
  sessionOf: ((request: IncomingMessage) => Promise<SignedIn | null>) | null;
}

/** What the dashboard needs of the composition. */
export type DashboardApp = Pick<App, "deps" | "loaded" | "sessions"> & { log: Log };

/** @throws CONFIG_INVALID when the sign-in token cannot be read or is too short */
export function openDashboard(app: DashboardApp): DashboardParts {
  const { deps, log, loaded, sessions } = app;
  const { signIn, schedule } = loaded.config;
  const { install, publicUrl } = loaded.settings;
  const given = signIn.token;
  const token = given === undefined ? null : staticToken(() => resolveSecret(given, "signIn.token"));
  const oidc = publicUrl === null ? null : issuerOf(app, publicUrl);
  if (token === null && oidc === null) return { routes: offRoutes(), sessionOf: null };
  const keeper = sessionKeeper({
    sessions,
    clock: deps.clock,
    sessionForMs: signIn.sessionFor,
    stillValid: (by) => by === oidc?.version || by === token?.version(),
  });
  const pages = pagesOf(install, publicUrl);
  const shared = { keeper, pages, publicUrl };
  return {
    routes: [
      ...signInRoutes({ ...shared, oidc, token, sessions, audit: deps.audit, clock: deps.clock, log }),
      ...dashboardRoutes({
        ...shared,
        deps,
        fires: fireTimesOf(schedule.scan, schedule.timeZone),
        scanner: schedule.mode,
      }),
    ],
    sessionOf: oidc === null ? null : (request) => keeper.sessionOf(request),
  };
}

function issuerOf({ loaded, log }: DashboardApp, publicUrl: string) {
  const { oidc } = loaded.config.signIn;
  if (oidc === undefined) return null;
  const secret = oidc.clientSecret;
  // Read once now: what is missing is said at the start, not to the first person who signs in.
  if (secret !== undefined) resolveSecret(secret, "signIn.oidc.clientSecret").wipe();
  const issuer = createIssuer({
    issuer: oidc.issuer,
    clientId: oidc.clientId,
    clientSecret: secret === undefined ? null : () => resolveSecret(secret, "signIn.oidc.clientSecret"),
    scopes: oidc.scopes,
    redirectUri: `${publicUrl}/auth/callback`,
    log,
  });
  const name = createHash("sha256").update(`${oidc.issuer}\n${oidc.clientId}`).digest("hex").slice(0, 16);
  return { issuer, version: `oidc:${name}` };
}
