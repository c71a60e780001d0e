import { isoTime } from "./identifiers.ts";
import type { UserRow, WorkspaceRow } from "./model.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal, integer, list, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

export const showOrganization = (organization: Organization) => ({
  type: "organization" as const,
  id: organization.self.id,
  name: organization.self.name,
});

export const showUser = (user: UserRow) => ({
  type: "user" as const,
  id: user.id,
  email: user.email,
  name: user.name,
  role: user.role,
  added_at: isoTime(user.addedAt),
});

export const showWorkspace = (workspace: WorkspaceRow) => ({
  type: "workspace" as const,
  id: workspace.id,
  name: workspace.name,
  created_at: isoTime(workspace.createdAt),
  archived_at: workspace.archivedAt === null ? null : isoTime(workspace.archivedAt),
  display_color: "#335577",
  tags: {} as Record<string, string>,
  external_key_id: null,
  compartment_id: "0b7e0c1a-0000-4000-8000-000000000000",
  data_residency: {
    workspace_geo: "us" as const,
    default_inference_geo: "global" as const,
    allowed_inference_geos: "unrestricted" as const,
  },
  user_profile_id: null,
});

/** Pages a short list by id cursors, in the shape of every id-paged endpoint. */
function pageById<T extends { id: string }>(rows: readonly T[], call: Call): Reply {
  const limit = integer(call, "limit", { min: 1, max: 1000, byDefault: 20 });
  const index = (name: string): number | null => {
    const id = call.query.get(name);
    if (id === null) return null;
    const at = rows.findIndex((row) => row.id === id);
    if (at === -1) throw new ApiRefusal(400, `${name}: is not an id of this list`);
    return at;
  };
  const before = index("before_id");
  const start = before === null ? (index("after_id") ?? -1) + 1 : Math.max(0, before - limit);
  const data = rows.slice(start, before === null ? start + limit : before);
  const more = before === null ? start + limit < rows.length : start > 0;
  return ok({ data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: more });
}

export function listUsers(call: Call, organization: Organization): Reply {
  const email = call.query.get("email");
  const roles = list(call, "roles");
  const rows = [...organization.users.values()].filter(
    (user) => (email === null || user.email === email) && (roles.length === 0 || roles.includes(user.role)),
  );
  return pageById(rows.map(showUser), call);
}

export function getUser(id: string, organization: Organization): Reply {
  const user = organization.users.get(id);
  if (user === undefined) throw new ApiRefusal(404, "The user was not found.");
  return ok(showUser(user));
}

/** Omits the Default Workspace, as the real list does (facts 4). */
export function listWorkspaces(call: Call, organization: Organization): Reply {
  const archived = call.query.get("include_archived") === "true";
  const rows = [...organization.workspaces.values()].filter(
    (row) => row.id !== organization.self.defaultWorkspaceId && (archived || row.archivedAt === null),
  );
  return pageById(rows.map(showWorkspace), call);
}

export function getWorkspace(id: string, organization: Organization): Reply {
  const workspace = organization.workspaces.get(id);
  if (workspace === undefined) throw new ApiRefusal(404, "The workspace was not found.");
  return ok(showWorkspace(workspace));
}
