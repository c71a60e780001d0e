import { resolveSecret } from "../config/secrets.ts";
import { version } from "./cli/version.ts";
import type { App } from "./compose.ts";
import { apiRoutes } from "./http/api/routes.ts";
import { apiTokens } from "./http/api-tokens.ts";
import type { Route } from "./http/server.ts";

/** The HTTP API; off without tokens. @throws CONFIG_INVALID when a token cannot be read, is too short or is given twice */
export function openApiWayIn({ deps, loaded }: Pick<App, "deps" | "loaded">): Route[] {
  const configured = Object.entries(loaded.config.api.tokens);
  if (configured.length === 0) return [];
  const tokens = apiTokens(
    configured.map(([name, { token, scopes }]) => ({
      name,
      scopes,
      read: () => resolveSecret(token, `api.tokens.${name}.token`),
    })),
  );
  return apiRoutes({ deps, tokens, publicUrl: loaded.settings.publicUrl, version: version() });
}
