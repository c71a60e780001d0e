import type { IncomingMessage } from "node:http";

/**
 * `__Host-` cookies: browsers take them only over https (or from this machine), for this host alone and for all of it, so
 * that a neighbouring host cannot put one there.
 */
export const SESSION_COOKIE = "__Host-keyturn";
/** While a person is at the issuer. Lax: the way back is a navigation from another site. */
export const LOGIN_COOKIE = "__Host-keyturn-login";

/** 32 random bytes, base64url. */
const ID = /^[A-Za-z0-9_-]{43}$/;

/** The id in a cookie; null when there is none, when it is none of ours, or when somebody put a second one beside it. */
export function idIn(request: IncomingMessage, name: string): string | null {
  const found = (request.headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [id, other] = found;
  return id !== undefined && other === undefined && ID.test(id) ? id : null;
}

/** @param maxAgeMs 0 removes it */
export const cookie = (name: string, id: string, sameSite: "Strict" | "Lax", maxAgeMs: number): string =>
  `${name}=${id}; Path=/; Secure; HttpOnly; SameSite=${sameSite}; Max-Age=${Math.ceil(maxAgeMs / 1000)}`;

export const noCookie = (name: string): string => cookie(name, "", "Strict", 0);
