import type { AuditDraft, AuditEntry, ChainHead } from "./audit.ts";

/**
 * The chain's home in Redis: the head and a stream of the newest entries. Every write compares the head it was
 * linked to, so that two processes never fork the chain (R18).
 */
export interface Journal {
  /** null: Redis has no chain (never had, or was emptied). */
  head(): Promise<ChainHead | null>;
  /** Appends linked entries when the head is still `expected` (null: when there is no chain). Repeating is safe. */
  append(link: Link): Promise<Attempt>;
  /** Entries after a position (null: from the oldest one kept), oldest first, at most `limit`. */
  read(after: ChainPosition | null, limit: number): Promise<AuditEntry[]>;
  /** Drops all but the newest `keep` entries. Only entries that are safe in a sink may be dropped. */
  trim(keep: number): Promise<void>;
  /** Drops all entries before a position. */
  dropBefore(position: ChainPosition): Promise<void>;
  /** Up to where a sink is known to be complete and synced; null when nobody noted it. */
  shipped(sink: string): Promise<ChainPosition | null>;
  /** Notes the above; never moves backwards within Redis's lifetime. */
  noteShipped(sink: string, position: ChainPosition): Promise<void>;
}

export interface ChainPosition {
  epoch: number;
  seq: number;
}

/** Entries ready to be written, and the head they were linked to. */
export interface Link {
  expected: ChainHead | null;
  entries: readonly AuditEntry[];
}

/** Whether a write happened; `moved` carries the head that is really there. Any other refusal throws. */
export type Attempt = { done: true } | { done: false; moved: ChainHead | null };

/** Links drafts to the chain, one writer at a time per process, and hands what was written to the sinks. */
export interface ChainWriter {
  /**
   * Calls `attempt` with linked entries until the head matches; starts a new epoch first where Redis has none or an
   * outdated one. What `attempt` throws is thrown on; nothing reaches the sinks then.
   */
  write(drafts: readonly AuditDraft[], attempt: (link: Link) => Promise<Attempt>): Promise<void>;
}
