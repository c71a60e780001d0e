import { KeyturnError } from "../rotation/errors.ts";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * What is wrong with a base URL, as a sentence for people; null when it is fine. Keys travel to this address, so only
 * TLS will do, except to this very machine (tests, the demo). The sentence never quotes the URL: it may hold a password.
 */
export function checkBaseUrl(url: string): string | null {
  if (!URL.canParse(url)) return "anthropic.baseUrl is not a URL.";
  const { protocol, hostname, username, password, search, hash } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return "anthropic.baseUrl must start with https://.";
  if (protocol === "http:" && !LOOPBACK.test(hostname)) {
    return "anthropic.baseUrl must start with https://; plain http is accepted for this machine only (localhost, 127.0.0.1, [::1]).";
  }
  if (username !== "" || password !== "") return "anthropic.baseUrl must not contain a user name or password.";
  if (search !== "" || hash !== "") return "anthropic.baseUrl must not contain a query or a fragment.";
  return null;
}

/**
 * The base URL without a trailing slash, ready to have a path appended.
 * @throws CONFIG_INVALID with the sentence of `checkBaseUrl`
 */
export function requireBaseUrl(url: string): string {
  const problem = checkBaseUrl(url);
  if (problem !== null) throw new KeyturnError("CONFIG_INVALID", problem);
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/+$/, "");
}
