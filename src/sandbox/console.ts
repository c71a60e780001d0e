import { findKey, move, requireRoom, showKey } from "./api-keys.ts";
import type { World } from "./api.ts";
import { digestOf, makeId, makeKeyText } from "./identifiers.ts";
import { By, CreateKey, Named, NewServiceAccount, NewUser } from "./inputs.ts";
import { makeKey } from "./key-factory.ts";
import { showUser, showWorkspace } from "./members.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

export const VIEW = "2026-10-21";
const TO = { disable: "inactive", enable: "active", delete: "archived" } as const;

/** What a route gets: the world, and what its pattern caught. */
export type Route = (call: Call, world: World, id: string, verb: string) => Reply;

/**
 * `/_console/…`: what a person does in the Claude Console, where alone keys are made. As there, the text of a new key
 * is in one answer and never again. Console actions have no faults and no lag of their own.
 */
export const CONSOLE: readonly (readonly [string, RegExp, Route])[] = [
  ["POST", /^\/_console\/keys$/, createKey],
  [
    "GET",
    /^\/_console\/keys$/,
    (_call, { organization }) => ok({ keys: organization.keys.map((row) => showKey(row, organization, VIEW)) }),
  ],
  ["POST", /^\/_console\/keys\/([^/]+)\/(disable|enable|delete)$/, changeKey],
  ["POST", /^\/_console\/workspaces$/, createWorkspace],
  ["POST", /^\/_console\/workspaces\/([^/]+)\/(archive)$/, archiveWorkspace],
  ["POST", /^\/_console\/users$/, createUser],
  ["DELETE", /^\/_console\/users\/([^/]+)$/, removeUser],
  ["POST", /^\/_console\/service-accounts$/, createServiceAccount],
  ["POST", /^\/_console\/service-accounts\/([^/]+)\/(archive)$/, archiveServiceAccount],
  ["POST", /^\/_console\/admin-keys$/, createAdminKey],
  ["POST", /^\/_console\/admin-keys\/([^/]+)\/(disable|enable)$/, changeAdminKey],
];

function createKey(call: Call, { organization, source }: World): Reply {
  const { row, secret } = makeKey(CreateKey.parse(call.body), organization, source);
  requireRoom(row.workspaceId, organization);
  organization.commit([{ t: "key", row }]);
  return ok({ key: showKey(row, organization, VIEW), secret });
}

function changeKey(call: Call, { organization }: World, id: string, verb: string): Reply {
  const key = findKey(id, organization);
  const { by } = By.parse(call.body ?? {});
  organization.commit(move(key, TO[verb as keyof typeof TO], organization, by));
  return ok({ key: showKey(key, organization, VIEW) });
}

function createWorkspace(call: Call, { organization, source }: World): Reply {
  const { name } = Named.parse(call.body);
  const row = { id: makeId("wrkspc", source), name, createdAt: organization.now(), archivedAt: null };
  organization.commit([{ t: "workspace", row }]);
  return ok({ workspace: showWorkspace(row) });
}

function archiveWorkspace(_call: Call, { organization }: World, id: string): Reply {
  if (!organization.workspaces.has(id)) throw new ApiRefusal(404, "There is no such workspace.");
  if (id === organization.self.defaultWorkspaceId)
    throw new ApiRefusal(400, "The Default Workspace cannot be archived.");
  organization.commit([{ t: "workspace.archived", id, at: organization.now() }]);
  return ok({ id });
}

function createUser(call: Call, { organization, source }: World): Reply {
  const row = { id: makeId("user", source), ...NewUser.parse(call.body), addedAt: organization.now() };
  organization.commit([{ t: "user", row }]);
  return ok({ user: showUser(row) });
}

function removeUser(_call: Call, { organization }: World, id: string): Reply {
  if (!organization.users.has(id)) throw new ApiRefusal(404, "There is no such user.");
  organization.commit([{ t: "user.removed", id, at: organization.now() }]);
  return ok({ id });
}

function createServiceAccount(call: Call, { organization, source }: World): Reply {
  const row = { id: makeId("svac", source), ...NewServiceAccount.parse(call.body), archivedAt: null };
  organization.commit([{ t: "service_account", row }]);
  return ok({ serviceAccount: row });
}

function archiveServiceAccount(_call: Call, { organization }: World, id: string): Reply {
  if (!organization.serviceAccounts.has(id)) throw new ApiRefusal(404, "There is no such service account.");
  organization.commit([{ t: "service_account.archived", id, at: organization.now() }]);
  return ok({ id });
}

function createAdminKey(call: Call, { organization, source }: World): Reply {
  const { name } = Named.parse(call.body);
  const secret = makeKeyText("admin01", source);
  const row = { id: makeId("apikey", source), name, digest: digestOf(secret), active: true };
  organization.commit([{ t: "admin_key", row }]);
  return ok({ id: row.id, secret });
}

function changeAdminKey(_call: Call, { organization }: World, id: string, verb: string): Reply {
  requireAdminKey(id, organization);
  organization.commit([{ t: "admin_key.active", id, active: verb === "enable", at: organization.now() }]);
  return ok({ id, active: verb === "enable" });
}

function requireAdminKey(id: string, organization: Organization): void {
  if (!organization.adminKeys.has(id)) throw new ApiRefusal(404, "There is no such Admin key.");
}
