import { NOW, type Seen } from "./support.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const iso = (at: number) => new Date(at).toISOString();
export const KEY = "apikey_1";

export const row = (
  from: number,
  width: number,
  more: { requests?: number | null; tokens?: number; key?: string | null } = {},
) => ({
  starting_at: iso(from),
  ending_at: iso(from + width),
  group: { api_key_id: more.key === undefined ? KEY : more.key },
  usage: { requests: more.requests === undefined ? 1 : more.requests, total_tokens: more.tokens ?? 10 },
});
export const analytics = (rows: object[], more: object = {}) => ({
  body: { data: rows, has_more: false, next_page: null, data_refreshed_at: iso(NOW - MINUTE), ...more },
});
export const bucket = (from: number, width: number, results: object[]) => ({
  starting_at: iso(from),
  ending_at: iso(from + width),
  results,
});
export const result = (more: object = {}) => ({
  api_key_id: KEY,
  uncached_input_tokens: 100,
  cache_read_input_tokens: 20,
  cache_creation: { ephemeral_1h_input_tokens: 3, ephemeral_5m_input_tokens: 4 },
  output_tokens: 50,
  server_tool_use: { web_search_requests: 0 },
  ...more,
});
export const legacy = (buckets: object[], more: object = {}) => ({
  body: { data: buckets, has_more: false, next_page: null, ...more },
});
export const isAnalytics = (seen: Seen) => seen.path === "/v1/organizations/analytics/usage";
export const asked = (seen: Seen) =>
  [
    seen.query.get("starting_at"),
    seen.query.get("ending_at"),
    seen.query.get("time_bucket_width") ?? seen.query.get("bucket_width"),
  ].join(" ");
