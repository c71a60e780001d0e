import { isoTime } from "./identifiers.ts";
import type { Principal } from "./model.ts";
import type { Organization } from "./organization.ts";
import type { Slice } from "./usage-ledger.ts";
import { ApiRefusal, instant, integer, list, oneOf, ok } from "./wire.ts";
import type { Call, Reply } from "./wire.ts";

export const WIDTHS = { "1m": 60_000, "1h": 3_600_000, "1d": 86_400_000 } as const;
const BETA = "analytics-usage-cost-2026-08-24";
const HOUR = WIDTHS["1h"];
const DAY = WIDTHS["1d"];
const EARLIEST = Date.UTC(2026, 0, 1);

const DIMENSIONS = [
  "actor",
  "actor_type",
  "agent_id",
  "api_key_id",
  "claude_tag_category",
  "claude_tag_user_id",
  "context_window",
  "deployment_id",
  "environment_id",
  "inference_geo",
  "model",
  "organization_id",
  "product",
  "rbac_group_id",
  "service_tier",
  "session_id",
  "slack_channel_id",
  "speed",
  "user_profile_id",
  "workspace_id",
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** What time the reports know up to: usage recorded after it does not exist yet. */
export const refreshedAt = (organization: Organization): number =>
  organization.now() - organization.settings.usageLagMs;

/** `GET /v1/organizations/analytics/usage` (facts 3.1). Answers rows with usage only. */
export function analyticsUsage(call: Call, organization: Organization): Reply {
  const { settings } = organization;
  if (settings.analytics === "off") throw new ApiRefusal(settings.analyticsOffStatus, "Not available here.");
  const betas = String(call.headers["anthropic-beta"] ?? "")
    .split(",")
    .map((beta) => beta.trim());
  // No source says how a missing beta header is answered; a request outside the beta is an invalid one.
  if (!betas.includes(BETA)) throw new ApiRefusal(400, `anthropic-beta: ${BETA} is required for this endpoint`);

  const { from, to, width } = range(call, organization.now());
  const groupBy = dimensions(call);
  const limit = integer(call, "limit", { min: 1, max: 1000, byDefault: 20 });
  const rows = sort(sum(call, organization, { from, to, width, groupBy }), call, width !== null);
  const start = offset(call);
  const more = start + limit < rows.length;
  return ok({
    data: rows.slice(start, start + limit).map(({ starting_at, ending_at, group, usage }) => ({
      starting_at: isoTime(starting_at),
      ending_at: isoTime(ending_at),
      group,
      usage,
    })),
    has_more: more,
    next_page: more ? Buffer.from(`page:${start + limit}`).toString("base64url") : null,
    data_refreshed_at: settings.dataRefreshedAt === "null" ? null : isoTime(refreshedAt(organization)),
  });
}

/** Where a `page` token points. @throws 400 for one that is not ours */
export function offset(call: Call): number {
  const page = call.query.get("page");
  if (page === null) return 0;
  const found = /^page:(\d{1,9})$/.exec(Buffer.from(page, "base64url").toString("utf8"))?.[1];
  if (found === undefined) throw new ApiRefusal(400, "page: is not a valid page token");
  return Number(found);
}

function range(call: Call, now: number): { from: number; to: number; width: number | null } {
  const starting = instant(call, "starting_at");
  if (starting === null) throw new ApiRefusal(400, "starting_at: field required");
  const ending = instant(call, "ending_at");
  const named = oneOf(call, "time_bucket_width", ["1m", "1h", "1d"]);
  if (named !== null && ending === null) throw new ApiRefusal(400, "ending_at: required with time_bucket_width");
  if (starting < Math.max(EARLIEST, now - 365 * DAY)) throw new ApiRefusal(400, "starting_at: too far in the past");
  const end = ending ?? Math.min(now, starting + 31 * DAY);
  if (end <= starting) throw new ApiRefusal(400, "ending_at: must be after starting_at");
  if (end - starting > 31 * DAY) throw new ApiRefusal(400, "ending_at: the range may span at most 31 days");
  if (named === "1m" && end - starting > DAY) throw new ApiRefusal(400, "ending_at: at most 24 hours with 1m buckets");
  // Without buckets the report covers whole hours: a client that asks for "until now" misses the running hour.
  if (named === null) return { from: floor(starting, HOUR), to: floor(end, HOUR), width: null };
  return { from: floor(starting, WIDTHS[named]), to: end, width: WIDTHS[named] };
}

const floor = (at: number, width: number): number => Math.floor(at / width) * width;

function dimensions(call: Call): Dimension[] {
  const asked = list(call, "group_by");
  if (asked.length > 5) throw new ApiRefusal(400, "group_by: at most 5 dimensions");
  return asked.map((name) => {
    const known = DIMENSIONS.find((dimension) => dimension === name);
    if (known === undefined) throw new ApiRefusal(400, "group_by: unknown dimension");
    return known;
  });
}

interface Row {
  starting_at: number;
  ending_at: number;
  group: Record<Dimension, unknown>;
  usage: ReturnType<typeof emptyUsage>;
}

export const emptyUsage = () => ({
  requests: 0,
  total_tokens: 0,
  uncached_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 0,
  server_tool_use: { web_search_requests: 0 },
});

function sum(
  call: Call,
  organization: Organization,
  plan: { from: number; to: number; width: number | null; groupBy: readonly Dimension[] },
): Row[] {
  const asked = list(call, "api_key_ids");
  // An empty entry also matches use without a key.
  const keyIds = asked.length === 0 ? null : new Set(asked.map((id) => (id === "" ? null : id)));
  const models = list(call, "models");
  const workspaces = list(call, "workspace_ids");
  const rows = new Map<string, Row>();
  for (const slice of organization.usage.between(plan.from, Math.min(plan.to, refreshedAt(organization) + 1), keyIds)) {
    if (models.length > 0 && !models.includes(slice.model)) continue;
    if (workspaces.length > 0 && !workspaces.includes(slice.workspaceId ?? "")) continue;
    const start = plan.width === null ? plan.from : floor(slice.at, plan.width);
    const group = groupOf(slice, plan.groupBy, organization);
    const name = `${start}\0${JSON.stringify(group)}`;
    const ending_at = plan.width === null ? plan.to : start + plan.width;
    const row = rows.get(name) ?? { starting_at: start, ending_at, group, usage: emptyUsage() };
    rows.set(name, row);
    row.usage.requests += slice.requests;
    row.usage.uncached_input_tokens += slice.inputTokens;
    row.usage.output_tokens += slice.outputTokens;
    row.usage.total_tokens += slice.inputTokens + slice.outputTokens;
  }
  return [...rows.values()];
}

function groupOf(slice: Slice, groupBy: readonly Dimension[], organization: Organization): Record<Dimension, unknown> {
  const group = Object.fromEntries(DIMENSIONS.map((name) => [name, null])) as Record<Dimension, unknown>;
  const principal = slice.keyId === null ? null : (organization.key(slice.keyId)?.principal ?? null);
  const values: Partial<Record<Dimension, unknown>> = {
    api_key_id: slice.keyId,
    model: slice.model,
    workspace_id: slice.workspaceId,
    service_tier: "standard",
    actor_type: principal === null ? "api_actor" : `${principal.type}_actor`,
    actor: actorOf(slice.keyId, principal, organization),
  };
  for (const name of groupBy) group[name] = values[name] ?? null;
  return group;
}

/** The user or service account a key acts as, else the key itself. */
function actorOf(keyId: string | null, principal: Principal | null, organization: Organization) {
  if (principal?.type === "service_account") return { type: "service_account_actor", service_account_id: principal.id };
  if (principal !== null) {
    const user = organization.users.get(principal.id);
    return {
      type: "user_actor",
      user_id: principal.id,
      deleted: user === undefined,
      email_address: user?.email ?? null,
      name: user?.name ?? null,
    };
  }
  return keyId === null ? null : { type: "api_actor", api_key_id: keyId };
}

function sort(rows: Row[], call: Call, bucketed: boolean): Row[] {
  const order = oneOf(call, "order", ["asc", "desc"]) ?? "desc";
  const metrics = ["total_tokens", "output_tokens", "uncached_input_tokens", "requests", "time"] as const;
  const asked = oneOf(call, "order_by", metrics) ?? "total_tokens";
  const sign = order === "asc" ? 1 : -1;
  if (asked === "time" && bucketed) {
    return rows.sort((a, b) => sign * (a.starting_at - b.starting_at) || b.usage.total_tokens - a.usage.total_tokens);
  }
  const by = asked === "time" ? "total_tokens" : asked;
  return rows.sort((a, b) => sign * (a.usage[by] - b.usage[by]) || a.starting_at - b.starting_at);
}
