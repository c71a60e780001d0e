import { parseDuration } from "../../config/duration.ts";
import { KeyturnError } from "../rotation/errors.ts";

/** `2026-12-01`, an RFC 3339 time, or a duration from now. Answers in epoch milliseconds. @throws USAGE */
export function parseInstant(given: string | null, now: number): number {
  if (given === null)
    throw new KeyturnError("USAGE", "--until needs a time (2026-12-01T09:00:00Z) or a duration (3d).");
  const duration = parseDuration(given);
  if ("ms" in duration) return now + duration.ms;
  const at = /^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:\d{2}))?$/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(at))
    throw new KeyturnError("USAGE", "--until is neither a time with zone (2026-12-01T09:00:00Z) nor a duration (3d).");
  return at;
}

/** A duration option in milliseconds. @throws USAGE naming the option */
export function parseDurationOption(name: string, given: string | null, fallback: number): number {
  if (given === null) return fallback;
  const duration = parseDuration(given);
  if (!("ms" in duration)) throw new KeyturnError("USAGE", `--${name}: ${duration.problem}`);
  return duration.ms;
}
