import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kubernetes } from "../support/servers/kubernetes.ts";

interface Schema {
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
  $ref?: string;
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
}

/**
 * Writes what this apiserver says of itself (`/openapi/v2`) as one JSON schema for each kind, where kubeconform finds it.
 * @returns the value for kubeconform's `-schema-location`
 */
export async function writeSchemas(kubernetes: Kubernetes, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { definitions } = (await kubernetes.ask("GET", "/openapi/v2")).body as { definitions: Record<string, Schema> };
  const readable = Object.fromEntries(Object.entries(definitions).map(([name, each]) => [name, asWritten(name, each)]));
  await writeFile(join(folder, "all.json"), JSON.stringify({ definitions: readable }));
  for (const [name, definition] of Object.entries(definitions)) {
    for (const { group, version, kind } of definition["x-kubernetes-group-version-kind"] ?? []) {
      const suffix = group === "" ? version : `${group.split(".")[0]}-${version}`;
      const schema = { $ref: `all.json#/definitions/${name}` };
      await writeFile(join(folder, `${kind.toLowerCase()}-${suffix}.json`), JSON.stringify(schema));
    }
  }
  return join(folder, "{{.ResourceKind}}{{.KindSuffix}}.json");
}

/** OpenAPI 2 has no word for "number or text", so Kubernetes calls these text; in a manifest both are right. */
function asWritten(name: string, schema: Schema): Schema {
  if (name.endsWith(".api.resource.Quantity") || schema.format === "int-or-string") {
    return { oneOf: [{ type: "string" }, { type: "integer" }, { type: "number" }].slice(0, schema.format ? 2 : 3) };
  }
  const each = ([key, value]: [string, Schema]) => [key, asWritten("", value)] as const;
  const { additionalProperties: rest } = schema;
  return {
    ...schema,
    ...(schema.properties ? { properties: Object.fromEntries(Object.entries(schema.properties).map(each)) } : {}),
    ...(schema.items ? { items: asWritten("", schema.items) } : {}),
    ...(typeof rest === "object" ? { additionalProperties: asWritten("", rest) } : {}),
    // Kinds with fields have these fields and no others.
    ...(schema.properties && rest === undefined ? { additionalProperties: false } : {}),
  };
}
