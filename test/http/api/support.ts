import { z } from "zod";
import { apiRoutes } from "../../../src/http/api/routes.ts";
import { type Scope, apiTokens } from "../../../src/http/api-tokens.ts";
import { type HttpServer, startHttpServer } from "../../../src/http/server.ts";
import { SecretText } from "../../../src/rotation/secret.ts";
import { type World, makeWorld } from "../../support/world.ts";

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  json: { error?: { code: string; message: string; next: string }; [field: string]: unknown };
}

export interface Api {
  world: World;
  server: HttpServer;
  url: string;
  /** Texts by name; a test may replace one as a person replaces a file. */
  tokens: Record<string, string>;
  /** `as`: the token's name, or null for none. A body that is not a string is sent as JSON. */
  call(
    method: string,
    path: string,
    given?: { as?: string | null; body?: unknown; headers?: Record<string, string> },
  ): Promise<Reply>;
  close(): Promise<void>;
}

const SCOPES: Record<string, Scope[]> = {
  reader: ["read"],
  decider: ["decide"],
  pager: ["emergency"],
  bot: ["read", "decide", "emergency"],
};

/** The HTTP API of an installation in memory, on a real server; every answer is checked against the document. */
export async function anApi(world: World = makeWorld()): Promise<Api> {
  const tokens = Object.fromEntries(Object.keys(SCOPES).map((name) => [name, `${name}-`.repeat(8).slice(0, 40)]));
  const routes = apiRoutes({
    deps: world.deps,
    publicUrl: "https://keyturn.example.com",
    version: "0.0.0",
    tokens: apiTokens(
      Object.entries(SCOPES).map(([name, scopes]) => ({
        name,
        scopes,
        read: () => SecretText.from(tokens[name] ?? ""),
      })),
    ),
  });
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, routes, log: world.deps.log });
  const url = `http://127.0.0.1:${server.port}`;
  const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as OpenApi;
  return {
    world,
    server,
    url,
    tokens,
    call: async (method, path, { as = "bot", body, headers = {} } = {}) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${tokens[as] ?? as}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      // An address with a key in it is refused by the server itself, with a sentence for people.
      const isJson = response.headers.get("content-type") === "application/json";
      const json = (isJson ? JSON.parse(text) : {}) as Reply["json"];
      if (isJson) checkAnswer(document, method, path.split("?")[0] ?? "", response.status, json);
      return { status: response.status, headers: response.headers, text, json };
    },
    close: () => server.close(0),
  };
}

export interface OpenApi {
  openapi: string;
  info: { version: string };
  servers: { url: string }[];
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        parameters?: { name: string; in: string; required: boolean }[];
        requestBody?: { required: boolean; content: Record<string, { schema: object }> };
        responses: Record<string, { content: { "application/json": { schema: { $ref: string } } } }>;
      }
    >
  >;
  components: { schemas: Record<string, object> };
}

/** The answer is one that the document names for this path, method and status, and fits the schema there. */
function checkAnswer(document: OpenApi, method: string, path: string, status: number, json: unknown): void {
  const found = Object.entries(document.paths).find(([pattern]) =>
    new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  const operation = found?.[1][method.toLowerCase()];
  // Paths and methods that are none are the server's to answer.
  if (operation === undefined) return;
  const answer = operation.responses[String(status)];
  if (answer === undefined) throw new Error(`the document knows no ${status} of ${method} ${path}`);
  const { $ref } = answer.content["application/json"].schema;
  schemaOf(document, $ref.replace("#/components/schemas/", "")).parse(json);
}

/** A schema of the document, with what it refers to. */
export function schemaOf({ components: { schemas } }: OpenApi, name: string): z.ZodType {
  const local = JSON.parse(JSON.stringify(schemas).replaceAll("#/components/schemas/", "#/$defs/")) as typeof schemas;
  return z.fromJSONSchema({ ...local[name], $defs: local } as Parameters<typeof z.fromJSONSchema>[0]);
}
