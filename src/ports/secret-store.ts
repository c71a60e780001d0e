import type { Destination, Instant } from "../rotation/record.ts";
import type { SecretText } from "../rotation/secret.ts";

export interface StoredValue {
  value: SecretText;
  /** What `promote` compares with: a version id, number, or content hash. Never derived from key text in a reversible way. */
  version: string;
}

export interface Pending {
  value: SecretText;
  version: string;
  /** Ours: token or mark names `rotationId`. Otherwise somebody else wrote it. */
  rotationId: string | null;
  /** The version it was merged into; null when unknown (not ours). */
  baseVersion: string | null;
  writtenAt: Instant | null;
  /** False when the pending document differs from the current one in more than our field (R12). */
  onlyOurField: boolean;
}

/** Small facts beside a secret: prefix `keyturn-` is added by the store; never key text (R16). */
export type Marks = Record<string, string>;

/**
 * One secrets manager. All calls are bounded in time, safe to repeat, and look before they act.
 * @throws STORE_UNAVAILABLE when waiting may help, STORE_DENIED when it will not, STORE_MISSING when the secret that
 * must exist does not. A refused or failed request is never read as "nothing there". No error quotes a value.
 */
export interface SecretStore {
  readonly type: string;
  /** Whether `promote` is refused by the manager itself when the current version moved (R10). */
  readonly conditionalWrite: boolean;
  /** Plan-worthy facts that tell this store from another of its type (region, project, endpoint, directory). */
  readonly location: Record<string, string>;
  /** Names the physical secret across fields and targets; equal strings are one secret (P6). */
  physicalId(dest: Destination): string;
  /** The field as applications read it. null only when the manager says there is nothing there or the field is empty. */
  read(dest: Destination): Promise<StoredValue | null>;
  /** Proves read, mark and pending-write permission without changing what applications read (R12). Leaves nothing behind. */
  preflight(dest: Destination): Promise<void>;
  /**
   * Writes `value` as pending for this rotation, merged into the current document where the manager stages whole
   * documents. Applications see no change. Repeating with the same value on the same base does nothing.
   * @throws FOREIGN_PENDING when another's pending value is in the way
   */
  stage(dest: Destination, value: SecretText, rotationId: string): Promise<{ version: string; baseVersion: string }>;
  /** What is pending for this field: this rotation's, else an operator's; null when nothing is. */
  readPending(dest: Destination, rotationId: string): Promise<Pending | null>;
  /**
   * Makes this rotation's pending value what applications read, replacing exactly `baseVersion`; keeps the old value
   * restorable. Already done: returns without writing. The pending value stays readable until `discardPending`.
   * @throws BASE_CHANGED when the current version is not `baseVersion`
   */
  promote(dest: Destination, rotationId: string, baseVersion: string): Promise<{ version: string }>;
  /**
   * Puts the value from before `promote` back, only while the destination still holds `replacementFingerprint`;
   * a destination changed by others is left as found.
   * @param previousFingerprint the outgoing key's fingerprint: anything else is never written back
   */
  rollBack(
    dest: Destination,
    rotationId: string,
    replacementFingerprint: string,
    previousFingerprint: string,
  ): Promise<"rolled_back" | "not_promoted" | "changed_by_others" | "nothing_to_restore">;
  /** Destroys this rotation's pending value (never another's); with `operators`, also one that an operator staged. Safe to repeat. */
  discardPending(dest: Destination, rotationId: string, options?: { operators?: boolean }): Promise<void>;
  /** Destroys the copy of the old value kept for `rollBack`, where the manager keeps no versions (R14). Safe to repeat. */
  discardPrevious(dest: Destination, rotationId: string): Promise<void>;
  /** Rotation ids that have a pending value of ours in this secret, for the sweep (R19). */
  listPending(dest: Destination): Promise<string[]>;
  readMarks(dest: Destination): Promise<Marks>;
  /** Sets the given entries, removes those given as null, leaves all others as found. */
  mark(dest: Destination, entries: Record<string, string | null>): Promise<void>;
  close(): Promise<void>;
}

/** Finds the store of a destination. @throws CONFIG_INVALID when the configuration has no such store. */
export interface Stores {
  of(dest: Destination): Promise<SecretStore>;
  close(): Promise<void>;
}
