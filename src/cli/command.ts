import type { ParseArgsOptionsConfig } from "node:util";
import type { LoadedConfig } from "../../config/load.ts";
import type { App } from "../compose.ts";

/** What a command gets to work with; configuration and connections are made on first use. */
export interface Context {
  values: Record<string, string | boolean | string[] | undefined>;
  positionals: string[];
  json: boolean;
  /** The result; for commands that write it piece by piece. */
  stdout: NodeJS.WritableStream;
  /** Human progress and questions; never the result. */
  stderr: NodeJS.WritableStream;
  /** Where `submit` reads the key from. */
  stdin: NodeJS.ReadStream;
  config(): LoadedConfig;
  /** Connects; closed by `main` whatever happens. @param change makes another configuration of it, for this process alone */
  app(change?: (loaded: LoadedConfig) => LoadedConfig): Promise<App>;
}

/** A command's result: one JSON document, or text for a person; and the exit code (0 when absent). */
export interface Outcome {
  json: unknown;
  text: string;
  exit?: number;
}

export interface Command {
  /** One or two words, as typed. */
  name: string;
  /** What follows the name, for the help. */
  usage: string;
  summary: string;
  /** How many positional arguments; checked before `run`. */
  positionals: readonly [min: number, max: number];
  options?: ParseArgsOptionsConfig;
  /** Log lines of this level and above go to stderr. */
  logLevel?: "info" | "warn";
  /** Whose log is collected: always, or unless a person runs it in a terminal. The others speak to a person. */
  collected?: "always" | "unattended";
  /** null: the command has printed what there is (a stream, a server). */
  run(context: Context): Promise<Outcome | null>;
}
