import { type ErrorCode, KeyturnError } from "../../rotation/errors.ts";

/**
 * What AWS's error codes mean for us. The codes are the vendor's fixed names; its messages are dropped, since some
 * quote the request (facts: security.md section 8).
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
 */
const CODES: Record<string, ErrorCode> = {
  ResourceNotFoundException: "STORE_MISSING",
  AccessDeniedException: "STORE_DENIED",
  AccessDenied: "STORE_DENIED",
  UnrecognizedClientException: "STORE_DENIED",
  InvalidClientTokenId: "STORE_DENIED",
  InvalidAccessKeyId: "STORE_DENIED",
  ExpiredTokenException: "STORE_DENIED",
  ExpiredToken: "STORE_DENIED",
  IncompleteSignature: "STORE_DENIED",
  IncompleteSignatureException: "STORE_DENIED",
  InvalidSignatureException: "STORE_DENIED",
  SignatureDoesNotMatch: "STORE_DENIED",
  MissingAuthenticationToken: "STORE_DENIED",
  MissingAuthenticationTokenException: "STORE_DENIED",
  NotAuthorized: "STORE_DENIED",
  OptInRequired: "STORE_DENIED",
  CredentialsProviderError: "STORE_DENIED",
  // KMS: the key of the secret refused us, or is disabled.
  DecryptionFailure: "STORE_DENIED",
  EncryptionFailure: "STORE_DENIED",
  // The secret is scheduled for deletion, a replica, or managed by another service.
  InvalidRequestException: "STORE_CONFLICT",
  InvalidParameterException: "STORE_CONFLICT",
  ValidationException: "STORE_CONFLICT",
  ResourceExistsException: "STORE_CONFLICT",
  LimitExceededException: "STORE_CONFLICT",
  PreconditionNotMetException: "STORE_CONFLICT",
};

const field = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? (error as Record<string, unknown>)[name] : undefined;

/** AWS's code when it is one we know, else null. */
export function awsCode(error: unknown): string | null {
  const name = field(error, "name");
  return typeof name === "string" && Object.hasOwn(CODES, name) ? name : null;
}

/**
 * Whatever the SDK throws as our error. Throttling, 5xx, timeouts, lost connections and everything unknown is
 * STORE_UNAVAILABLE: asking again is the only thing that is right for all of them (P12).
 */
export function fromAwsError(error: unknown, shown: string): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const name = awsCode(error);
  const status = field(field(error, "$metadata"), "httpStatusCode");
  const seen = [name, typeof status === "number" ? `HTTP ${status}` : null].filter((part) => part !== null).join(", ");
  const detail = seen === "" ? `${shown}.` : `${shown} (${seen}).`;
  // Some gateways refuse with a bare status.
  const refused = name === null && (status === 401 || status === 403);
  return new KeyturnError(
    name !== null ? (CODES[name] as ErrorCode) : refused ? "STORE_DENIED" : "STORE_UNAVAILABLE",
    detail,
  );
}
