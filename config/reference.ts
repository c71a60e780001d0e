import { type JsonSchema, configJsonSchema } from "./json-schema.ts";

interface Row {
  path: string;
  type: string;
  fallback: string;
  description: string;
}

export const REFERENCE_START = "<!-- generated from config/schema.ts by `npm run docs`; do not edit below -->";

/** The table of all settings in docs/configuration.md, as Markdown. */
export function configReference(): string {
  const rows = rowsOf(configJsonSchema(), "");
  const lines = rows.map(
    ({ path, type, fallback, description }) =>
      `| ${[code(path), type, fallback, description].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return [`| setting | type | default | meaning |`, `|---|---|---|---|`, ...lines, ""].join("\n");
}

/** The document with its generated part replaced; what a person wrote above stays. */
export function withReference(document: string): string {
  const [written] = document.split(REFERENCE_START);
  return `${(written ?? "").trimEnd()}\n\n${REFERENCE_START}\n\n${configReference()}`;
}

function rowsOf(schema: JsonSchema, path: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const needed = schema.required?.includes(name) === true;
    // The same settings again, without defaults: the description of the whole says so.
    const isRepeated = at.endsWith(".policy");
    return [rowOf(property, at, needed), ...(isRepeated ? [] : inner(property, at))];
  });
}

function inner(schema: JsonSchema, at: string): Row[] {
  if (schema.items !== undefined) return rowsOf(schema.items, `${at}[]`);
  if (typeof schema.additionalProperties === "object")
    return alternativesOf(schema.additionalProperties, `${at}.<name>`);
  return alternativesOf(schema, at);
}

/** Alternatives (the types of stores) are listed one after the other. */
function alternativesOf(schema: JsonSchema, at: string): Row[] {
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives === undefined) return rowsOf(schema, at);
  return alternatives.flatMap((each) => {
    const type = each.properties?.["type"]?.const;
    if (typeof type !== "string") return rowsOf(each, at);
    const { type: _type, ...options } = each.properties ?? {};
    const rows = rowsOf({ ...each, properties: options }, at);
    return [
      { path: `${at}.type`, type: code(type), fallback: "required", description: `A store of type ${code(type)}:` },
      ...rows,
    ];
  });
}

function rowOf(schema: JsonSchema, path: string, needed: boolean): Row {
  const isSection = schema.properties !== undefined;
  const { default: given } = schema;
  const shown =
    given === undefined || isSection || JSON.stringify(given) === "{}"
      ? ""
      : code(JSON.stringify(given).replaceAll('"', ""));
  return { path, type: typeOf(schema), fallback: needed ? "required" : shown, description: schema.description ?? "" };
}

function typeOf(schema: JsonSchema): string {
  if (schema.format === "duration") return "duration";
  if (schema.enum !== undefined) return schema.enum.map((each) => code(String(each))).join(", ");
  if (schema.type === "object") return schema.properties === undefined ? "mapping by name" : "section";
  if (schema.type === "array") return "list";
  if (schema.type === "integer") return "whole number";
  if (schema.type === "string") return "text";
  return schema.type ?? (schema.anyOf ?? []).map(typeOf).join(" or ");
}

const code = (text: string): string => `\`${text}\``;
