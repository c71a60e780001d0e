import type { z } from "zod";
import { KeyturnError } from "../src/rotation/errors.ts";
import { redact } from "./redact.ts";

export type Path = readonly (string | number)[];

/** One thing that is wrong with the file, and what to do. Never quotes key material. */
export interface Problem {
  /** As in the file: `targets.billing.destinations[0].store`; empty for the file as a whole. */
  path: string;
  message: string;
  /** Both from 1; null when the place is not in the file. */
  line: number | null;
  column: number | null;
}

export const pathText = (path: Path): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");

/** Every problem of a configuration file at once. */
export class ConfigError extends KeyturnError {
  readonly problems: readonly Problem[];

  /** @param file as the person named it */
  constructor(file: string, problems: readonly Problem[], next?: string) {
    const safe = problems.map((each) => ({ ...each, path: redact(each.path), message: redact(each.message) }));
    super("CONFIG_INVALID", sentence(file, safe), next === undefined ? {} : { next });
    this.problems = safe;
  }
}

function sentence(file: string, problems: readonly Problem[]): string {
  const lines = problems.map((each) => {
    const place = each.line === null ? file : `${file}:${each.line}:${each.column ?? 1}`;
    return `  ${place}  ${each.path === "" ? "" : `${each.path}: `}${each.message}`;
  });
  return `${file} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${lines.join("\n")}`;
}

/** Our words for what zod finds; the fields' own messages go first. */
export function sayIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? "is missing"
        : `must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case "invalid_value":
      return `must be one of: ${issue.values.join(", ")}`;
    case "too_small":
      if (issue.origin === "array") return "must have at least one entry";
      if (issue.origin === "string") return "must not be empty";
      return `must be at least ${issue.minimum}`;
    case "too_big":
      return issue.origin === "string"
        ? `must not be longer than ${issue.maximum} characters`
        : `must be at most ${issue.maximum}`;
    case "invalid_format":
      return issue.format === "url" ? "must be an address such as https://example.com" : "has the wrong form";
    default:
      return undefined;
  }
}

const EXPECTED: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping (lines of `key: value`)",
  record: "a mapping (lines of `key: value`)",
};

function kindOf(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a mapping";
  if (typeof input === "string") return "a text";
  if (typeof input === "boolean") return String(input);
  return typeof input === "number" ? `the number ${input}` : typeof input;
}
