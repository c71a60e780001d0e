import { isMap, isScalar, parse, parseDocument } from "yaml";
import type { Pair, YAMLMap } from "yaml";
import type { JsonSchema } from "../../config/json-schema.ts";

/** One setting of helm/keyturn/values.yaml, with what its comment says. */
export interface Setting {
  /** From the top, joined by dots. */
  path: string;
  name: string;
  default: unknown;
  description: string;
  /** What `@schema` adds to the type that the default has. */
  extra: JsonSchema & Record<string, unknown>;
  /** `@config`: this is the configuration file of Keyturn. */
  isConfig: boolean;
  /** Settings inside; null when it is one setting as a whole. */
  inside: Setting[] | null;
}

/**
 * Reads the comments of a values file: `# -- text` describes the setting below, `# @schema {…}` adds to its schema.
 * A mapping whose comment describes it is one setting as a whole; one without is a section.
 * @throws Error when a setting is not described, or a comment cannot be read
 */
export function readValues(text: string): Setting[] {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  if (!isMap(document.contents)) throw new Error("values.yaml: must be a mapping");
  return settingsIn(document.contents as YAMLMap<unknown, unknown>, "");
}

function settingsIn(map: YAMLMap<unknown, unknown>, above: string): Setting[] {
  return map.items.map((pair, index) => {
    const name = String(isScalar(pair.key) ? pair.key.value : pair.key);
    // The parser gives what stands before the first key to the mapping.
    const comment = commentOf(pair) ?? (index === 0 ? map.commentBefore : null) ?? "";
    return settingOf(pair, name, above === "" ? name : `${above}.${name}`, comment);
  });
}

const commentOf = (pair: Pair<unknown, unknown>): string | null =>
  (isScalar(pair.key) ? pair.key.commentBefore : null) ?? null;

function settingOf(pair: Pair<unknown, unknown>, name: string, path: string, comment: string): Setting {
  const read = readComment(comment, path);
  const isSection = isMap(pair.value) && pair.value.items.length > 0 && read.description === "";
  if (!isSection && read.description === "")
    throw new Error(`values.yaml: ${path} is not described by a comment "# --"`);
  return {
    path,
    name,
    ...read,
    default: isMap(pair.value) || pair.value instanceof Object ? (pair.value as YAMLMap).toJSON() : pair.value,
    inside: isSection ? settingsIn(pair.value as YAMLMap<unknown, unknown>, path) : null,
  };
}

function readComment(comment: string, path: string): Pick<Setting, "description" | "extra" | "isConfig"> {
  let description = "";
  let extra: Setting["extra"] = {};
  let isConfig = false;
  for (const line of comment.split("\n").map((each) => each.trim())) {
    if (line.startsWith("-- ")) description = line.slice(3);
    else if (line.startsWith("@schema ")) extra = parse(line.slice("@schema ".length)) as Setting["extra"];
    else if (line === "@config") isConfig = true;
    else if (line.startsWith("@")) throw new Error(`values.yaml: ${path} has a comment that nothing reads: ${line}`);
  }
  return { description, extra, isConfig };
}
