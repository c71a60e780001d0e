import type { Reply } from "./http.ts";

/** 429s that waiting a moment does not cure; the key itself authenticated (facts: anthropic-api.md 5). */
export const SPEND_LIMIT_CODES: ReadonlySet<string | null> = new Set([
  "enforced_spend_limit_reached",
  "contract_spend_limit_reached",
]);
/** 400s that say the organization or workspace has no room for another active key. */
export const KEY_LIMIT_CODES: ReadonlySet<string | null> = new Set([
  "org_api_key_limit_exceeded",
  "workspace_api_key_limit_exceeded",
]);
/** Codes that may be repeated in a message. Any other code of the vendor is treated as no code. */
const KNOWN_CODES: ReadonlySet<string> = new Set(
  [
    ...SPEND_LIMIT_CODES,
    ...KEY_LIMIT_CODES,
    "ramp_limit_exceeded",
    "organization_on_hold",
    "sandbox_egress_restricted",
  ].filter((code) => code !== null),
);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function errorOf(reply: Reply): Record<string, unknown> | null {
  if (!isObject(reply.json) || reply.json["type"] !== "error" || !isObject(reply.json["error"])) return null;
  return reply.json["error"];
}

/**
 * The `error.type` of the API's own error form; null when the answer is not in that form. A proxy's 401 or 404 must
 * never be taken for the API's: one would condemn a good key, the other would declare a key gone.
 */
export function typeOf(reply: Reply): string | null {
  const type = errorOf(reply)?.["type"];
  return typeof type === "string" ? type : null;
}

/** `error.details.error_code` when it is one we know. */
export function codeOf(reply: Reply): string | null {
  const details = errorOf(reply)?.["details"];
  const code = isObject(details) ? details["error_code"] : null;
  return typeof code === "string" && KNOWN_CODES.has(code) ? code : null;
}

/** Whether the error text matches. The text may change, so this is only for what no type or code tells. */
export function messageMatches(reply: Reply, pattern: RegExp): boolean {
  const message = errorOf(reply)?.["message"];
  return typeof message === "string" && pattern.test(message);
}

/** `answered 502 text/html`: everything about an answer that may be repeated. */
export function describeReply(reply: Reply): string {
  const code = codeOf(reply);
  const parts = [`answered ${reply.status}`, reply.contentType];
  if (code !== null) parts.push(code);
  return parts.join(" ") + (reply.requestId === null ? "" : ` (request ${reply.requestId})`);
}
