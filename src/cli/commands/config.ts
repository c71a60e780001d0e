import { configJsonSchema } from "../../../config/json-schema.ts";
import type { Command } from "../command.ts";

export const configCheck: Command = {
  name: "config check",
  usage: "",
  summary: "every problem and warning of the configuration, at once",
  positionals: [0, 0],
  run: (context) => {
    const { file, hash, warnings, config } = context.config();
    const shown = [
      `${file} is valid: ${Object.keys(config.targets).length} targets, ${Object.keys(config.stores).length} stores.`,
    ];
    for (const w of warnings) shown.push(`warning: ${w.path}: ${w.message}`);
    return Promise.resolve({ json: { schema: 1, file, hash, valid: true, warnings }, text: shown.join("\n") });
  },
};

export const configSchema: Command = {
  name: "config schema",
  usage: "",
  summary: "the JSON Schema of the configuration file",
  positionals: [0, 0],
  run: () => {
    const schema = configJsonSchema();
    return Promise.resolve({ json: schema, text: JSON.stringify(schema, null, 2) });
  },
};
