/** `npm run docs`: writes what is generated from the sources. `test/config/generated.test.ts`
 *  and `test/chart/generated.test.ts` fail when it is stale. */
import { readFileSync, writeFileSync } from "node:fs";
import { configJsonSchemaText } from "../config/json-schema.ts";
import { withReference } from "../config/reference.ts";
import { chartFiles } from "./chart/generated.ts";

writeFileSync("config/keyturn.schema.json", configJsonSchemaText());
const reference = "docs/configuration.md";
writeFileSync(reference, withReference(readFileSync(reference, "utf8")));
for (const [file, content] of Object.entries(chartFiles())) writeFileSync(file, content);
