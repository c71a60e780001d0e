import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The parts of JSON Schema that our schema uses. */
export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  format?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

/** JSON Schema (2020-12) of the file as people write it: for editors, `keyturn config schema` and the chart. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
  return { ...schema, description: "Configuration of Keyturn. Generated from config/schema.ts." };
}

/** The content of config/keyturn.schema.json. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
