#!/usr/bin/env node
import { loadConfig } from "../../config/load.ts";
import { type App, compose } from "../compose.ts";
import { asKeyturnError } from "../rotation/errors.ts";
import { commandFirst, parse, refuseKeys, unknownCommand } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { findCommand } from "./commands/index.ts";
import { helpFor, overview } from "./help.ts";
import { createLog } from "./log.ts";
import { suggest } from "./suggest.ts";
import { version } from "./version.ts";

/** What of `process` a command line uses; tests give their own. */
export interface Streams {
  stdin?: NodeJS.ReadStream;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

/** Runs one command line; answers with the exit code. Everything a user sees passes through here. */
export async function main(given: readonly string[], streams: Streams): Promise<number> {
  const json = given.includes("--json");
  const document = (value: unknown): string => `${JSON.stringify(value, null, isTerminal(streams.stdout) ? 2 : 0)}\n`;
  let app: App | null = null;
  let command: Command | null = null;
  let meant = (): string => "";
  try {
    refuseKeys(given);
    const argv = commandFirst(given);
    if (argv.length === 0 || argv[0] === "help" || argv[0] === "--help" || argv[0] === "-h") {
      const words = argv[0] === "help" ? argv.slice(1).filter((word) => !word.startsWith("-")) : [];
      const about = findCommand(words)?.command;
      if (about === undefined && words.length > 0) throw unknownCommand(words);
      streams.stdout.write(about === undefined ? overview() : helpFor(about));
      return 0;
    }
    if (argv[0] === "--version" || argv[0] === "version") {
      streams.stdout.write(`keyturn ${version()} (node ${process.versions.node})\n`);
      return 0;
    }
    const found = findCommand(argv);
    if (found === null) throw unknownCommand(argv);
    command = found.command;
    const parsed = parse(found.command, found.rest);
    if (parsed.values["help"] === true) {
      streams.stdout.write(helpFor(found.command));
      return 0;
    }
    let loaded: ReturnType<typeof loadConfig> | null = null;
    const path = typeof parsed.values["config"] === "string" ? parsed.values["config"] : undefined;
    const context: Context = {
      ...parsed,
      json,
      stdin: streams.stdin ?? process.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      config: () => (loaded ??= loadConfig({ path })),
      app: async (change = (same) => same) =>
        (app ??= await compose(change(context.config()), {
          log: createLog(found.command.logLevel ?? "warn"),
          logIsKept: isCollected(found.command, process),
        })),
    };
    const [name] = parsed.positionals;
    if (name !== undefined) meant = () => suggest(name, Object.keys(context.config().config.targets));
    const outcome = await found.command.run(context);
    if (outcome !== null) streams.stdout.write(json ? document(outcome.json) : withNewline(outcome.text));
    return outcome?.exit ?? 0;
  } catch (thrown) {
    const error = asKeyturnError(thrown);
    if (error.code === "INTERNAL" && process.env["KEYTURN_DEBUG"] !== undefined)
      streams.stderr.write(`${error.stack}\n`);
    const message = error.code === "NOT_FOUND" ? `${error.message}${meant()}` : error.message;
    const shown = { code: error.reason ?? error.code.toLowerCase(), message, next: error.next };
    if (command !== null) logFailure(command, { ...shown, exit: error.exit });
    if (json) streams.stdout.write(document({ schema: 1, error: shown }));
    else streams.stderr.write(`keyturn: ${shown.message}\n  next: ${shown.next}\n`);
    return error.exit;
  } finally {
    await (app as App | null)?.close();
  }
}

/** For whoever searches the collected logs: the words for a person, which follow, are no JSON. */
function logFailure(command: Command, failed: { code: string; message: string; next: string; exit: number }): void {
  if (!isCollected(command, process)) return;
  const { message, ...fields } = failed;
  createLog("warn").error({ event: "command.failed", command: command.name, ...fields }, message);
}

/**
 * Whether the log of this command is kept by somebody. Not with `kubectl exec` and `docker exec`: such a process is beside process 1
 * and its parent outside of the container, and what it says goes to whoever typed it.
 */
export function isCollected(
  { collected }: Pick<Command, "collected">,
  { pid, ppid, stderr }: { pid: number; ppid: number; stderr: { isTTY?: boolean } },
): boolean {
  if (collected !== "unattended") return collected === "always";
  return stderr.isTTY !== true && (pid === 1 || ppid !== 0);
}

/** A person gets it indented; a collector of lines, such as `kubectl logs`, gets one line. */
const isTerminal = (stream: NodeJS.WritableStream): boolean => "isTTY" in stream && stream.isTTY === true;
const withNewline = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

/** As process 1 of a container the system's own reaction to a signal is missing; commands with a reaction of their own keep it. */
function endOnSignals(): void {
  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ] as const)
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number);
    });
}

if (import.meta.main) {
  if (process.pid === 1) endOnSignals();
  process.exitCode = await main(process.argv.slice(2), process);
  // Idle sockets of HTTP clients must not keep a finished command alive.
  if (process.stdout.writableLength === 0) process.exit();
  process.stdout.once("drain", () => process.exit());
}
