import { KeyturnError, type ErrorCode } from "../../rotation/errors.ts";

/** gRPC status codes that Secret Manager answers with. @see https://grpc.io/docs/guides/status-codes/ */
export const GRPC = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

const NAMES = new Map<number, string>(Object.entries(GRPC).map(([name, code]) => [code, name]));

/** Anything that is not listed may pass by itself: P12, doubt is not failure. */
const MEANING = new Map<number, ErrorCode>([
  [GRPC.NOT_FOUND, "STORE_MISSING"],
  [GRPC.PERMISSION_DENIED, "STORE_DENIED"],
  [GRPC.UNAUTHENTICATED, "STORE_DENIED"],
  [GRPC.FAILED_PRECONDITION, "STORE_CONFLICT"],
  [GRPC.INVALID_ARGUMENT, "STORE_CONFLICT"],
  [GRPC.UNIMPLEMENTED, "STORE_CONFLICT"],
]);

/** The gRPC code of a thrown value; null when it carries none. */
export function grpcCode(error: unknown): number | null {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return typeof code === "number" ? code : null;
}

/**
 * Whether a conditional write met another etag. Google documents FAILED_PRECONDITION; AIP-154, which its services
 * follow, says ABORTED. Both mean: read again. @see https://cloud.google.com/secret-manager/docs/etags
 */
export function isStale(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.FAILED_PRECONDITION || code === GRPC.ABORTED;
}

/**
 * The failure of one call as ours. Only the names of the call, the resource and the status go into it: a vendor's
 * text may quote what was sent.
 */
export function failed(error: unknown, call: string, resource: string): KeyturnError {
  if (error instanceof KeyturnError) return error;
  const code = grpcCode(error);
  if (code === null) return withoutCode(error, call, resource);
  const name = NAMES.get(code) ?? `gRPC status ${code}`;
  return new KeyturnError(MEANING.get(code) ?? "STORE_UNAVAILABLE", `${call} of ${resource}: ${name}.`);
}

/** Errors of the client itself. The auth library has no codes, so its text is looked at, and dropped. */
function withoutCode(error: unknown, call: string, resource: string): KeyturnError {
  const text = error instanceof Error ? error.message : "";
  if (/default credentials|invalid_grant|invalid_client|private_key|refresh token/i.test(text)) {
    return new KeyturnError("STORE_DENIED", `${call} of ${resource}: no usable Google credentials were found.`);
  }
  return new KeyturnError("STORE_UNAVAILABLE", `${call} of ${resource}: no answer.`);
}
