import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "../ports/notifier.ts";
import { containsKey } from "../rotation/contains-key.ts";
import { KeyturnError, asKeyturnError } from "../rotation/errors.ts";

/** JSON for an object, as it is for a text. */
export interface Answer {
  status: number;
  body: object | string;
  headers?: Record<string, string>;
}

/** The parts of a path that its pattern names, decoded. */
export type Params = Readonly<Record<string, string>>;

export interface Route {
  method: "GET" | "POST";
  /** Matched exactly, without the query; `{name}` stands for one part, such as `/api/v1/rotations/{id}`. */
  path: string;
  /** Answers an address with a key in its query itself; elsewhere such an address is refused before any route. */
  takesAnyQuery?: boolean;
  /** May write to `response` itself and return nothing. */
  handle(request: IncomingMessage, response: ServerResponse, params: Params): Promise<Answer | undefined>;
}

export interface HttpServer {
  /** The bound port. */
  port: number;
  /** Takes no new requests, ends idle connections, and at the deadline the busy ones too. Safe to repeat. */
  close(deadlineMs: number): Promise<void>;
}

/** Slow senders are cut off: headers, whole request, idle connection (milliseconds). */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5000, maxHeaderSize: 16 * 1024 };
const KEY_IN_ADDRESS =
  "This address looks as if it had a key in it, so nothing was done. Servers and browsers keep addresses: treat that key as leaked, disable it in the Console and create another.\n";
const FIXED_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/**
 * A server with fixed routes. A route's error never reaches the caller: it gets a code, the log gets the rest.
 * @param port 0 takes a free one
 * @throws CONFIG_INVALID when the address cannot be bound
 */
export async function startHttpServer(given: {
  host: string;
  port: number;
  routes: readonly Route[];
  log: Log;
  /** Where the configuration has the port, for the message when it is taken. */
  setting?: string;
}): Promise<HttpServer> {
  const server = createServer(LIMITS, (request, response) => void serve(request, response, given.routes, given.log));
  await listening(server, given);
  let closing: Promise<void> | null = null;
  return {
    port: (server.address() as AddressInfo).port,
    close: (deadlineMs) => (closing ??= close(server, deadlineMs)),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly Route[],
  log: Log,
): Promise<void> {
  try {
    const answer = await answerTo(request, response, routes);
    if (answer !== undefined) send(request, response, answer);
  } catch (error) {
    const known = asKeyturnError(error);
    log.error({ event: "http.failed", code: known.code, err: known }, "A request failed");
    if (!response.headersSent) send(request, response, { status: 500, body: { error: { code: known.code } } });
    else response.destroy();
  }
}

async function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly Route[],
): Promise<Answer | undefined> {
  const url = request.url ?? "/";
  const path = url.split("?", 1)[0] ?? "/";
  // Before anything looks it up, quotes it or leads elsewhere with it (P3).
  const ownAnswer = routes.some((route) => route.takesAnyQuery === true && route.path === path);
  if (!ownAnswer && containsKey(url)) return { status: 400, body: KEY_IN_ADDRESS };
  const here = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params === null ? [] : [{ route, params }];
  });
  if (here.length === 0) return { status: 404, body: { error: { code: "NOT_FOUND" } } };
  const method = request.method === "HEAD" ? "GET" : request.method;
  // A path without a named part comes before one with it.
  const found = here.toSorted((a, b) => size(a.params) - size(b.params)).find(({ route }) => route.method === method);
  if (found !== undefined) return found.route.handle(request, response, found.params);
  return {
    status: 405,
    body: { error: { code: "METHOD_NOT_ALLOWED" } },
    headers: { allow: [...new Set(here.map(({ route }) => route.method))].join(", ") },
  };
}

const size = (params: Params): number => Object.keys(params).length;

/** The named parts when the path fits the pattern, else null; a part that cannot be decoded fits nothing. */
function matchPath(pattern: string, path: string): Params | null {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? "";
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== value) return null;
      continue;
    }
    try {
      params[name] = decodeURIComponent(value);
    } catch {
      return null;
    }
    if (params[name] === "") return null;
  }
  return params;
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const type = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  const text = typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...FIXED_HEADERS,
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

function listening(
  server: Server,
  { host, port, setting }: { host: string; port: number; setting?: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new KeyturnError("CONFIG_INVALID", `(cannot listen on ${host}:${port}: ${error.code})`, {
          next: `Change http.host or ${setting ?? "http.port"}, or end the other program.`,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(timer);
}
