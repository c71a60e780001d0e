/**
 * What the checker looks at. Nothing in it was written by Keyturn, its audit log excepted, of which only P11 speaks:
 * the organization's request log and key histories, what the stores held when, what applications met, what people did.
 * Times are milliseconds since 1970 UTC of the one clock of this machine. Keys are named by their ids; where a text was
 * seen it is a SHA-256 digest.
 */
export interface Evidence {
  destinations: readonly DestinationFacts[];
  /** Digest of a key's text → its id. */
  keyByDigest: Readonly<Record<string, string>>;
  /** Status changes by key id, oldest first, as the Console shows them. */
  histories: Readonly<Record<string, readonly StatusChange[]>>;
  requests: readonly Request[];
  stores: readonly StoreState[];
  applications: readonly ApplicationCall[];
  people: readonly Deed[];
  audit: readonly AuditLine[];
  /** Keys that no target holds: nobody may touch them. */
  bystanders: readonly string[];
  /** The shortest time from deactivation to archiving that is right. */
  graceMs: number;
  /** From when to when a replica stood still, a call was on its way or Redis went back: then a call may be repeated (R9). */
  disturbances: readonly { from: number; to: number }[];
}

export interface DestinationFacts {
  target: string;
  store: string;
  secret: string;
  /** null: the whole secret is the value. */
  field: string | null;
}

export interface StatusChange {
  status: "active" | "inactive" | "archived";
  at: number;
  /** `console`: a person there. */
  by: string;
}

/** A line of the organization's own log. */
export interface Request {
  seq: number;
  at: number;
  method: string;
  path: string;
  query: string;
  bodyStatus: string | null;
  keyId: string | null;
  status: number | null;
  outcome: string;
  applied: boolean;
}

/** A secret after somebody changed it. */
export interface StoreState {
  at: number;
  store: string;
  secret: string;
  /** Digests by field; "" is the whole value. */
  current: Readonly<Record<string, string>>;
  /** Of everything in the secret that is not a key of ours. */
  rest: string;
  /** Digests of the values in the pending place. */
  pending: readonly string[];
}

/** An application read its value and called with it. */
export interface ApplicationCall {
  at: number;
  target: string;
  destination: number;
  digest: string;
  status: number | null;
  /** After a 401: whether the store still held the same value. */
  stillCurrent: boolean;
}

/** What people did; `from` is before it was sent, `at` after it was answered. */
export type Deed =
  /** First seen; nobody had approved it yet, or it was revoked. */
  | { kind: "opened"; from: number; at: number; target: string; rotation: string }
  | { kind: "approved"; from: number; at: number; target: string; rotation: string }
  | { kind: "accepted"; from: number; at: number; target: string; rotation: string; key: string }
  | { kind: "staged"; from: number; at: number; target: string; rotation: string; key: string }
  | { kind: "cancelled" | "reinstated" | "proceeded"; from: number; at: number; target: string; rotation: string }
  | { kind: "revoked"; from: number; at: number; target: string; key: string }
  | { kind: "disabled"; from: number; at: number; target: string; key: string }
  | { kind: "held"; from: number; at: number; target: string; subject: string }
  | { kind: "lifted"; from: number; at: number; target: string; subject: string }
  /** As the API told when the rotation was over. */
  | { kind: "ended"; from: number; at: number; target: string; rotation: string; state: string };

export interface AuditLine {
  at: number;
  action: string;
  rotation: string | null;
  /** The key id that the entry names, if any. */
  keyId: string | null;
}

export interface Violation {
  promise: string;
  at: number;
  what: string;
}
