import { readFileSync } from "node:fs";
import { configJsonSchema } from "../../config/json-schema.ts";
import { withValuesReference } from "./reference.ts";
import { foreignNames, valuesSchemaText } from "./schema.ts";
import { readValues } from "./values.ts";

const CHART = new URL("../../helm/keyturn/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, CHART), "utf8");

/** What is made from the comments in the chart's values.yaml: files of the repository with the content they should have. */
export function chartFiles(): Record<string, string> {
  const settings = readValues(read("values.yaml"));
  const foreign = foreignNames(read("templates/_validate-foreign.tpl"));
  return {
    "helm/keyturn/values.schema.json": valuesSchemaText(settings, configJsonSchema(), foreign),
    "helm/keyturn/README.md": withValuesReference(read("README.md"), settings),
  };
}
