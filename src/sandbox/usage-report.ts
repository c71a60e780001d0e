import { offset, refreshedAt, WIDTHS } from "./analytics.ts";
import { isoTime } from "./identifiers.ts";
import type { Organization } from "./organization.ts";
import { ApiRefusal, instant, integer, list, oneOf, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

/** Buckets per page: default and most (facts 3.2). */
const PAGE = { "1d": [7, 31], "1h": [24, 168], "1m": [60, 1440] } as const;
const GROUPS = [
  "account_id",
  "api_key_id",
  "context_window",
  "inference_geo",
  "model",
  "service_account_id",
  "service_tier",
  "speed",
  "workspace_id",
];

/** `GET /v1/organizations/usage_report/messages`, the legacy report: no request counts, empty buckets included. */
export function usageReport(call: Call, organization: Organization): Reply {
  const starting = instant(call, "starting_at");
  if (starting === null) throw new ApiRefusal(400, "starting_at: field required");
  const ending = instant(call, "ending_at") ?? organization.now();
  if (ending <= starting) throw new ApiRefusal(400, "ending_at: must be after starting_at");
  const named = oneOf(call, "bucket_width", ["1m", "1h", "1d"]) ?? "1d";
  const [byDefault, max] = PAGE[named];
  const limit = integer(call, "limit", { min: 1, max, byDefault });
  const groupBy = list(call, "group_by");
  if (groupBy.some((name) => !GROUPS.includes(name))) throw new ApiRefusal(400, "group_by: unknown dimension");

  const width = WIDTHS[named];
  const first = Math.floor(starting / width) * width;
  const buckets = Math.ceil((ending - first) / width);
  const start = offset(call);
  const count = Math.max(0, Math.min(limit, buckets - start));
  const data = Array.from({ length: count }, (_, index) => {
    const from = first + (start + index) * width;
    const results = sum(call, organization, from, Math.min(from + width, ending), groupBy);
    return { starting_at: isoTime(from), ending_at: isoTime(from + width), results };
  });
  const more = start + count < buckets;
  const next_page = more ? Buffer.from(`page:${start + count}`).toString("base64url") : null;
  return ok({ data, has_more: more, next_page });
}

function sum(call: Call, organization: Organization, from: number, to: number, groupBy: readonly string[]) {
  const asked = list(call, "api_key_ids");
  const models = list(call, "models");
  const workspaces = list(call, "workspace_ids");
  const { defaultWorkspaceId } = organization.self;
  const rows = new Map<string, ReturnType<typeof emptyResult>>();
  const until = Math.min(to, refreshedAt(organization) + 1);
  for (const slice of organization.usage.between(from, until, asked.length === 0 ? null : new Set(asked))) {
    if (models.length > 0 && !models.includes(slice.model)) continue;
    if (workspaces.length > 0 && !workspaces.includes(slice.workspaceId ?? "")) continue;
    const group = {
      api_key_id: groupBy.includes("api_key_id") ? slice.keyId : null,
      model: groupBy.includes("model") ? slice.model : null,
      // Unlike the analytics endpoint, this one shows the Default Workspace as null.
      workspace_id:
        groupBy.includes("workspace_id") && slice.workspaceId !== defaultWorkspaceId ? slice.workspaceId : null,
      service_tier: groupBy.includes("service_tier") ? "standard" : null,
    };
    const name = JSON.stringify(group);
    const row = rows.get(name) ?? { ...emptyResult(), ...group };
    rows.set(name, row);
    row.uncached_input_tokens += slice.inputTokens;
    row.output_tokens += slice.outputTokens;
  }
  return [...rows.values()];
}

const emptyResult = () => ({
  api_key_id: null as string | null,
  workspace_id: null as string | null,
  account_id: null,
  service_account_id: null,
  model: null as string | null,
  service_tier: null as string | null,
  context_window: null,
  inference_geo: null,
  uncached_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: 0 },
  output_tokens: 0,
  server_tool_use: { web_search_requests: 0 },
});
