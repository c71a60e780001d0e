import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import type { Decider } from "../../app/decisions.ts";
import type { Deps } from "../../app/deps.ts";
import { containsKey } from "../../rotation/contains-key.ts";
import { asKeyturnError } from "../../rotation/errors.ts";
import type { ApiTokens, TokenHolder } from "../api-tokens.ts";
import { BodyRefused, isOfType, readBody } from "../body.ts";
import type { Answer, Params, Route } from "../server.ts";
import { perMinute } from "../limit.ts";
import { REFUSED, answerTo, invalid } from "./answers.ts";
import { openApi } from "./openapi.ts";
import { OPERATIONS, type Operation } from "./operations.ts";

export const BASE = "/api/v1";

export interface ApiOptions {
  deps: Deps;
  tokens: ApiTokens;
  /** Where the document says that the API is; null: on the same host. */
  publicUrl: string | null;
  /** Of this program. */
  version: string;
}

const BODY_LIMIT = 16 * 1024;
/** Requests without a valid token that are answered and logged, per minute; a valid token always passes. */
const FAILED_TRIES = { each: 20, all: 200 };

/** The HTTP API: the routes of `OPERATIONS`, and the document that describes them, which needs no token. */
export function apiRoutes(options: ApiOptions): Route[] {
  const { deps, tokens } = options;
  const tries = perMinute(FAILED_TRIES, deps.clock);
  const identify = (request: IncomingMessage): TokenHolder | Answer => {
    const match = /^Bearer +([\x21-\x7e]{1,1000})$/i.exec(request.headers.authorization ?? "");
    const holder = match === null ? null : tokens.holderOf(match[1] ?? "");
    if (holder !== null) return holder;
    const address = request.socket.remoteAddress ?? "";
    if (!tries.allows(address)) return REFUSED.tooManyTries;
    deps.log.warn({ event: "api.unauthenticated", address }, "a request without a valid token was refused");
    return request.headers.authorization === undefined ? REFUSED.noToken : REFUSED.unknownToken;
  };
  const document = openApi(OPERATIONS, options);
  return [
    {
      method: "GET",
      path: `${BASE}/openapi.json`,
      handle: () => Promise.resolve({ status: 200, body: document }),
    },
    ...OPERATIONS.map((operation): Route => ({
      method: operation.method,
      path: `${BASE}${operation.path}`,
      handle: async (request, _response, params) => {
        const holder = identify(request);
        if (!("scopes" in holder)) return holder;
        if (!holder.scopes.includes(operation.scope)) {
          deps.log.warn({ event: "api.forbidden", token: holder.name, operation: operation.id }, "a scope is missing");
          return REFUSED.scope;
        }
        return carryOut(deps, operation, request, params, holder);
      },
    })),
  ];
}

async function carryOut(
  deps: Deps,
  operation: Operation,
  request: IncomingMessage,
  params: Params,
  holder: TokenHolder,
): Promise<Answer> {
  const body = await bodyOf(operation, request);
  if ("refused" in body) return body.refused;
  const url = queryOf(request);
  // Before anything is looked up, quoted or stored.
  if (containsKey(JSON.stringify([params, [...url], body.value]))) return REFUSED.keyShaped;
  const repeated = [...url.keys()].find((name) => url.getAll(name).length > 1);
  if (repeated !== undefined) return invalid("A query parameter is given more than once.");
  const by: Decider = { actor: { name: `api:${holder.name}`, via: "api" }, breakGlass: null };
  const parts = { path: params, query: Object.fromEntries(url), body: body.value };
  const path = operation.params.safeParse(parts.path);
  if (!path.success) return invalid(problems("path", path.error));
  const query = operation.query.safeParse(parts.query);
  if (!query.success) return invalid(problems("query", query.error));
  const given = operation.body?.safeParse(parts.body) ?? { success: true as const, data: {} };
  if (!given.success) return invalid(problems("body", given.error));
  try {
    const answer = await operation.run(deps, { params: path.data, query: query.data, body: given.data }, by);
    return { status: operation.status, body: answer };
  } catch (error) {
    const known = asKeyturnError(error);
    if (known.fixedBy === "us")
      deps.log.error(
        { event: "api.failed", operation: operation.id, code: known.code, err: known },
        "a request failed",
      );
    return answerTo(known);
  }
}

const queryOf = (request: IncomingMessage): URLSearchParams =>
  new URLSearchParams((request.url ?? "").split("?").slice(1).join("?"));

/** An empty body is an empty object; whether that will do is the schema's to say. */
async function bodyOf(
  operation: Operation,
  request: IncomingMessage,
): Promise<{ value: unknown } | { refused: Answer }> {
  if (operation.body === null) return { value: {} };
  let bytes: Buffer;
  try {
    bytes = await readBody(request, BODY_LIMIT);
  } catch (error) {
    if (!(error instanceof BodyRefused)) throw error;
    return { refused: error.status === 413 ? REFUSED.tooLarge : REFUSED.cutOff };
  }
  if (bytes.length === 0) return { value: {} };
  if (!isOfType(request, "application/json")) return { refused: REFUSED.notJson };
  try {
    // What is not UTF-8 is refused, not replaced.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (containsKey(text)) return { refused: REFUSED.keyShaped };
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? { value }
      : { refused: REFUSED.badJson };
  } catch {
    // The error of JSON.parse quotes the text.
    return { refused: REFUSED.badJson };
  } finally {
    bytes.fill(0);
  }
}

const LONGEST = 500;

/** Every problem with its place, as `body.until: must be …`. Zod quotes names of unknown fields, never values. */
function problems(where: string, error: z.ZodError): string {
  const lines = error.issues.map((issue) => `${[where, ...issue.path.map(String)].join(".")}: ${issue.message}`);
  const text = lines.join("; ");
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
