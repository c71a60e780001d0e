import type { LoginAnswer } from "../ports/issuer.ts";

/** Error names of openid-client and oauth4webapi; their classes are not loaded for this. */
const DENIED = "AuthorizationResponseError";
const REFUSED = "ResponseBodyError";
/** Codes of oauth4webapi that say nothing about the answer, only that there was none. */
const AWAY: readonly unknown[] = ["OAUTH_TIMEOUT", "OAUTH_RESPONSE_IS_NOT_CONFORM", "OAUTH_RESPONSE_IS_NOT_JSON"];
/** Of RFC 6749 and OpenID Connect; anything else an issuer writes there is not repeated. */
const CODES: readonly unknown[] = [
  "access_denied",
  "account_selection_required",
  "consent_required",
  "interaction_required",
  "invalid_client",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "login_required",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_response_type",
];

/** Why a sign-in failed, without a word of the issuer or the library: those may quote codes and tokens. */
export function refusalOf(error: unknown): Extract<LoginAnswer, { ok: false }> {
  const { name, code, said } = factsOf(error);
  const known = CODES.includes(said) ? (said as string) : null;
  if (name === DENIED) {
    const away = known === "server_error" || known === "temporarily_unavailable";
    return { ok: false, why: away ? "unreachable" : "denied", code: known };
  }
  if (name === REFUSED) return { ok: false, why: "invalid", code: known };
  if ((name === "TypeError" && code === undefined) || AWAY.includes(code))
    return { ok: false, why: "unreachable", code: null };
  return { ok: false, why: "invalid", code: null };
}

function factsOf(error: unknown): { name: unknown; code: unknown; said: unknown } {
  if (typeof error !== "object" || error === null) return { name: null, code: null, said: null };
  const { name, code, error: said } = error as { name?: unknown; code?: unknown; error?: unknown };
  // openid-client wraps what it does not know; the reason lies in the cause.
  const { cause } = error as { cause?: unknown };
  if (name === "ClientError" && code === undefined && cause !== undefined) return factsOf(cause);
  return { name, code, said };
}
