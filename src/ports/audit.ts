import type { Instant } from "../rotation/record.ts";

/** What a use case wants on record. */
export interface AuditDraft {
  at: Instant;
  /** null for entries about the installation itself. */
  rotation: string | null;
  target: string | null;
  /** `approval.granted`, `deactivate.intended`, `state.changed` … (docs/audit.md lists them). */
  action: string;
  /** Who: `cli:user@host`, `slack:U…`, `keyturn` for ourselves. */
  actor: string;
  /** Through what: `cli`, `worker`, `scan` … */
  via: string;
  /** Facts that justify it. Never key text. JSON values only. */
  evidence: Record<string, unknown>;
  /** Set with every change of a record: the record without its history, so that a lost Redis is rebuilt from the sink (P8). */
  checkpoint?: unknown;
}

/** An entry of the chain. `hash` covers all other fields (canonical JSON) and thereby `prev`. */
export interface AuditEntry extends AuditDraft {
  schema: 1;
  install: string;
  /** Starts anew when Redis was lost or restored; ascending. */
  epoch: number;
  /** Ascending over all epochs without gaps. */
  seq: number;
  prev: string;
  hash: string;
}

export interface ChainHead {
  epoch: number;
  seq: number;
  hash: string;
}

/** `tornLines`: lines that a crash cut short; their entries were shipped again or show as missing. Absent: none. */
export type ChainVerdict = { tornLines?: number } & (
  | { intact: true; head: ChainHead | null; entries: number; epochs: number; unshippedTail: number; source: string }
  | { intact: false; firstBad: { epoch: number; seq: number }; why: string; entries: number; source: string }
);

/** What a whole chain proves. */
export interface LastKnown {
  /** The last checkpoint of every rotation that had not ended. */
  checkpoints: Map<string, { revision: number; record: unknown }>;
  /**
   * Of rotations in `checkpoints` that a split brain gave another life: the furthest checkpoint of each, which began to promote
   * another key than `checkpoints` knows of, and has not ended.
   */
  lives: Map<string, unknown[]>;
  /** Rotations that had ended, with their last revision; infinite for a completed one, which nothing takes back. */
  ended: Map<string, number>;
  /** Holds in force. */
  holds: Map<string, { actor: string; at: Instant }>;
  /** Time of the oldest entry: of what was before, it knows nothing. null: it is empty. */
  since: Instant | null;
}

/** The chain as the use cases see it. */
export interface AuditTrail {
  /** Appends entries that belong to no record change. Durable in Redis and handed to the sink. */
  append(drafts: readonly AuditDraft[]): Promise<void>;
  /**
   * Returns once everything this process appended or committed is synced in the sink. Call it before any outside
   * effect. @throws SINK_UNAVAILABLE: then nothing destructive may happen.
   */
  sync(): Promise<void>;
  /** Copies entries that are in Redis but not in the sink (a process died in between); starts a new epoch when Redis is empty or older than the sink. */
  reconcile(): Promise<void>;
  /** Checks the chain of the readable sink. */
  verify(source?: { file: string }): Promise<ChainVerdict>;
  /** The chain's entries in order, from the sink. */
  entries(source?: { file: string }): AsyncIterable<AuditEntry>;
  /**
   * From the verified sink; null when there is no readable one or its chain is broken: then it proves nothing (R2).
   */
  lastKnown(): Promise<LastKnown | null>;
  head(): Promise<ChainHead | null>;
  /** Entries that Redis has and the sink is not known to have, of this host; null: nothing is on record yet. */
  unshipped(): Promise<number | null>;
  close(): Promise<void>;
}
