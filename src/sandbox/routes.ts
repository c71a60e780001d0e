import { analyticsUsage } from "./analytics.ts";
import { findKey, listKeys, showKey, updateKey } from "./api-keys.ts";
import type { ListTwist } from "./api-keys.ts";
import { requireAdmin, requireInference, versionOf } from "./credentials.ts";
import type { Credential, Version } from "./credentials.ts";
import type { Entropy } from "./identifiers.ts";
import { countTokens, createMessage, listModels } from "./inference.ts";
import { getUser, getWorkspace, listUsers, listWorkspaces, showOrganization } from "./members.ts";
import type { Organization } from "./organization.ts";
import { usageReport } from "./usage-report.ts";
import { ApiRefusal, decoded, ok, UNREADABLE } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

export interface Context {
  call: Call;
  organization: Organization;
  credential: Credential;
  source: Entropy;
  twist: ListTwist;
}

interface Admin extends Context {
  version: Version;
  /** What the path's pattern caught. */
  id: string;
  by: string;
}

type Handler = (context: Admin) => Reply;

const ADMIN: readonly (readonly [string, RegExp, Handler])[] = [
  ["GET", /^\/v1\/organizations\/me$/, ({ organization }) => ok(showOrganization(organization))],
  ["GET", /^\/v1\/organizations\/api_keys$/, (c) => listKeys(c.call, c.organization, c.version, c.twist)],
  [
    "GET",
    /^\/v1\/organizations\/api_keys\/([^/]+)$/,
    (c) => ok(showKey(findKey(c.id, c.organization), c.organization, c.version)),
  ],
  ["POST", /^\/v1\/organizations\/api_keys\/([^/]+)$/, (c) => updateKey(c.call, c.id, c.organization, c.version, c.by)],
  ["GET", /^\/v1\/organizations\/users$/, (c) => listUsers(c.call, c.organization)],
  ["GET", /^\/v1\/organizations\/users\/([^/]+)$/, (c) => getUser(c.id, c.organization)],
  ["GET", /^\/v1\/organizations\/workspaces$/, (c) => listWorkspaces(c.call, c.organization)],
  ["GET", /^\/v1\/organizations\/workspaces\/([^/]+)$/, (c) => getWorkspace(c.id, c.organization)],
  ["GET", /^\/v1\/organizations\/analytics\/usage$/, (c) => analyticsUsage(c.call, c.organization)],
  ["GET", /^\/v1\/organizations\/usage_report\/messages$/, (c) => usageReport(c.call, c.organization)],
];

type Inference = (context: Context, version: Version, who: ReturnType<typeof requireInference>) => Reply;

const INFERENCE: readonly (readonly [string, RegExp, Inference])[] = [
  ["GET", /^\/v1\/models$/, ({ call }) => listModels(call)],
  ["POST", /^\/v1\/messages$/, (c, version, who) => createMessage(c.call, version, who, c.organization, c.source)],
  ["POST", /^\/v1\/messages\/count_tokens$/, ({ call }, version) => countTokens(call, version)],
];

/** Carries a request out. @throws ApiRefusal for every answer that is not a success */
export function carryOut(context: Context): Reply {
  const { call, organization, credential } = context;
  // After authentication of its kind, every answer names the organization; inference also names the workspace.
  if (call.path.startsWith("/v1/organizations")) {
    requireAdmin(credential, organization);
    const version = versionOf(call);
    const { match, handler } = find(ADMIN, call);
    checkBody(call);
    const by = credential.kind === "admin" || credential.kind === "key" ? credential.row.id : "unknown";
    return handler({ ...context, version, id: decoded(match[1]), by });
  }
  const who = requireInference(call, credential, organization);
  const version = versionOf(call);
  const { handler } = find(INFERENCE, call);
  checkBody(call);
  const reply = handler(context, version, who);
  return { ...reply, headers: { ...reply.headers, "anthropic-workspace-id": who.workspaceId } };
}

function find<H>(
  routes: readonly (readonly [string, RegExp, H])[],
  call: Call,
): { match: RegExpExecArray; handler: H } {
  for (const [method, path, handler] of routes) {
    const match = method === call.method ? path.exec(call.path) : null;
    if (match !== null) return { match, handler };
  }
  throw new ApiRefusal(404, "There is nothing at this path.");
}

function checkBody(call: Call): void {
  if (call.body === UNREADABLE) throw new ApiRefusal(400, "The request body is not valid JSON.");
}
