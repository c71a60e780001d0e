import type { Instant } from "../rotation/record.ts";
import type { SecretText } from "../rotation/secret.ts";

export type KeyStatus = "active" | "inactive" | "archived" | "expired";

/** One key of the organization, both API versions' shapes brought to one (facts: anthropic-api.md 1.1). */
export interface AdminKey {
  id: string;
  name: string;
  /** A status we do not know is kept as it came and treated as "not active", never as a known one. */
  status: KeyStatus | `unknown:${string}`;
  createdAt: Instant;
  expiresAt: Instant | null;
  hint: string | null;
  /** `user_…`, `svac_…` or null when not recorded. */
  createdBy: string | null;
  /** null: legacy workspace key. */
  principal: string | null;
  scope: "workspace" | "organization";
  /** null: workspace-less key, or the Default Workspace where only the old API shape told. */
  workspaceId: string | null;
}

/** The API's own clock, from the `Date` header of the very answer; null when the header is missing. */
export interface Answer<T> {
  value: T;
  serverTime: Instant | null;
}

export interface UsageWindow {
  /** Billable requests in the window; null when the source does not count requests (legacy report). */
  requests: number | null;
  tokens: number;
  /** Start of the last bucket with use; null when there was none. */
  lastUsedAt: Instant | null;
  /** UTC days (YYYY-MM-DD) with use, ascending; only when asked for with `bucket: "day"`. */
  days: string[];
  /** Nothing is known after this instant. null: freshness unknown, so nothing may be concluded (R13). */
  freshUntil: Instant | null;
  source: "analytics" | "legacy_report";
}

/** The Admin API. Every call is bounded in time and retried only where a repeat is harmless. */
export interface KeyAdmin {
  /** `GET /v1/organizations/me`. @throws ADMIN_DENIED, ADMIN_UNAVAILABLE, ADMIN_INVALID */
  organization(): Promise<Answer<{ id: string; name: string }>>;
  /**
   * Every key of the organization in pages, each validated, each id yielded once; memory stays flat.
   * A page that lacks `has_more` or repeats a cursor throws ADMIN_INVALID: a truncated list is never taken as whole.
   */
  listKeys(signal?: AbortSignal): AsyncIterable<readonly AdminKey[]>;
  /** null only on 404. @param how `paid`: already counted in the budget, so that it is asked without waiting */
  getKey(keyId: string, how?: { paid: boolean }): Promise<Answer<AdminKey | null>>;
  /**
   * The address of the person behind a `user_…` id, in lower case. null: 404, the person is no longer in the organization.
   * @throws ADMIN_DENIED, ADMIN_UNAVAILABLE, ADMIN_INVALID: then nobody knows
   */
  userEmail(userId: string): Promise<string | null>;
  /**
   * Sets a status, once: no retry inside, and not sent at all after `notAfter` (R9). A timeout or a lost reply
   * throws ADMIN_UNAVAILABLE and says nothing of the outcome: read the key again.
   * @throws KEY_LIMIT, ADMIN_REFUSED (4xx), ADMIN_DENIED, ADMIN_UNAVAILABLE, LOCK_HELD when `notAfter` has passed
   */
  setKeyStatus(
    keyId: string,
    status: "active" | "inactive" | "archived",
    limits: { timeoutMs: number; notAfter: Instant },
  ): Promise<Answer<AdminKey>>;
  /**
   * Use of one key in [from, to). Analytics endpoint first; where it is forbidden or unknown (403, 404) the legacy
   * report. Sees billable use only: rejected calls, token counting and model lists leave no trace.
   * @param signal ends the call at once, retries and all. @throws ADMIN_*, or the reason of `signal`
   */
  usage(
    keyId: string,
    from: Instant,
    to: Instant,
    bucket: "day" | "minute",
    signal?: AbortSignal,
  ): Promise<UsageWindow>;
}

/** What one live call says of a key. Only `rejected` means a bad key (P12). */
export type LiveAnswer =
  | {
      verdict: "ok";
      organizationId: string | null;
      workspaceId: string | null;
      requestId: string | null;
      tokens: number;
    }
  | { verdict: "rejected"; status: 401 }
  | { verdict: "not_permitted"; status: 403 }
  /** Authenticated or unknown, but no proof of use: credit, limits, model, outage. `authenticated` when a limit says so. */
  | {
      verdict: "inconclusive";
      cause: string;
      authenticated: boolean;
      organizationId: string | null;
      workspaceId: string | null;
      retryAfterMs: number | null;
    };

/** Live calls with a key, straight to the configured base URL. Answers never contain the key. */
export interface KeyVerifier {
  /** `GET /v1/models?limit=1`: free, leaves no usage. Never throws for what the API answers. */
  authenticate(key: SecretText, options: { workspaceId: string | null }): Promise<LiveAnswer>;
  /** `POST /v1/messages` with one output token: billable, proves inference. */
  infer(key: SecretText, options: { workspaceId: string | null }): Promise<LiveAnswer>;
}
