/** Data of a parsed file. */
export type Plain = Record<string, unknown>;

interface Issue {
  code: string;
  path: PropertyKey[];
  keys?: string[];
}

/**
 * The data without the parts that issues point at, so that the rest can be checked too. Of lists and of what is named
 * by others the whole entry is replaced, never a part: a target with one destination less would be another target.
 */
export function withoutWrongParts(data: Plain, issues: readonly Issue[]): Plain {
  const copy = structuredClone(data);
  for (const { code, path, keys } of issues) {
    const parts = path.map(String);
    if (code === "unrecognized_keys") for (const key of keys ?? []) remove(copy, [...parts, key]);
    else remove(copy, parts.slice(0, DEPTH[parts[0] ?? ""] ?? parts.length));
  }
  const anthropic = isPlain(copy["anthropic"]) ? copy["anthropic"] : {};
  return { ...copy, anthropic: { adminKey: "env:PLACEHOLDER", ...anthropic } };
}

/** How much of the path stays: the entry of a mapping, or the whole list. */
const DEPTH: Record<string, number> = { stores: 2, targets: 2, rules: 1, holds: 1, slack: 1, approvers: 1 };

function remove(data: Plain, path: readonly string[]): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  const inner = data[first];
  if (rest.length === 0) delete data[first];
  else if (isPlain(inner) || Array.isArray(inner)) remove(inner as Plain, rest);
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);
