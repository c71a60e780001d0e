import type { SecretStore } from "../../src/ports/secret-store.ts";
import type { Destination } from "../../src/rotation/record.ts";

/** What an application reads from one secret: its fields, or the whole text for a secret without fields. */
export type Document = Record<string, string>;

/**
 * How the suite looks at one secrets manager from outside the store under test: as its administrator, as an
 * operator, and as an application. Everything here goes around the store (own client, own file reader).
 */
export interface StoreWorld {
  /** A new, independent instance on the same secrets manager, as a second worker process would have. */
  open(how?: "denied" | "down" | "reply_lost"): Promise<SecretStore>;
  destination(secret: string, field: string): Destination;
  /** As an administrator: creates the secret, or replaces what applications read with this document. */
  put(secret: string, document: Document): Promise<void>;
  /** As an application: the document it would read now. */
  applicationsRead(secret: string): Promise<Document>;
  /** Way (a) of the intake: an operator puts `value` where pending values belong, by hand. */
  operatorStages(dest: Destination, value: string): Promise<void>;
  /** Tags, labels or annotations of somebody else on the secret: set some, and read them back. */
  tagByOthers(secret: string, name: string, value: string): Promise<void>;
  tagsOfOthers(secret: string): Promise<Record<string, string>>;
  /**
   * Everything readable in the pending and previous places and in the marks of a secret, as one text. Superseded
   * versions that a manager cannot destroy do not count (R19 says so of AWS).
   */
  besides(secret: string): Promise<string>;
  close(): Promise<void>;
}

/** A store names what it lacks instead of skipping tests. */
export interface StoreTraits {
  name: string;
  /** Secrets have several fields. Without: a document has the one field "value" and destinations have `field: null`. */
  fields: boolean;
  /** Old values survive `discardPrevious`, because the manager keeps versions by itself. */
  keepsVersions: boolean;
  /** What `conditionalWrite` must say (R10). */
  conditionalWrite: boolean;
  world(): Promise<StoreWorld>;
}
