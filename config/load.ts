import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Settings } from "../src/ports/settings.ts";
import { KeyturnError } from "../src/rotation/errors.ts";
import { checkConfig } from "./checks.ts";
import { ConfigError, type Path, type Problem, sayIssue } from "./problems.ts";
import { findSecrets } from "./redact.ts";
import { DEFAULT_REDIS_URL } from "./redis.ts";
import { type Plain, withoutWrongParts } from "./repair.ts";
import { type Config, configSchema } from "./schema.ts";
import { toSettings } from "./settings.ts";
import { type Warning, warningsFor } from "./warnings.ts";
import { type Source, readYaml } from "./yaml.ts";

export const DEFAULT_FILE = "config/keyturn.yaml";
const EXAMPLE_FILE = "config/keyturn.example.yaml";

/** Far above any real file; guards against naming a log or a device. */
const LARGEST_BYTES = 1024 * 1024;

export interface LoadedConfig {
  config: Config;
  settings: Settings;
  /** Absolute. */
  file: string;
  /** SHA-256 of the file's content in hex: which configuration a process runs with (R15). */
  hash: string;
  /** When the file was last changed, in milliseconds since 1970 UTC. */
  mtimeMs: number;
  warnings: Warning[];
}

/**
 * Reads and checks the configuration: `path` (from `--config`), else KEYTURN_CONFIG, else config/keyturn.yaml.
 * Relative paths, also those in the file, start at the working directory.
 * @throws CONFIG_INVALID (a ConfigError with every problem) when it is missing, unreadable or wrong
 */
export function loadConfig(
  given: { path?: string | undefined; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): LoadedConfig {
  const named = given.path ?? ((given.env ?? process.env)["KEYTURN_CONFIG"] || undefined);
  const shown = named ?? DEFAULT_FILE;
  const file = resolve(given.cwd ?? process.cwd(), shown);
  const { bytes, mtimeMs } = read(file, shown, named === undefined);
  const config = parseConfig(bytes.toString("utf8"), shown);
  return {
    config,
    settings: toSettings(config, shown),
    file,
    hash: createHash("sha256").update(bytes).digest("hex"),
    mtimeMs,
    warnings: warningsFor(config),
  };
}

/** Checks the text of a configuration file. @param shown its name in messages. @throws CONFIG_INVALID (ConfigError) */
export function parseConfig(text: string, shown: string): Config {
  const source = readYaml(text);
  const problems = [...source.secrets];
  const stop = (...more: Problem[]): ConfigError => new ConfigError(shown, inOrder([...problems, ...more]));
  if (source.problems.length > 0) throw stop(...source.problems);
  if (source.data === null) throw stop(inFile(`is empty; start from ${EXAMPLE_FILE}`));
  if (typeof source.data !== "object" || Array.isArray(source.data)) {
    throw stop(inFile(`must be a mapping (lines of \`key: value\`); start from ${EXAMPLE_FILE}`));
  }
  const config = checkShape(source, problems);
  if (config !== null) {
    const written = source.data as Plain;
    checkConfig(config, namesIn(written), (path, message) => addNew(problems, source.problemAt(path, message)));
  }
  if (config === null || problems.length > 0) throw stop();
  return withRedis(config);
}

/**
 * Checks types, limits and unknown keys. With problems, what is left when the wrong parts are taken out is returned,
 * so that the checks of how settings fit together can report as well; null when nothing usable is left.
 */
function checkShape(source: Source, problems: Problem[]): Config | null {
  const result = configSchema.safeParse(source.data, { error: sayIssue });
  if (result.success) return result.data;
  problems.push(...result.error.issues.flatMap((issue) => problemsOf(issue, source)));
  return configSchema.safeParse(withoutWrongParts(source.data as Plain, result.error.issues)).data ?? null;
}

/** The names in the file, whether or not their entries are right. */
function namesIn(data: Plain): { stores: string[]; targets: string[] } {
  const keys = (value: unknown) => (typeof value === "object" && value !== null ? Object.keys(value) : []);
  return { stores: keys(data["stores"]), targets: keys(data["targets"]) };
}

/** A follow-up of a problem already reported at the same place says nothing new. */
function addNew(problems: Problem[], next: Problem): void {
  if (!problems.some((each) => each.path === next.path)) problems.push(next);
}

const withRedis = (config: Config): Config => {
  const { redis } = config;
  const isNamed = [redis.url, redis.sentinels, redis.cluster, redis.embedded].some((each) => each !== undefined);
  return isNamed ? config : { ...config, redis: { ...redis, url: DEFAULT_REDIS_URL } };
};

function problemsOf(
  issue: { code: string; path: PropertyKey[]; message: string; keys?: string[] },
  source: Source,
): Problem[] {
  const path: Path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  // A pasted secret is a problem of its own already; that it is no reference as well says nothing new.
  if (isSecret(valueAt(source.data, path))) return [];
  if (issue.code !== "unrecognized_keys" || issue.keys === undefined) return [source.problemAt(path, issue.message)];
  const messages = issue.message.split("\n");
  return issue.keys.flatMap((key, index) =>
    isSecret(key) ? [] : [source.problemAt([...path, key], messages[index] ?? "is not a known key")],
  );
}

const isSecret = (value: unknown): boolean => typeof value === "string" && findSecrets(value).length > 0;
const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, part) => (typeof at === "object" && at !== null ? Reflect.get(at, part) : undefined), data);

function read(file: string, shown: string, isDefault: boolean): { bytes: Buffer; mtimeMs: number } {
  try {
    const { size, mtimeMs } = statSync(file);
    if (size > LARGEST_BYTES) throw new ConfigError(shown, [inFile("is larger than 1 MB; is this the right file?")]);
    return { bytes: readFileSync(file), mtimeMs };
  } catch (error) {
    if (error instanceof KeyturnError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    const message = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    const next = isDefault
      ? `Copy ${EXAMPLE_FILE} to ${DEFAULT_FILE}, or name another file with --config or KEYTURN_CONFIG.`
      : "Check the path given with --config or KEYTURN_CONFIG.";
    throw new ConfigError(shown, [inFile(message)], next);
  }
}

const inFile = (message: string): Problem => ({ path: "", message, line: null, column: null });

const inOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
