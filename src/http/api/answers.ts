import { ERRORS, type ErrorCode, asKeyturnError } from "../../rotation/errors.ts";
import type { Answer } from "../server.ts";

const SEE = "See GET /api/v1/openapi.json.";

const failed = (
  status: number,
  code: string,
  message: string,
  next: string,
  headers: Record<string, string> = {},
): Answer => ({ status, body: { error: { code, message, next } }, headers });

/** Answers that say the same to everybody, whatever was asked. */
export const REFUSED = {
  noToken: failed(401, "UNAUTHENTICATED", "A bearer token is needed.", "Send `Authorization: Bearer <token>`.", {
    "www-authenticate": 'Bearer realm="keyturn"',
  }),
  unknownToken: failed(
    401,
    "UNAUTHENTICATED",
    "The bearer token is not known.",
    "Check it against api.tokens of the configuration.",
    { "www-authenticate": 'Bearer realm="keyturn", error="invalid_token"' },
  ),
  tooManyTries: failed(429, "TOO_MANY_TRIES", "Too many requests without a valid token.", "Try again in a minute.", {
    "retry-after": "60",
  }),
  scope: failed(403, "FORBIDDEN", "This token lacks the scope for that.", "Give it the scope under api.tokens.", {
    "www-authenticate": 'Bearer realm="keyturn", error="insufficient_scope"',
  }),
  keyShaped: failed(
    400,
    "KEY_IN_REQUEST",
    "The request contains what looks like an API key; the HTTP API takes none.",
    "Treat that key as leaked: disable it in the Console. Keys are handed over with `keyturn submit` or a one-time link.",
  ),
  notJson: failed(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json.", SEE),
  tooLarge: failed(413, "BODY_TOO_LARGE", "The body is larger than 16 KiB.", SEE),
  cutOff: failed(400, "USAGE", "The body did not arrive.", "Send it again."),
  badJson: failed(400, "USAGE", "The body is not a JSON object.", SEE),
} as const;

export const invalid = (message: string): Answer => failed(400, "USAGE", message, SEE);

const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  KEY_NOT_FOUND: 404,
  USAGE: 400,
  NOT_AN_APPROVER: 403,
  STORE_MISSING: 409,
  STORE_CONFLICT: 409,
  ADMIN_REFUSED: 409,
  KEY_LIMIT: 409,
};
const BY_EXIT: Record<number, number> = { 64: 400, 65: 409, 69: 503, 75: 409, 77: 403 };

/** The use cases speak of options; here they are fields of the body. */
const asRequest = (message: string): string =>
  message.replace(ERRORS.USAGE.say, "The request is not right.").replaceAll(/--([a-z]+)/g, "`$1`");

/** What a use case threw, as an answer: wrong time 409, nobody answers 503, ours 500. */
export function answerTo(error: unknown): Answer {
  const known = asKeyturnError(error);
  const status = STATUS[known.code] ?? BY_EXIT[known.exit] ?? 500;
  const next = known.code === "USAGE" ? SEE : known.next;
  const wait = known.retryAfterMs === null ? {} : { "retry-after": String(Math.ceil(known.retryAfterMs / 1000)) };
  const message = known.code === "USAGE" ? asRequest(known.message) : known.message;
  return failed(status, known.code, message, next, wait);
}
