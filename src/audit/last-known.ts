import type { AuditEntry, LastKnown } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { compare, isObject } from "./chain.ts";
import { Lives } from "./lives.ts";

/** Gathers, from entries in any order, what counts of each rotation (`Lives`) and the newest word on each hold. */
export function lastKnownGatherer(): { take(entry: AuditEntry): void; result(): LastKnown } {
  const rotations = new Map<string, Lives>();
  const subjects = new Map<string, ChainPosition & { held: { actor: string; at: number } | null }>();

  let since: number | null = null;

  function take(entry: AuditEntry): void {
    since = Math.min(since ?? entry.at, entry.at);
    const { epoch, seq, rotation, checkpoint } = entry;
    if (rotation !== null && isObject(checkpoint)) {
      const lives = rotations.get(rotation) ?? new Lives();
      rotations.set(rotation, lives);
      lives.take(entry, checkpoint);
    }
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

  function result(): LastKnown {
    const known: LastKnown = { checkpoints: new Map(), lives: new Map(), ended: new Map(), holds: new Map(), since };
    for (const [id, { newest, others }] of rotations) {
      if (newest === null) continue;
      if (newest.ended) known.ended.set(id, newest.rank);
      else known.checkpoints.set(id, { revision: newest.rank, record: newest.record });
      if (!newest.ended && others.length > 0) known.lives.set(id, others);
    }
    for (const [subject, { held }] of subjects) if (held !== null) known.holds.set(subject, held);
    return known;
  }
  return { take, result };
}

const isNewer = (entry: ChainPosition, known: ChainPosition | undefined): boolean =>
  known === undefined || compare(entry, known) > 0;
