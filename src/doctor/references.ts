import type { Config } from "../../config/schema.ts";
import { resolveSecret } from "../../config/secrets.ts";
import { apiTokens } from "../http/api-tokens.ts";
import { staticToken } from "../http/sign-in/token.ts";
import { checkSecret } from "../notify/signature.ts";

/** Parts of the configuration whose texts are names of keys and secrets, never references. */
const NO_REFERENCES = new Set(["targets", "rules", "holds", "install"]);

/** Every `env:` and `file:` reference, with the check that its user makes at the start. */
export function referencesOf(config: Config): { path: string; ref: string; check(): void }[] {
  const found: [path: string, ref: string][] = [];
  collect(config, "", found);
  return found.map(([path, ref]) => ({ path, ref, check: () => checkOne(path, ref) }));
}

function checkOne(path: string, ref: string): void {
  const read = () => resolveSecret(ref, path);
  const [, token] = /^api\.tokens\.(.+)\.token$/.exec(path) ?? [];
  if (token !== undefined) apiTokens([{ name: token, scopes: ["read"], read }]);
  else if (path === "signIn.token") staticToken(read);
  else if (/^webhooks\..+\.secret$/.test(path)) checkSecret(read(), path);
  else read().wipe();
}

function collect(value: unknown, path: string, found: [string, string][]): void {
  if (typeof value === "string") {
    if (/^(env|file):/.test(value)) found.push([path, value]);
  } else if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) collect(each, `${path}[${i}]`, found);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value))
      if (path !== "" || !NO_REFERENCES.has(key)) collect(each, path === "" ? key : `${path}.${key}`, found);
  }
}
