import type { IncomingHttpHeaders } from "node:http";

/** One request, read and parsed. */
export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; undefined when there was no body, `UNREADABLE` when it was not JSON. */
  body: unknown;
}

export const UNREADABLE = Symbol("unreadable body");

export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** A string is sent as it is; anything else as JSON. */
  body: unknown;
}

export const ok = (body: unknown, headers: Record<string, string> = {}): Reply => ({ status: 200, headers, body });

/** `error.type` by status (facts 5). */
const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export const errorType = (status: number): string =>
  TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");

/** A refusal in the API's own words and envelope. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly type: string;
  readonly errorCode: string | null;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    message: string,
    more: { type?: string; errorCode?: string | null; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = "ApiRefusal";
    this.status = status;
    this.type = more.type ?? errorType(status);
    this.errorCode = more.errorCode ?? null;
    this.headers = more.headers ?? {};
  }

  reply(requestId: string): Reply {
    const error = {
      type: this.type,
      message: this.message,
      // Absent, not null, when there is no code.
      ...(this.errorCode === null ? {} : { details: { error_code: this.errorCode } }),
    };
    // On 401 the body's request_id has been seen to be null although the header is there (facts 5, E3).
    const request_id = this.status === 401 ? null : requestId;
    return { status: this.status, headers: this.headers, body: { type: "error", error, request_id } };
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The request's JSON object. @throws 400 when it is none */
export function jsonObject(call: Call): Record<string, unknown> {
  if (!isRecord(call.body)) throw new ApiRefusal(400, "The request body is not a valid JSON object.");
  return call.body;
}

/** An integer query parameter within bounds. @throws 400 outside of them */
export function integer(call: Call, name: string, range: { min: number; max: number; byDefault: number }): number {
  const text = call.query.get(name);
  if (text === null) return range.byDefault;
  const value = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= range.min && value <= range.max)) {
    throw new ApiRefusal(400, `${name}: must be between ${range.min} and ${range.max}`);
  }
  return value;
}

/** One of a closed list of values; null when the parameter is absent. @throws 400 on another value */
export function oneOf<T extends string>(call: Call, name: string, allowed: readonly T[]): T | null {
  const text = call.query.get(name);
  if (text === null) return null;
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new ApiRefusal(400, `${name}: must be one of ${allowed.join(", ")}`);
  return found;
}

/** A repeated parameter, with or without the `[]` the API documents. */
export const list = (call: Call, name: string): string[] => [
  ...call.query.getAll(`${name}[]`),
  ...call.query.getAll(name),
];

/** An RFC 3339 instant with a zone. @throws 400 when it is none */
export function instant(call: Call, name: string): number | null {
  const text = call.query.get(name);
  if (text === null) return null;
  const zoned = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const at = zoned ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new ApiRefusal(400, `${name}: must be an RFC 3339 time with a zone`);
  return at;
}

/** A path segment. @throws 404 for one that is not decodable: no id looks like that */
export function decoded(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? "");
  } catch {
    throw new ApiRefusal(404, "There is nothing at this path.");
  }
}
