import type { Actor } from "../ports/settings.ts";

export interface Claims {
  sub: string;
  [claim: string]: unknown;
}

/** More groups than this would not fit into a session; nobody's permission hangs on the thousandth. */
const MOST_GROUPS = 1000;

/**
 * The person as the use cases see them. An address names a person only when the issuer says that it checked it; otherwise
 * anybody could take a colleague's name for four eyes.
 */
export function actorFrom(claims: Claims): Actor {
  const { sub } = claims;
  const email = claims["email"];
  const proven = typeof email === "string" && email !== "" && claims["email_verified"] === true;
  return {
    name: `oidc:${sub}`,
    via: "oidc",
    identities: [`oidc:${sub}`, ...(proven ? [`mail:${email.toLowerCase()}`] : [])],
    oidc: { subject: sub, groups: groupsOf(claims["groups"]) },
  };
}

/** Issuers send a list, or one name. */
function groupsOf(groups: unknown): string[] {
  const list: unknown[] = Array.isArray(groups) ? groups : [groups];
  return list.filter((group) => typeof group === "string" && group !== "").slice(0, MOST_GROUPS) as string[];
}
