import { digestOf } from "./identifiers.ts";
import type { AdminKeyRow, KeyRow } from "./model.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal } from "./wire.ts";
import type { Call } from "./wire.ts";

export const VERSIONS = ["2026-10-21", "2023-06-01"] as const;
export type Version = (typeof VERSIONS)[number];

/** Who a request says it is from; `key` and `admin` may still be disabled. */
export type Credential =
  | { kind: "none" }
  | { kind: "unknown" }
  | { kind: "admin"; row: AdminKeyRow }
  | { kind: "key"; row: KeyRow };

/** Looks the credential up; says nothing on whether it may be used. `x-api-key` or `Authorization: Bearer` (facts 2). */
export function identify(call: Call, organization: Organization): Credential {
  const header = call.headers["x-api-key"];
  const bearer = /^Bearer (.+)$/i.exec(call.headers.authorization ?? "")?.[1];
  const text = (typeof header === "string" ? header : undefined) ?? bearer;
  if (text === undefined || text === "") return { kind: "none" };
  const digest = digestOf(text);
  const admin = organization.adminKeyByDigest(digest);
  if (admin !== null) return { kind: "admin", row: admin };
  const key = organization.keyByDigest(digest);
  return key === null ? { kind: "unknown" } : { kind: "key", row: key };
}

/** @throws 400 without a version header this service knows */
export function versionOf(call: Call): Version {
  const sent = call.headers["anthropic-version"];
  if (sent === undefined) throw new ApiRefusal(400, "anthropic-version: header is required");
  const known = VERSIONS.find((version) => version === sent);
  if (known === undefined) throw new ApiRefusal(400, "anthropic-version: is not a valid version");
  return known;
}

/**
 * Lets a live credential through. Which status a disabled key gives is 401 in most sources and 404 in one (facts 6),
 * so a setting chooses. The body never tells a disabled key from an unknown one.
 */
export function authenticate(credential: Credential, organization: Organization): void {
  const bad = new ApiRefusal(401, "The API key is invalid.");
  if (credential.kind === "none") {
    throw new ApiRefusal(401, "Send the API key as x-api-key or Authorization: Bearer.");
  }
  if (credential.kind === "unknown") throw bad;
  if (credential.kind === "admin") {
    if (!credential.row.active) throw bad;
    return;
  }
  if (organization.answersLive(credential.row)) return;
  if (organization.settings.deadKeyStatus === 404) throw new ApiRefusal(404, "Not found.");
  throw bad;
}

export function authenticates(credential: Credential, organization: Organization): boolean {
  try {
    authenticate(credential, organization);
    return true;
  } catch {
    return false;
  }
}

/**
 * Admin endpoints: Admin keys, and workspace-less identity-linked keys of an administrator (facts 1.6, 2). An ordinary
 * key is a valid credential that is not allowed here: 403 by the general table (facts 5); no source names this case.
 */
export function requireAdmin(credential: Credential, organization: Organization): void {
  authenticate(credential, organization);
  if (credential.kind === "admin") return;
  if (credential.kind === "key" && credential.row.workspaceId === null) {
    const principal = credential.row.principal;
    const role =
      principal?.type === "user"
        ? organization.users.get(principal.id)?.role
        : organization.serviceAccounts.get(principal?.id ?? "")?.role;
    if (role === "admin") return;
  }
  throw new ApiRefusal(403, "This API key may not use the Admin API.");
}

/**
 * Inference endpoints: any key but an Admin key (403 for the same reason as above). Gives the workspace the call is
 * for: the key's own, or the one named in `anthropic-workspace-id`, which a workspace-less key must send (facts 1.6).
 */
export function requireInference(
  call: Call,
  credential: Credential,
  organization: Organization,
): { key: KeyRow; workspaceId: string } {
  authenticate(credential, organization);
  if (credential.kind !== "key") throw new ApiRefusal(403, "An Admin API key may not be used for inference.");
  const key = credential.row;
  const named = call.headers["anthropic-workspace-id"];
  if (named !== undefined && !/^wrkspc_[A-Za-z0-9]+$/.test(String(named))) {
    throw new ApiRefusal(400, "anthropic-workspace-id: is not a valid workspace id");
  }
  if (typeof named !== "string") {
    if (key.workspaceId !== null) return { key, workspaceId: key.workspaceId };
    throw new ApiRefusal(400, "anthropic-workspace-id: header is required for an identity-linked API key");
  }
  const workspace = organization.workspaces.get(named);
  const reachable = workspace?.archivedAt === null && (key.workspaceId === null || key.workspaceId === named);
  if (!reachable) throw new ApiRefusal(404, "The workspace was not found.");
  return { key, workspaceId: named };
}
