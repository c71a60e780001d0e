import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type JsonSchema, configJsonSchema, configJsonSchemaText } from "../../config/json-schema.ts";
import { withReference } from "../../config/reference.ts";

describe("what is generated from the schema is fresh (else: npm run docs)", () => {
  it("config/keyturn.schema.json", () =>
    expect(readFileSync("config/keyturn.schema.json", "utf8")).toBe(configJsonSchemaText()));

  it("the table in docs/configuration.md", () => {
    const document = readFileSync("docs/configuration.md", "utf8");
    expect(document).toBe(withReference(document));
  });

  it("every setting is described", () => {
    const bare: string[] = [];
    const walk = (schema: JsonSchema, path: string): void => {
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        const at = `${path}.${name}`;
        const isRepeated = /\.policy\./.test(at) && !at.startsWith(".policy.");
        if (property.description === undefined && property.const === undefined && !isRepeated) bare.push(at);
        walk(property, at);
      }
      for (const each of [
        schema.items,
        schema.additionalProperties,
        ...(schema.oneOf ?? []),
        ...(schema.anyOf ?? []),
      ]) {
        if (typeof each === "object") walk(each, path);
      }
    };
    walk(configJsonSchema(), "");
    expect(bare).toEqual([]);
  });
});
