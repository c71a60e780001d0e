import { parse } from "yaml";
import { REFERENCE_PATTERN } from "../../config/fields.ts";
import type { JsonSchema } from "../../config/json-schema.ts";
import type { Setting } from "./values.ts";

type Schema = JsonSchema & Record<string, unknown>;

/**
 * helm/keyturn/values.schema.json: refuses what is misspelt. What is spelt right and cannot work is refused by the
 * templates (_validate-*.tpl), which can say why.
 * @param config JSON Schema of Keyturn's configuration
 * @param foreign settings of other charts, let through for the sentence that the templates have for them
 */
export function valuesSchemaText(settings: readonly Setting[], config: JsonSchema, foreign: readonly string[]): string {
  const properties = propertiesOf(settings, config);
  for (const name of foreign) properties[name] = {};
  const schema = {
    // Helm 3 before 3.18 knows no newer draft.
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart keyturn",
    description: "Generated from values.yaml and config/keyturn.schema.json by `npm run docs`.",
    type: "object",
    additionalProperties: false,
    properties,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The names in the list of settings of other charts. @param template text of templates/_validate-foreign.tpl */
export function foreignNames(template: string): string[] {
  const [, block] = /\{\{- define "keyturn\.foreign" -\}\}\n([\s\S]*?)\n\{\{- end -\}\}/.exec(template) ?? [];
  if (block === undefined) throw new Error("_validate-foreign.tpl: the list is not where it was");
  return Object.keys(parse(block) as Record<string, string>);
}

function propertiesOf(settings: readonly Setting[], config: JsonSchema): Record<string, Schema> {
  return Object.fromEntries(settings.map((setting) => [setting.name, schemaOf(setting, config)]));
}

function schemaOf(setting: Setting, config: JsonSchema): Schema {
  const { description, extra, inside, isConfig } = setting;
  if (isConfig) return { ...(forValues(config, "") as Schema), description, default: {} };
  if (inside !== null) return { type: "object", additionalProperties: false, properties: propertiesOf(inside, config) };
  return { description, ...typeOf(setting.default, setting.path), ...extra, default: setting.default };
}

function typeOf(value: unknown, path: string): Schema {
  if (typeof value === "string" || typeof value === "boolean") return { type: typeof value };
  if (Number.isInteger(value)) return { type: "integer" };
  if (Array.isArray(value)) return { type: "array" };
  if (typeof value === "object" && value !== null) return { type: "object" };
  throw new Error(`values.yaml: ${path} has a default without a type`);
}

/**
 * The schema of the configuration as a part of the values. Helm's message quotes a text that does not match its
 * pattern, and where a reference is expected that text is most likely a secret; and for what is missing the templates
 * say what to do. So both are left to the templates.
 */
function forValues(schema: unknown, at: string): unknown {
  // Refused whatever is in it: the chart writes it.
  if (at === "/properties/schedule") return {};
  if (Array.isArray(schema)) return schema.map((each) => forValues(each, at));
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) =>
      key !== "$schema" &&
      // "duration" is ISO 8601 there; the pattern stays.
      key !== "format" &&
      !(key === "pattern" && value === REFERENCE_PATTERN.source) &&
      !(key === "required" && (at === "" || at === "/properties/anthropic")),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, forValues(value, `${at}/${key}`)]));
}
