import { KeyturnError } from "./errors.ts";
import type { Instant, Rotation } from "./record.ts";

type Known = Pick<Rotation, "revision" | "attention">;

/** Whether this record was found to be older than the audit sink or its marks, and was not rebuilt since (R16). */
export const isBehind = ({ attention }: Pick<Rotation, "attention">): boolean => attention?.code === "state_behind";

/**
 * The revision up to which this record knows what happened. Each look at a record that is behind raises its revision; what it
 * knows stays as old as it was, or a few looks would make it seem up to date.
 */
export const knowsUpTo = (r: Known): number => (isBehind(r) ? (r.attention?.revision ?? r.revision) : r.revision);

/** What a scan has not rebuilt by then, it cannot (milliseconds): people must find a way out (failures.md 15). */
const REBUILT_WITHIN_MS = 10 * 60_000;

/** People must not decide on what is out of date while a scan may still rebuild it. @throws WRONG_STATE (75) */
export function refuseBehind(r: Pick<Rotation, "id" | "attention">, now: Instant): void {
  if (isBehind(r) && now - (r.attention?.since ?? now) < REBUILT_WITHIN_MS)
    throw new KeyturnError(
      "WRONG_STATE",
      `Redis has an older state of ${r.id} than the audit log or the marks; it is rebuilt by a scan.`,
      { next: "Run `keyturn scan`, or wait: `serve` scans by itself. Then look at it again and decide." },
    );
}
