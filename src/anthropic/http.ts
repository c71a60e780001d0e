import { type OnRequest, toldOf } from "./operation.ts";
import { safeContentType, safeErrorCode, safeRequestId } from "./safe-text.ts";

/** One request, ready to be sent. `path` starts with `/v1/`; the key is in `headers` and nowhere else. */
export interface HttpRequest {
  method: "GET" | "POST";
  path: string;
  query?: readonly (readonly [string, string])[];
  headers: Record<string, string>;
  body?: object;
}

/** What came back. `json` is undefined when the body is not JSON by its type or by its text. */
export interface Reply {
  kind: "reply";
  status: number;
  headers: Headers;
  contentType: string;
  json: unknown;
  /** Why there is no `json`, in words without any of the body; null when there is. */
  unreadable: string | null;
  requestId: string | null;
  /** The other side's clock, in epoch milliseconds. */
  serverTime: number | null;
}
/** No whole answer came. Whether the request was carried out is unknown. */
export interface Silence {
  kind: "silence";
  why: string;
  timeout: boolean;
}

export interface AttemptLimits {
  /** Connecting, waiting and reading together, in milliseconds. */
  timeoutMs: number;
  /** Decoded bytes of the answer that are read at most. */
  maxBytes: number;
}

/**
 * Sends one request once, and reads the whole answer, within `timeoutMs`. Redirects are never followed: they would
 * carry the key elsewhere. Nothing is read from the environment by this code. @throws only the reason of `signal`
 */
export async function sendOnce(
  fetchFn: typeof fetch,
  baseUrl: string,
  request: HttpRequest,
  limits: AttemptLimits,
  more: { signal?: AbortSignal | undefined; onRequest?: OnRequest | undefined } = {},
): Promise<Reply | Silence> {
  const began = performance.now();
  const answer = await attempt(fetchFn, baseUrl, request, limits, more.signal);
  more.onRequest?.(toldOf(request, answer), (performance.now() - began) / 1000);
  return answer;
}

async function attempt(
  fetchFn: typeof fetch,
  baseUrl: string,
  request: HttpRequest,
  limits: AttemptLimits,
  signal?: AbortSignal,
): Promise<Reply | Silence> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const stop = () => abort.abort();
  let timedOut = false;
  let whole = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      stop();
    },
    Math.min(limits.timeoutMs, 2 ** 31 - 1),
  ); // more than that would fire at once
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const response = await fetchFn(urlOf(baseUrl, request), {
      ...initOf(request),
      redirect: "manual",
      signal: abort.signal,
    });
    const reply = await replyOf(response, limits.maxBytes);
    whole = response.bodyUsed && reply.unreadable === null;
    return reply;
  } catch (error) {
    signal?.throwIfAborted();
    if (timedOut) return { kind: "silence", why: `no whole answer within ${limits.timeoutMs} ms`, timeout: true };
    return { kind: "silence", why: networkProblem(error), timeout: false };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    if (!whole) stop(); // lets go of a body that was not read to its end
  }
}

function urlOf(baseUrl: string, request: HttpRequest): string {
  const query = new URLSearchParams(request.query?.map(([name, value]) => [name, value]));
  return `${baseUrl}${request.path}${query.size === 0 ? "" : `?${query.toString()}`}`;
}

function initOf(request: HttpRequest): RequestInit {
  const headers: Record<string, string> = { accept: "application/json", "user-agent": "keyturn", ...request.headers };
  if (request.body === undefined) return { method: request.method, headers };
  const bytes = Buffer.from(JSON.stringify(request.body), "utf8");
  // A stream, because Node's fetch sends a body it can replay a second time, unasked, on 421 (measured on Node 26.10).
  // The length is given so that the body is not sent in chunks.
  return {
    method: request.method,
    headers: { ...headers, "content-type": "application/json", "content-length": String(bytes.length) },
    body: new Blob([bytes]).stream(),
    duplex: "half",
  };
}

async function replyOf(response: Response, maxBytes: number): Promise<Reply> {
  const date = Date.parse(response.headers.get("date") ?? "");
  const contentType = safeContentType(response.headers.get("content-type"));
  const isJson = contentType === "application/json";
  const text = await readText(response, maxBytes);
  const { json, unreadable } = parse(text, isJson, contentType);
  return {
    kind: "reply",
    status: response.status,
    headers: response.headers,
    contentType,
    json,
    unreadable,
    requestId: safeRequestId(response.headers.get("request-id")),
    serverTime: Number.isNaN(date) ? null : date,
  };
}

/** null: more than `maxBytes`. */
async function readText(response: Response, maxBytes: number): Promise<string | null> {
  const length = response.headers.get("content-length");
  if (Number(length ?? 0) > maxBytes) return null;
  // Node ends the connection after so many bytes, so there is nothing to count; and this is much the faster way.
  if (length !== null && !response.headers.has("content-encoding")) return response.text();
  const body: ReadableStream<Uint8Array> | null = response.body;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString("utf8");
}

function parse(
  text: string | null,
  isJson: boolean,
  contentType: string,
): { json: unknown; unreadable: string | null } {
  if (text === null) return { json: undefined, unreadable: "an answer that is far too long" };
  if (!isJson) return { json: undefined, unreadable: `${contentType} instead of application/json` };
  try {
    return { json: JSON.parse(text), unreadable: null };
  } catch {
    // The parser's message quotes the text, so it is dropped.
    return { json: undefined, unreadable: text === "" ? "an empty body" : "a body that is not whole JSON" };
  }
}

/** Error texts of fetch may quote header values; only the codes of the system and of TLS are repeated. */
function networkProblem(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code =
    cause instanceof Error && "code" in cause && typeof cause.code === "string" ? safeErrorCode(cause.code) : null;
  return code === null ? "the connection failed" : `the connection failed (${code})`;
}
