import { isObject } from "./envelope.ts";
import { parseTimestamp } from "./timestamp.ts";
import type { Span } from "./usage-window.ts";

/** Use of one key in one bucket. */
export interface UsageRow extends Span {
  /** null: not counted. */
  requests: number | null;
  tokens: number;
  used: boolean;
}
/** One page of either report, or what is wrong with it in words that quote nothing. */
export interface UsagePage {
  rows: UsageRow[];
  next: string | null;
  /** Epoch milliseconds; null: not said. */
  refreshedAt: number | null;
}

/** `analytics/usage`: one row per bucket with use (facts: anthropic-api.md 3.1). */
export function parseAnalyticsPage(body: unknown, keyId: string): UsagePage | string {
  const items = itemsOf(body);
  if (typeof items === "string") return items;
  const rows: UsageRow[] = [];
  for (const item of items.data) {
    const span = spanOf(item);
    const usage = isObject(item) ? item["usage"] : null;
    if (span === null || !isObject(item) || !isObject(usage)) return "a row that cannot be read";
    if (!isObject(item["group"]) || item["group"]["api_key_id"] !== keyId) return "a row of another key than asked for";
    const tokens = count(usage["total_tokens"]);
    const requests = usage["requests"] ?? null;
    if (tokens === null || (requests !== null && count(requests) === null)) return "a row without readable counts";
    // Rows exist only where there is use, so a row that counts nothing at all is use all the same.
    rows.push({
      ...span,
      tokens,
      requests: count(requests),
      used: requests === null || count(requests) !== 0 || tokens > 0,
    });
  }
  return { rows, next: items.next, refreshedAt: isObject(body) ? parseTimestamp(body["data_refreshed_at"]) : null };
}

/** `usage_report/messages`: buckets, empty ones included, with results inside (facts: anthropic-api.md 3.2). */
export function parseLegacyPage(body: unknown, keyId: string): UsagePage | string {
  const items = itemsOf(body);
  if (typeof items === "string") return items;
  const rows: UsageRow[] = [];
  for (const bucket of items.data) {
    const span = spanOf(bucket);
    if (span === null || !isObject(bucket) || !Array.isArray(bucket["results"])) return "a bucket that cannot be read";
    const results: unknown[] = bucket["results"];
    for (const result of results) {
      if (!isObject(result) || result["api_key_id"] !== keyId) return "a result of another key than asked for";
      const tokens = legacyTokens(result);
      if (tokens === null) return "a result without readable counts";
      rows.push({ ...span, tokens, requests: null, used: tokens > 0 || usesTools(result["server_tool_use"]) });
    }
  }
  return { rows, next: items.next, refreshedAt: null };
}

function itemsOf(body: unknown): { data: unknown[]; next: string | null } | string {
  if (!isObject(body) || !Array.isArray(body["data"])) return "a page without `data`";
  if (typeof body["has_more"] !== "boolean") return "a page without `has_more`";
  const next = body["next_page"];
  if (!body["has_more"]) return { data: body["data"], next: null };
  if (typeof next !== "string" || next === "" || next.length > 4096)
    return "more pages to come, but no usable `next_page`";
  return { data: body["data"], next };
}

function spanOf(item: unknown): Span | null {
  if (!isObject(item)) return null;
  const from = parseTimestamp(item["starting_at"]);
  const to = parseTimestamp(item["ending_at"]);
  return from === null || to === null || to <= from ? null : { from, to };
}

const count = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;

/** Input and output of every kind. The two plain counts are always there; the cache's may be missing. */
function legacyTokens(result: Record<string, unknown>): number | null {
  const cached = isObject(result["cache_creation"]) ? Object.values(result["cache_creation"]) : [];
  const counts = [
    result["uncached_input_tokens"],
    result["output_tokens"],
    result["cache_read_input_tokens"] ?? 0,
    ...cached,
  ].map(count);
  return counts.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}

const usesTools = (tools: unknown): boolean =>
  isObject(tools) && Object.values(tools).some((uses) => typeof uses === "number" && uses > 0);
