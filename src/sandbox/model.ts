/**
 * What the simulated organization consists of, and the events that change it. Instants are milliseconds since 1970
 * UTC by the simulated clock. Secrets appear only as SHA-256 digests: like the Console, the sandbox never shows a
 * key twice.
 */

/** What is stored; `expired` is not stored but follows from `expiresAt`. */
export type StoredStatus = "active" | "inactive" | "archived";
export type ShownStatus = StoredStatus | "expired";

export type Principal = { type: "user"; id: string } | { type: "service_account"; id: string };

export interface KeyRow {
  id: string;
  name: string;
  /** Hex SHA-256 of the whole key. */
  digest: string;
  /** null: the API shows no hint for this key. */
  hint: string | null;
  createdAt: number;
  createdBy: Principal | null;
  expiresAt: number | null;
  /** null: legacy workspace key. */
  principal: Principal | null;
  /** null: identity-linked key without a workspace. */
  workspaceId: string | null;
  /** Oldest first; the last entry is the status now. Kept whole because live traffic may lag behind it. */
  changes: { status: StoredStatus; at: number; by: string }[];
}

export interface UserRow {
  id: string;
  email: string;
  name: string;
  role: string;
  addedAt: number;
}

export interface WorkspaceRow {
  id: string;
  name: string;
  createdAt: number;
  archivedAt: number | null;
}

export interface ServiceAccountRow {
  id: string;
  name: string;
  role: "admin" | "developer";
  archivedAt: number | null;
}

export interface AdminKeyRow {
  id: string;
  name: string;
  digest: string;
  active: boolean;
}

export interface OrganizationRow {
  id: string;
  name: string;
  defaultWorkspaceId: string;
}

/** Lags, limits and gaps of the simulated service. All zero or off: everything takes effect at once. */
export interface Settings {
  /** A fresh key answers 401 for this long. */
  newKeyLagMs: number;
  /** A changed status reaches live traffic this much later (both ways). */
  statusLagMs: number;
  /** Usage appears this much later; `data_refreshed_at` is now minus this. */
  usageLagMs: number;
  /** `off`: the analytics endpoint answers `analyticsOffStatus`, only the legacy report works. */
  analytics: "on" | "off";
  analyticsOffStatus: 403 | 404;
  /** `null`: freshness is not told. */
  dataRefreshedAt: "now" | "null";
  /** Most active keys in the organization, and in one workspace. null: no cap. */
  orgKeyLimit: number | null;
  workspaceKeyLimit: number | null;
  /** Simulated time minus real time. */
  clockOffsetMs: number;
  /** The `Date` header minus simulated time; `absent` leaves the header out. */
  dateHeader: number | "absent";
  /** The order of key lists is not documented, so both exist here. */
  listOrder: "newest" | "oldest";
  /** What a key that does not work answers on live calls; sources name both (facts 6). */
  deadKeyStatus: 401 | 404;
}

export const DEFAULT_SETTINGS: Settings = {
  newKeyLagMs: 0,
  statusLagMs: 0,
  usageLagMs: 0,
  analytics: "on",
  analyticsOffStatus: 403,
  dataRefreshedAt: "now",
  orgKeyLimit: null,
  workspaceKeyLimit: null,
  clockOffsetMs: 0,
  dateHeader: 0,
  listOrder: "newest",
  deadKeyStatus: 401,
};

export interface UsageEvent {
  /** null: use without a key (the Console's playground). */
  keyId: string | null;
  at: number;
  model: string;
  workspaceId: string | null;
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

/** One line of the journal is a list of these, applied together or not at all. */
export type Event =
  | { t: "organization"; row: OrganizationRow }
  | { t: "workspace"; row: WorkspaceRow }
  | { t: "workspace.archived"; id: string; at: number }
  | { t: "user"; row: UserRow }
  | { t: "user.removed"; id: string; at: number }
  | { t: "service_account"; row: ServiceAccountRow }
  | { t: "service_account.archived"; id: string; at: number }
  | { t: "admin_key"; row: AdminKeyRow }
  | { t: "admin_key.active"; id: string; active: boolean; at: number }
  | { t: "key"; row: KeyRow }
  | { t: "key.status"; id: string; status: StoredStatus; at: number; by: string }
  | { t: "key.name"; id: string; name: string; at: number; by: string }
  | { t: "usage"; row: UsageEvent }
  | { t: "settings"; patch: Partial<Settings> };
