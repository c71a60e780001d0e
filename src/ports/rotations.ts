import type { Instant, Rotation } from "../rotation/record.ts";
import type { AuditDraft } from "./audit.ts";

/** What a target's last end without `completed` leaves behind (R20). */
export interface Aftermath {
  rotationId: string;
  state: string;
  notBefore: Instant | null;
  /** Ends in a row without `completed`. */
  failures: number;
}

export interface Commit {
  /** The new record; its revision is the expected one plus 1, or higher when it was rebuilt: above what the sink knew (R16). */
  record: Rotation;
  /** 0: the record must not exist yet. */
  expectedRevision: number;
  /** Names that this rotation holds from now on; those it held before and are not named are released. */
  locks: readonly string[];
  /** Entries for the audit chain, made durable in Redis by the same script that changes the record (R18). */
  audit: readonly AuditDraft[];
  /** With a move: the state that was left and since when it was there. For those who measure; it is not kept. */
  left?: { state: string; since: Instant };
  /** Written or cleared with an end; absent: left alone. */
  aftermath?: { targets: readonly string[]; value: Aftermath | null };
}

/** The records. One script changes record, locks, due index and audit head together, or nothing at all. */
export interface RotationStore {
  /** null when there is none. */
  load(id: string): Promise<Rotation | null>;
  /**
   * Compare-and-set. Afterwards the entries are also handed to the sink (see AuditTrail.sync for durability there).
   * @throws NEWER_RECORD for what a newer version wrote; CONFLICT when the revision moved; LOCK_HELD (detail names the holder) when a lock belongs to another
   */
  commit(commit: Commit): Promise<void>;
  /** Ids of rotations that are not final, oldest first. */
  openIds(): Promise<string[]>;
  /** Every record, open or not, newest first, in pages of bounded size. */
  all(): AsyncIterable<Rotation>;
  /** Ids that start with `prefix` (at most two: enough to see that it is ambiguous). */
  idsStartingWith(prefix: string): Promise<string[]>;
  /** Who holds a lock name; null when it is free. */
  holderOf(lock: string): Promise<string | null>;
  aftermathOf(target: string): Promise<Aftermath | null>;
  /** Ids whose `wakeAt` is at or before `until`, earliest first, at most `limit`. */
  due(until: Instant, limit: number): Promise<{ id: string; wakeAt: Instant; revision: number }[]>;
  /** Redis `TIME` (R24). */
  serverTime(): Promise<Instant>;
}

/** Asks the workers to look at a rotation. Losing a wake-up is harmless: the reconciler makes it up. */
export interface Wakeups {
  /** @param delayMs 0: now. The job id carries the revision, so waking twice for one revision is one job. */
  wake(id: string, revision: number, delayMs: number): Promise<void>;
}

/** A named lease in Redis with a time limit; for work that only one process should do at a time. */
export interface Leases {
  /** @throws LOCK_HELD when another holds it. `renew` throws LOCK_HELD when it was lost. */
  acquire(name: string, ttlMs: number): Promise<Lease>;
}

export interface Lease {
  renew(): Promise<void>;
  release(): Promise<void>;
}

/** Holds that people set with `keyturn hold`; those of the configuration are in Settings. */
export interface HoldStore {
  /** Subjects (target names and key ids) held, with who and since when. */
  list(): Promise<Record<string, { actor: string; at: Instant }>>;
  set(subject: string, actor: string, audit: AuditDraft): Promise<void>;
  remove(subject: string, audit: AuditDraft): Promise<void>;
}

/** Which configuration is the newest (R15). A process with an older one makes no destructive call. */
export interface ConfigRegistry {
  /** Announces this process's configuration; repeat at least every 5 minutes. */
  announce(): Promise<void>;
  /** False when another process announced a configuration file with a later modification time and other content. */
  isNewest(): Promise<boolean>;
  /** The union of the holds of every configuration announced within 15 minutes and of the newest one. */
  holds(): Promise<string[]>;
}

/** A target as the last scan saw it. Unknown is null. */
export interface KeptTarget {
  name: string;
  keyId: string | null;
  keyName: string | null;
  hint: string | null;
  createdAt: Instant | null;
  expiresAt: Instant | null;
  maxAgeMs: number | null;
  /** When the policy proposes to replace it; null: only a person may, or a rotation is open. */
  dueAt: Instant | null;
  due: boolean;
  /** Of the closed lists in src/rotation/codes.ts. */
  reason: string | null;
  message: string;
}
/** A list cut to a bounded size, and how long it was. */
export interface Cut<T> {
  shown: T[];
  total: number;
}
/** What the last scan found, so that a page need not ask the Admin API and the stores again. Never key text. */
export interface KeptReport {
  schema: 1;
  scannedAt: Instant;
  /** Keys of the organization that were listed, and how long it took; absent in reports of 0.1. */
  keys?: number;
  durationMs?: number;
  /** What is due first, then by when it will be. */
  targets: Cut<KeptTarget>;
  /** The oldest first. */
  unmanaged: Cut<{ keyId: string; name: string; ageDays: number }>;
  problems: Cut<{ code: string; target: string | null; message: string }>;
}

/** Facts of the last scan, for health, the dashboard and made-up ticks. */
export interface ScanLog {
  lastSuccess(): Promise<Instant | null>;
  record(at: Instant): Promise<void>;
  /** Key statuses a scan saw for managed keys, to notice `deactivated_elsewhere`: key id → status. */
  statuses(): Promise<Record<string, string>>;
  rememberStatuses(statuses: Record<string, string>): Promise<void>;
  /** Fingerprints that were current or outgoing of any target: fingerprint → target. `key seen before` (R12). */
  seenFingerprints(): Promise<Record<string, string>>;
  rememberFingerprint(fingerprint: string, target: string): Promise<void>;
  /** null: no scan kept one yet. */
  report(): Promise<KeptReport | null>;
  rememberReport(report: KeptReport): Promise<void>;
}
