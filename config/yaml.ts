import { type Document, LineCounter, isMap, isNode, isPair, isScalar, isSeq, parseDocument, visit } from "yaml";
import { findSecrets } from "./redact.ts";
import type { Path, Problem } from "./problems.ts";
import { pathText } from "./problems.ts";

/** A parsed file: plain data, what is wrong with it as YAML, and where each path stands. */
export interface Source {
  data: unknown;
  /** Why it cannot be read as YAML; there is no data then. */
  problems: Problem[];
  /** Where key material stands. It does not keep the rest from being checked. */
  secrets: Problem[];
  /** The place of a path, or of the nearest mapping around it. */
  problemAt(path: Path, message: string): Problem;
}

/** Our words for the mistakes people make; the library's sentence otherwise (it quotes names, never values). */
const SAY: Record<string, string> = {
  TAB_AS_INDENT: "a tab is used for indentation; YAML wants spaces",
  MULTIPLE_DOCS: "the file has more than one document; remove the `---` between them",
  BAD_INDENT: "the indentation does not fit the lines above",
  MISSING_CHAR: "a closing quote, bracket or comma is missing, or the indentation is wrong",
  UNEXPECTED_TOKEN: "this is not valid YAML here; a value with `: ` or `#` in it needs quotes",
};

const TWICE = "the same key appears twice in one mapping; keep one";

/** Reads YAML 1.2 with anchors and merge keys. Never throws; never quotes the text of the file. */
export function readYaml(text: string): Source {
  const lines = new LineCounter();
  // The library compares each key with all before it: 10,000 targets take it a second. `repeatedKeys` does not.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: false });
  const at = (offset: number, path: string, message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { path, message, line: line === 0 ? 1 : line, column: col === 0 ? 1 : col };
  };
  const secrets = findSecrets(text).map((offset) =>
    at(offset, "", "a key or token stands in the file; remove it, revoke it, and write env:NAME or file:/path instead"),
  );
  const problems = document.errors.map((error) =>
    at(error.pos[0], "", SAY[error.code] ?? `not valid YAML (${error.code.toLowerCase().replaceAll("_", " ")})`),
  );
  problems.push(...repeatedKeys(document).map((offset) => at(offset, "", TWICE)));
  let data: unknown = null;
  if (problems.length === 0) {
    try {
      data = withoutNulls(document.toJS({ maxAliasCount: 100 }));
    } catch {
      problems.push(at(0, "", "an alias (*name) has no anchor (&name), or there are too many aliases"));
    }
  }
  return {
    data,
    problems,
    secrets,
    problemAt(path, message) {
      const offset = offsetOf(document, path);
      const where = pathText(path);
      return offset === null ? { path: where, message, line: null, column: null } : at(offset, where, message);
    },
  };
}

/** Where a key stands that its mapping has already, as offsets. Two `<<` are no repetition: both are merged. */
function repeatedKeys(document: Document): number[] {
  const found: number[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) found.push(startOf(key) ?? 0);
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** `targets:` with nothing below it means the same as no `targets`. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutNulls(each)]));
}

/** Walks down as far as the file goes: to the key of a pair, the entry of a list. */
function offsetOf(document: Document, path: Path): number | null {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      offset = startOf(isPair(node) ? node.key : node) ?? offset;
    } else break;
  }
  return offset;
}

const startOf = (node: unknown): number | null => (isNode(node) ? (node.range?.[0] ?? null) : null);
