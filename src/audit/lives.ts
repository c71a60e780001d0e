import type { ChainPosition } from "../ports/chain.ts";
import { compare, isObject } from "./chain.ts";

/** A checkpoint of a rotation, as far as it matters which of them counts. */
interface Seen extends ChainPosition {
  /** How much it knows: see `knowsUpTo` in src/rotation/behind.ts. Infinite for a completion. */
  rank: number;
  ended: boolean;
  /** The fingerprint of a replacement that it began to promote, or ended with. */
  key: string | null;
  /** null: it had ended, of which only the fact is kept. */
  record: unknown;
}

/**
 * All that the sink has of one rotation, from checkpoints in any order. Of one life the checkpoint that knows most counts: a
 * Redis that was set back goes on in a later epoch with older records, while what it had confirmed before is in the sink; a
 * rebuild jumps over all revisions that were ever written. Where two know as much, the chain's order decides. After a split brain
 * there may be another life, which promoted another key; it is kept too, until it has ended.
 */
export class Lives {
  #newest: Seen | null = null;
  /** By key; only what `#newest` does not say already. */
  #others: Map<string, Seen> | null = null;

  take(position: ChainPosition, checkpoint: Record<string, unknown>): void {
    const seen = seenIn(position, checkpoint);
    if (seen === null) return;
    const before = this.#newest;
    if (isFurther(seen, before)) {
      this.#newest = seen;
      if (before !== null) this.#note(before);
    } else this.#note(seen);
    // Each key once, where it is known best.
    this.#others?.delete(this.#newest?.key ?? "");
  }

  #note(seen: Seen): void {
    const { key } = seen;
    if (key === null || key === this.#newest?.key) return;
    this.#others ??= new Map();
    if (isFurther(seen, this.#others.get(key) ?? null)) this.#others.set(key, seen);
  }

  get newest(): Pick<Seen, "rank" | "ended" | "record"> | null {
    return this.#newest;
  }

  /** The furthest checkpoint of each life that promoted another key than the newest one knows of, and that has not ended. */
  get others(): unknown[] {
    return [...(this.#others?.values() ?? [])].flatMap(({ ended, record }) => (ended ? [] : [record]));
  }
}

const isFurther = (seen: Seen, known: Seen | null): boolean =>
  known === null || seen.rank > known.rank || (seen.rank === known.rank && compare(seen, known) > 0);

function seenIn({ epoch, seq }: ChainPosition, checkpoint: Record<string, unknown>): Seen | null {
  const rank = rankOf(checkpoint);
  if (rank === null) return null;
  const ended = checkpoint["endedAt"] !== null && checkpoint["endedAt"] !== undefined;
  const key = ended || isPromoting(checkpoint) ? fingerprintIn(checkpoint) : null;
  return { epoch, seq, rank, ended, key, record: ended ? null : checkpoint };
}

/** null: it has no revision, so it is no checkpoint of ours. */
function rankOf({ revision, onRecord, state }: Record<string, unknown>): number | null {
  if (typeof revision !== "number" || !Number.isSafeInteger(revision)) return null;
  if (state === "completed") return Infinity;
  const upTo = isObject(onRecord) && onRecord["revision"] === revision ? onRecord["upTo"] : revision;
  return typeof upTo === "number" ? upTo : revision;
}

/** In these a replacement can still be given up; or, in the last two, when it had not been promoted before. */
const NOT_YET: readonly unknown[] = ["awaiting_approval", "awaiting_replacement", "verifying"];
const PERHAPS: readonly unknown[] = ["revoking", "reinstating"];

function isPromoting({ state, progress }: Record<string, unknown>): boolean {
  if (!PERHAPS.includes(state)) return !NOT_YET.includes(state);
  return Array.isArray(progress) && progress.some((p) => isObject(p) && typeof p["promotedAt"] === "number");
}

function fingerprintIn({ replacement }: Record<string, unknown>): string | null {
  const fingerprint = isObject(replacement) ? replacement["fingerprint"] : null;
  return typeof fingerprint === "string" ? fingerprint : null;
}
