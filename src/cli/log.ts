import { pino } from "pino";
import { currentLogFields } from "../app/log-fields.ts";
import { version } from "./version.ts";

export type PinoLog = ReturnType<typeof createLog>;

/** Last net, not the first: key-shaped text in a message or field never reaches the stream (facts: security.md 8). */
const scrub = (line: string): string => line.replaceAll(/sk-ant-[A-Za-z0-9_-]{20,}/g, "[key]");

/** A line that names its rotation itself. */
const isAboutAnother = (line: object, during: object): boolean =>
  "rotation" in line && "rotation" in during && line.rotation !== during.rotation;

/**
 * The log: one JSON line each on stderr, so that stdout stays the command's answer. Errors are reduced to class, code and
 * our own frames. KEYTURN_LOG_LEVEL overrides the level.
 */
export function createLog(level: "info" | "warn") {
  return pino(
    {
      level: process.env["KEYTURN_LOG_LEVEL"] ?? level,
      base: { service: "keyturn", version: version() },
      // What is said during a step is about its rotation, also where it is said by an adapter that knows of none.
      mixin: () => ({ ...currentLogFields() }),
      mixinMergeStrategy: (line: object, during: object) =>
        isAboutAnother(line, during) ? line : { ...during, ...line },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {
        err: (error: unknown) =>
          error instanceof Error
            ? { type: error.name, code: "code" in error ? error.code : undefined, stack: error.stack }
            : { type: typeof error },
      },
    },
    { write: (line: string) => void process.stderr.write(scrub(line)) },
  );
}
