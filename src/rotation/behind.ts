import { KeyturnError } from "./errors.ts";
import type { Rotation } from "./record.ts";

type Known = Pick<Rotation, "revision" | "attention">;

/** Whether this record was found to be older than the audit sink or its marks, and was not rebuilt since (R16). */
export const isBehind = ({ attention }: Pick<Rotation, "attention">): boolean => attention?.code === "state_behind";

/**
 * The revision up to which this record knows what happened. Each look at a record that is behind raises its revision; what it
 * knows stays as old as it was, or a few looks would make it seem up to date.
 */
export const knowsUpTo = (r: Known): number => (isBehind(r) ? (r.attention?.revision ?? r.revision) : r.revision);

/** People must not decide on what is out of date. @throws WRONG_STATE (75): a scan rebuilds it first */
export function refuseBehind(r: Pick<Rotation, "id" | "attention">): void {
  if (isBehind(r))
    throw new KeyturnError(
      "WRONG_STATE",
      `Redis has an older state of ${r.id} than the audit log or the marks; it is rebuilt by a scan.`,
      { next: "Run `keyturn scan`, or wait: `serve` scans by itself. Then look at it again and decide." },
    );
}
