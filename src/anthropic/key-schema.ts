import type { AdminKey, KeyStatus } from "../ports/key-admin.ts";
import { isObject } from "./envelope.ts";
import { safeActorId, safeHint, safeId, safeName, safeWorkspaceId } from "./safe-text.ts";
import { parseTimestamp } from "./timestamp.ts";

const STATUSES: ReadonlySet<string> = new Set<KeyStatus>(["active", "inactive", "archived", "expired"]);

/**
 * One key of the Admin API, in the shape of `2026-10-21` or of `2023-06-01`, as ours; or what is wrong with it, in
 * words that quote nothing but field names. Unknown fields are ignored. Written by hand because a listing has 100,000
 * of them. (facts: anthropic-api.md 1.1)
 */
export function parseKey(value: unknown): AdminKey | string {
  if (!isObject(value)) return "a key that is not an object";
  const id = safeId(text(value["id"]));
  if (id === null) return "a key without a usable `id`";
  const { name, status } = value;
  if (typeof name !== "string") return `key ${id} without a \`name\``;
  if (typeof status !== "string" || status === "") return `key ${id} without a \`status\``;
  const createdAt = parseTimestamp(value["created_at"]);
  if (createdAt === null) return `key ${id} without a readable \`created_at\``;
  const expires = value["expires_at"] ?? null;
  const expiresAt = parseTimestamp(expires);
  if (expires !== null && expiresAt === null) return `key ${id} with an unreadable \`expires_at\``;
  return {
    id,
    name: safeName(name),
    status: statusOf(status),
    createdAt,
    expiresAt,
    hint: safeHint(text(value["partial_key_hint"])),
    createdBy: actorOf(value["created_by"]),
    principal: actorOf(value["principal"]),
    scope: scopeOf(value["scope"]),
    workspaceId: workspaceOf(value["scope"], value["workspace_id"]),
  };
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

function statusOf(status: string): AdminKey["status"] {
  return isKnown(status) ? status : `unknown:${/^[a-z_]{1,40}$/.test(status) ? status : "unreadable"}`;
}
const isKnown = (status: string): status is KeyStatus => STATUSES.has(status);

/** Both documented shapes: `{type: "user_actor", user_id}`, `{type: "service_account_actor", …}` and `{type, id}`. */
function actorOf(value: unknown): string | null {
  if (!isObject(value)) return null;
  return safeActorId(text(value["user_id"]) ?? text(value["service_account_id"]) ?? text(value["id"]));
}

/** Anything but the whole organization counts as one workspace, which is the narrower reading. */
function scopeOf(scope: unknown): AdminKey["scope"] {
  return isObject(scope) && scope["type"] === "organization" ? "organization" : "workspace";
}

/** `scope` decides. The old shape has only `workspace_id`, where null means the Default Workspace. */
function workspaceOf(scope: unknown, workspaceId: unknown): string | null {
  if (scopeOf(scope) === "organization") return null;
  return safeWorkspaceId((isObject(scope) ? text(scope["workspace_id"]) : null) ?? text(workspaceId));
}
