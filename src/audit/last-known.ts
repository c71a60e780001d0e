import type { AuditEntry, LastKnown } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { compare } from "./chain.ts";

/**
 * Gathers, from entries in any order, the newest checkpoint of each rotation and the newest word on each hold.
 * Of a rotation the one that knows most is the newest (`knowsUpTo`): a Redis that was set back goes on in a later epoch with
 * older records, while what it had confirmed before is in the sink; a rebuild jumps over all revisions that were ever written.
 * Only a completion is above them: its key is archived, whatever another life of the rotation still asks for (split brain). Of
 * holds, and where two know as much, the chain's order decides.
 */
export function lastKnownGatherer(): { take(entry: AuditEntry): void; result(): LastKnown } {
  const rotations = new Map<string, ChainPosition & { ended: boolean; revision: number; record: unknown }>();
  const lives = new Map<string, Map<string, ChainPosition & { revision: number; record: unknown }>>();
  const subjects = new Map<string, ChainPosition & { held: { actor: string; at: number } | null }>();

  let since: number | null = null;

  function take(entry: AuditEntry): void {
    since = Math.min(since ?? entry.at, entry.at);
    const { epoch, seq, rotation, checkpoint } = entry;
    if (rotation !== null && isRecord(checkpoint) && isFurther(entry, checkpoint, rotations.get(rotation))) {
      const ended = checkpoint["endedAt"] !== null && checkpoint["endedAt"] !== undefined;
      // Of an ended rotation only the fact is kept: an older checkpoint may still turn up further down.
      rotations.set(rotation, {
        epoch,
        seq,
        ended,
        revision: rankOf(checkpoint),
        record: ended ? null : checkpoint,
      });
      if (ended) lives.delete(rotation);
    }
    if (rotation !== null && isRecord(checkpoint)) takeLife(entry, rotation, checkpoint);
    const subject = entry.evidence["subject"];
    if (
      (entry.action === "hold.set" || entry.action === "hold.removed") &&
      typeof subject === "string" &&
      isNewer(entry, subjects.get(subject))
    ) {
      subjects.set(subject, {
        epoch,
        seq,
        held: entry.action === "hold.set" ? { actor: entry.actor, at: entry.at } : null,
      });
    }
  }

  function takeLife(entry: ChainPosition, rotation: string, checkpoint: Record<string, unknown>): void {
    const fingerprint = promotedFingerprint(checkpoint);
    if (fingerprint === null) return;
    const ofRotation = lives.get(rotation) ?? new Map<string, ChainPosition & { revision: number; record: unknown }>();
    if (isFurther(entry, checkpoint, ofRotation.get(fingerprint))) {
      const { epoch, seq } = entry;
      ofRotation.set(fingerprint, { epoch, seq, revision: rankOf(checkpoint), record: checkpoint });
      lives.set(rotation, ofRotation);
    }
  }

  function result(): LastKnown {
    const checkpoints: LastKnown["checkpoints"] = new Map();
    const finished: LastKnown["ended"] = new Map();
    for (const [id, { ended, revision, record }] of rotations) {
      if (ended) finished.set(id, revision);
      else checkpoints.set(id, { revision, record });
    }
    const holds: LastKnown["holds"] = new Map();
    for (const [subject, { held }] of subjects) if (held !== null) holds.set(subject, held);
    const ofOpen = [...lives].filter(([id]) => checkpoints.has(id));
    const records = ofOpen.map(([id, byKey]) => [id, [...byKey.values()].map(({ record }) => record)] as const);
    return { checkpoints, lives: new Map(records), ended: finished, holds, since };
  }
  return { take, result };
}

const isNewer = (entry: ChainPosition, known: ChainPosition | undefined): boolean =>
  known === undefined || compare(entry, known) > 0;
const isFurther = (
  entry: ChainPosition,
  checkpoint: Record<string, unknown>,
  known: (ChainPosition & { revision: number }) | undefined,
): boolean => {
  const rank = rankOf(checkpoint);
  if (Number.isNaN(rank)) return false;
  return known === undefined || rank > known.revision || (rank === known.revision && isNewer(entry, known));
};

/** States before anything is promoted, and ends: a replacement that was given up there is in no destination. */
const NOT_PROMOTED: readonly unknown[] = ["awaiting_approval", "awaiting_replacement", "verifying"];

/** The fingerprint of the replacement that this open checkpoint began to make current. */
function promotedFingerprint({ state, endedAt, replacement }: Record<string, unknown>): string | null {
  if (endedAt !== null || NOT_PROMOTED.includes(state) || !isRecord(replacement)) return null;
  const { fingerprint } = replacement;
  return typeof fingerprint === "string" ? fingerprint : null;
}

/** NaN: it has no revision, so it is no checkpoint of ours. */
function rankOf({ revision, onRecord, state }: Record<string, unknown>): number {
  if (typeof revision !== "number" || !Number.isSafeInteger(revision)) return Number.NaN;
  if (state === "completed") return Infinity;
  const upTo = isRecord(onRecord) && onRecord["revision"] === revision ? onRecord["upTo"] : revision;
  return typeof upTo === "number" ? upTo : revision;
}
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
