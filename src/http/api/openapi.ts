import { z } from "zod";
import type { Operation } from "./operations.ts";
import { COMPONENTS } from "./schemas.ts";

type Json = Record<string, unknown>;

/** Refusals that every operation may answer with, beside its own. */
const REFUSALS: Record<string, string> = {
  400: "The request is not right; the message names every problem",
  401: "No token, or one that is not known",
  403: "The token lacks the scope, or may not decide this",
  404: "There is no such rotation, target or key",
  409: "The right request at the wrong time: another state, a hold, another plan, another rotation",
  413: "The body is larger than 16 KiB",
  415: "The body is not application/json",
  429: "Too many requests without a valid token",
  503: "Redis, a secrets manager, the Admin API or the audit sink does not answer; try again",
};

/** The OpenAPI 3.1 document of the operations, made from the schemas that check requests. Pure. */
export function openApi(operations: readonly Operation[], about: { version: string; publicUrl: string | null }): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations)
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Keyturn",
      version: about.version,
      description:
        "Rotations of Anthropic API keys. Answers are the documents of `keyturn show --json`. No key is ever taken or given. " +
        "Requests may be repeated: a decision that was made already is answered as the first time.",
    },
    servers: [{ url: `${about.publicUrl ?? ""}/api/v1` }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of `api.tokens`, with the operation's scope." },
      },
      schemas: components(),
    },
  };
}

function describe(o: Operation): Json {
  const parameters = [...parametersOf("path", o.params), ...parametersOf("query", o.query)];
  return {
    operationId: o.id,
    summary: o.summary,
    description: `Scope: \`${o.scope}\`.`,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(o.body === null
      ? {}
      : {
          requestBody: {
            required: !o.body.safeParse({}).success,
            content: { "application/json": { schema: schemaOf(o.body) } },
          },
        }),
    responses: {
      [String(o.status)]: { description: "Done, or so already", content: content(o.answer) },
      ...Object.fromEntries(
        Object.entries(REFUSALS)
          .filter(([status]) => o.body !== null || (status !== "413" && status !== "415"))
          .map(([status, description]) => [status, { description, content: content("Error") }]),
      ),
    },
  };
}

const content = (name: string): Json => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } });

function parametersOf(where: "path" | "query", schema: z.ZodObject): Json[] {
  const { properties = {} } = schemaOf(schema) as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: where,
    required: where === "path",
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

/** As it is written in a request. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}

/** Schemas that contain another one refer to it. */
function components(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _schema, $id: _id, id: _name, ...rest }]) => [id, rest]),
  );
}
