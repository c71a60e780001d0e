import { ask, bodyOf, type ClientDeps, invalid, type Query } from "./admin-client.ts";
import type { Reply } from "./http.ts";
import { formatTimestamp } from "./timestamp.ts";
import { parseAnalyticsPage, parseLegacyPage, type UsagePage, type UsageRow } from "./usage-rows.ts";
import type { BucketWidth, Piece } from "./usage-window.ts";

/** One of the two reports that know usage by key. */
export interface Source {
  path: string;
  headers: Record<string, string>;
  query: (width: BucketWidth) => Query;
  parse: (body: unknown, keyId: string) => UsagePage | string;
  /** Whether this answer means that the report is not for us, rather than that something is wrong. */
  refused: (reply: Reply) => boolean;
  /** Up to when a page can be believed. `now` and `serverTime` are the two clocks; times from the future count as now (R24). */
  freshUntil: (refreshedAt: number | null, now: number, serverTime: number) => number | null;
}

/** The legacy report is "normally within 5 minutes, occasionally longer" behind; an hour is the design's reading (R13). */
const LEGACY_LAG_MS = 60 * 60_000;

export const ANALYTICS: Source = {
  path: "/v1/organizations/analytics/usage",
  headers: { "anthropic-beta": "analytics-usage-cost-2026-08-24" },
  query: (width) => [
    ["time_bucket_width", width],
    ["order_by", "time"],
    ["order", "asc"],
    ["limit", "1000"],
  ],
  parse: parseAnalyticsPage,
  refused: (reply) => [400, 403, 404, 405, 410].includes(reply.status),
  freshUntil: (at, now, serverTime) => (at === null ? null : Math.min(at, Math.max(now, serverTime))),
};

const LEGACY_BUCKETS: Record<BucketWidth, string> = { "1m": "1440", "1h": "168", "1d": "31" };
export const LEGACY: Source = {
  path: "/v1/organizations/usage_report/messages",
  headers: {},
  query: (width) => [
    ["bucket_width", width],
    ["limit", LEGACY_BUCKETS[width]],
  ],
  parse: parseLegacyPage,
  refused: () => false,
  freshUntil: (_, now, serverTime) => Math.min(now, serverTime) - LEGACY_LAG_MS,
};

/** Everything one report said, every page of it read. */
export interface Report {
  rows: UsageRow[];
  /** Of the page that can be believed for the shortest time; null when that is not known of every page. */
  freshUntil: number | null;
}

/** A day of minutes is two pages of one key; an answer that goes on for this long is not one. */
const MAX_PAGES = 200;

/**
 * One key's rows in all `pieces`; a status instead when the source refused. Part of a report is never returned.
 * @throws ADMIN_DENIED, ADMIN_INVALID, ADMIN_UNAVAILABLE, or the reason of `signal`
 */
export async function readReport(
  deps: ClientDeps,
  source: Source,
  keyId: string,
  pieces: readonly Piece[],
  signal?: AbortSignal,
): Promise<Report | { refusedWith: number }> {
  const rows: UsageRow[] = [];
  const freshness: (number | null)[] = [];
  for (const piece of pieces) {
    const cursors = new Set<string>();
    for (let next: string | null = null; ;) {
      const page: UsagePage | number = await readPage(deps, source, keyId, piece, next, signal);
      if (typeof page === "number") return { refusedWith: page };
      rows.push(...page.rows);
      freshness.push(page.refreshedAt);
      next = page.next;
      if (next === null) break;
      if (cursors.has(next)) throw invalid(source.path, "answered with a cursor for the second time");
      cursors.add(next);
      if (cursors.size > MAX_PAGES) throw invalid(source.path, "answered with pages without end");
    }
  }
  return { rows, freshUntil: oldest(freshness) };
}

/** null: not known of at least one. */
export function oldest(times: readonly (number | null)[]): number | null {
  return times.reduce((a, b) => (a === null || b === null ? null : Math.min(a, b)), times[0] ?? null);
}

async function readPage(
  deps: ClientDeps,
  source: Source,
  keyId: string,
  piece: Piece,
  cursor: string | null,
  signal: AbortSignal | undefined,
): Promise<UsagePage | number> {
  const query: [string, string][] = [
    ["starting_at", formatTimestamp(piece.from)],
    ["ending_at", formatTimestamp(piece.to)],
    ["api_key_ids[]", keyId],
    ["group_by[]", "api_key_id"],
  ];
  for (const [name, value] of source.query(piece.width)) query.push([name, value]);
  if (cursor !== null) query.push(["page", cursor]);
  const reply = await ask(deps, source.path, query, { headers: source.headers, signal, urgency: "scan" });
  if (source.refused(reply)) return reply.status;
  const page = source.parse(bodyOf(source.path, reply), keyId);
  if (typeof page === "string") throw invalid(source.path, `answered with ${page}`);
  const now = deps.clock.now();
  return { ...page, refreshedAt: source.freshUntil(page.refreshedAt, now, reply.serverTime ?? now) };
}
