import { KeyturnError } from "./errors.ts";
import type { MarksSeen } from "./observation.ts";
import type { Instant, Rotation } from "./record.ts";

/** Whether this record was found to be older than the audit sink or its marks, and was not rebuilt since (R16). */
export const isBehind = ({ attention }: Pick<Rotation, "attention">): boolean => attention?.code === "state_behind";

/**
 * The revision up to which this record knows what happened: of its newest save on record. Looks and failed steps raise its
 * revision too; after a few of them a record that Redis has set back would otherwise seem as new as what it has lost.
 */
export const knowsUpTo = ({ revision, onRecord }: Pick<Rotation, "revision" | "onRecord">): number =>
  onRecord?.revision === revision ? onRecord.upTo : revision;

/**
 * Whether the marks tell of more than the record knows. By number; and, since two masters may both have gone on for a while
 * and a rebuild jumps over all numbers, by a replacement that is in use and that the record never heard of.
 */
export const isOutrun = (r: Pick<Rotation, "revision" | "onRecord" | "settledKey">, marks: MarksSeen | null): boolean =>
  marks !== null &&
  (marks.revision > knowsUpTo(r) || (marks.unknownReplacement !== null && marks.unknownReplacement !== r.settledKey));

/** More than the looks of a waiting rotation, which raise the revision and are not on record, over many years. */
const JUMP = 1_000_000;

/**
 * A revision above everything that was ever written, so that no stale worker's compare-and-set can match and no mark is
 * ahead of the record.
 */
export const revisionAfter = (...known: number[]): number => Math.max(0, ...known) + JUMP;

/**
 * The record as it is saved with an entry in the audit log that says how it went on. One that is behind learns nothing by that.
 * @param before what was saved last; null: there was none, or it does not matter
 */
export function onRecord(before: Rotation | null, after: Rotation): Rotation {
  const { revision } = after;
  const known = before === null ? 0 : knowsUpTo(before);
  return { ...after, onRecord: { revision, upTo: isBehind(after) ? known : Math.max(revision, known) } };
}

/**
 * The record as a person decides on it although it is behind: from here on it knows better than what it has lost.
 * @param marks of it, as far as they can be read
 */
export function decidedAllTheSame(r: Rotation, marks: MarksSeen | null): Rotation {
  const upTo = revisionAfter(knowsUpTo(r), marks?.revision ?? 0);
  const key = marks?.unknownReplacement ?? null;
  return { ...r, onRecord: { revision: r.revision, upTo }, ...(key === null ? {} : { settledKey: key }) };
}

/** What a scan has not rebuilt by then, it cannot (milliseconds): people must find a way out (failures.md 15). */
const REBUILT_WITHIN_MS = 10 * 60_000;

/** People must not decide on what is out of date while a scan may still rebuild it. @throws WRONG_STATE (75) */
export function refuseBehind(r: Pick<Rotation, "id" | "attention">, now: Instant): void {
  if (isBehind(r) && now - (r.attention?.since ?? now) < REBUILT_WITHIN_MS) throw behindError(r);
}

export const behindError = ({ id }: Pick<Rotation, "id">): KeyturnError =>
  new KeyturnError(
    "WRONG_STATE",
    `Redis has an older state of ${id} than the audit log or the marks; it is rebuilt by a scan.`,
    {
      reason: "state_behind",
      next: "Run `keyturn scan`, or wait: `serve` scans by itself. Then look at it again and decide.",
    },
  );
