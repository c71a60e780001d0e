import type { Version } from "./credentials.ts";
import { isoTime, stamp } from "./identifiers.ts";
import type { Event, KeyRow, Principal, StoredStatus } from "./model.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal, integer, jsonObject, oneOf, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

const actorOf = (principal: Principal | null) => {
  if (principal === null) return null;
  return principal.type === "user"
    ? { type: "user_actor" as const, user_id: principal.id }
    : { type: "service_account_actor" as const, service_account_id: principal.id };
};

/** A key as the API shows it (facts 1.1). The old version adds `workspace_id`, null for the Default Workspace too. */
export function showKey(key: KeyRow, organization: Organization, version: Version) {
  const own = key.workspaceId === organization.self.defaultWorkspaceId ? null : key.workspaceId;
  return {
    type: "api_key" as const,
    id: key.id,
    name: key.name,
    status: organization.statusOf(key),
    created_at: stamp(key.createdAt),
    created_by: key.createdBy,
    expires_at: key.expiresAt === null ? null : isoTime(key.expiresAt),
    partial_key_hint: key.hint,
    principal: actorOf(key.principal),
    scope:
      key.workspaceId === null
        ? { type: "organization" as const }
        : { type: "workspace" as const, workspace_id: key.workspaceId },
    ...(version === "2023-06-01" ? { workspace_id: own } : {}),
  };
}

/** Ways in which a list may misbehave; made by fault rules. */
export interface ListTwist {
  /** Begins with the last key of the page before: one id on both sides of the border. */
  overlap: boolean;
  /** Ignores the cursor: the first page again, with `has_more`. */
  repeat: boolean;
}

/**
 * `GET /v1/organizations/api_keys` (facts 1.2). Costs the page, not the organization: a cursor is a position.
 * Both cursors at once and an unknown cursor are refused with 400; no source says what the real service does.
 */
export function listKeys(call: Call, organization: Organization, version: Version, twist: ListTwist): Reply {
  const limit = integer(call, "limit", { min: 1, max: 1000, byDefault: 20 });
  const status = oneOf(call, "status", ["active", "inactive", "archived", "expired"]);
  const workspaceId = call.query.get("workspace_id");
  const createdBy = call.query.get("created_by_user_id");
  const wanted = (key: KeyRow): boolean =>
    (status === null || organization.statusOf(key) === status) &&
    (workspaceId === null || key.workspaceId === workspaceId) &&
    (createdBy === null || (key.createdBy?.type === "user" && key.createdBy.id === createdBy));

  const { after, before } = cursors(call, organization);
  const backwards = before !== null;
  const newestFirst = organization.settings.listOrder === "newest";
  // Walking the recording order downwards shows the newest first; a backward page walks the other way.
  const step = newestFirst === backwards ? 1 : -1;
  const edge = step === 1 ? -1 : organization.keys.length;
  const cursor = twist.repeat ? null : (after ?? before);
  const from = cursor === null ? edge + step : cursor + (twist.overlap ? 0 : step);

  const page: KeyRow[] = [];
  let more = false;
  for (let at = from; at >= 0 && at < organization.keys.length; at += step) {
    const key = organization.keys[at];
    if (key === undefined || !wanted(key)) continue;
    if (page.length === limit) {
      more = true;
      break;
    }
    page.push(key);
  }
  if (backwards) page.reverse();
  return ok({
    data: page.map((key) => showKey(key, organization, version)),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: more,
  });
}

function cursors(call: Call, organization: Organization): { after: number | null; before: number | null } {
  const after = call.query.get("after_id");
  const before = call.query.get("before_id");
  if (after !== null && before !== null) throw new ApiRefusal(400, "after_id, before_id: send only one of them");
  const position = (id: string | null, name: string): number | null => {
    if (id === null) return null;
    const found = organization.positionOf(id);
    if (found === null) throw new ApiRefusal(400, `${name}: is not the id of an API key`);
    return found;
  };
  return { after: position(after, "after_id"), before: position(before, "before_id") };
}

export function findKey(id: string, organization: Organization): KeyRow {
  const key = organization.key(id);
  if (key === null) throw new ApiRefusal(404, "The API key was not found.");
  return key;
}

/** `POST /v1/organizations/api_keys/{id}` (facts 1.4): all of the change or nothing of it. */
export function updateKey(call: Call, id: string, organization: Organization, version: Version, by: string): Reply {
  const key = findKey(id, organization);
  const body = jsonObject(call);
  for (const field of Object.keys(body)) {
    if (field !== "name" && field !== "status") throw new ApiRefusal(400, `${field}: is not permitted`);
  }
  organization.commit([...rename(key, body.name, organization.now(), by), ...move(key, body.status, organization, by)]);
  return ok(showKey(key, organization, version));
}

function rename(key: KeyRow, name: unknown, at: number, by: string): Event[] {
  if (name === undefined || name === null || name === key.name) return [];
  if (typeof name !== "string" || name.length < 1 || name.length > 500) {
    throw new ApiRefusal(400, "name: must be a string of 1 to 500 characters");
  }
  return [{ t: "key.name", id: key.id, name, at, by }];
}

const TARGETS = ["active", "inactive", "archived"] as const;

/** The transition table. A refused move answers 400 (the real status is not documented, facts 10). */
export function move(key: KeyRow, status: unknown, organization: Organization, by: string): Event[] {
  if (status === undefined || status === null) return [];
  const to = TARGETS.find((target) => target === status);
  if (to === undefined) throw new ApiRefusal(400, "status: must be active, inactive or archived");
  const from = organization.statusOf(key);
  // Whether setting the same status again is a no-op is not documented; it is here.
  if (from === to) return [];
  if (from === "archived") throw new ApiRefusal(400, "An archived API key cannot be changed back.");
  if (from === "expired" && to !== "archived") throw new ApiRefusal(400, "An expired API key can only be archived.");
  if (to === "active") requireRoom(key.workspaceId, organization);
  return [statusEvent(key, to, organization, by)];
}

/** @throws 400 with the documented code when no further key may become active */
export function requireRoom(workspaceId: string | null, organization: Organization): void {
  const { orgKeyLimit, workspaceKeyLimit } = organization.settings;
  if (orgKeyLimit !== null && organization.activeKeys(null) >= orgKeyLimit) {
    throw new ApiRefusal(400, "The organization has reached its limit of active API keys.", {
      errorCode: "org_api_key_limit_exceeded",
    });
  }
  if (workspaceId !== null && workspaceKeyLimit !== null && organization.activeKeys(workspaceId) >= workspaceKeyLimit) {
    throw new ApiRefusal(400, "The workspace has reached its limit of active API keys.", {
      errorCode: "workspace_api_key_limit_exceeded",
    });
  }
}

const statusEvent = (key: KeyRow, status: StoredStatus, organization: Organization, by: string): Event => ({
  t: "key.status",
  id: key.id,
  status,
  at: Math.max(organization.now(), key.changes.at(-1)?.at ?? 0),
  by,
});
