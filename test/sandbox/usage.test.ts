import type { BetaAnalyticsUsageItem } from "@anthropic-ai/sdk/resources/beta/organization/analytics/usage";
import { describe, expect, it } from "vitest";
import { DAY, KEYS, PING, START, world } from "./support.ts";
import type { World } from "./support.ts";

const BETA = { "anthropic-beta": "analytics-usage-cost-2026-08-24" };
const iso = (at: number): string => encodeURIComponent(new Date(at).toISOString());
const analytics = (here: World, query: string, headers: Record<string, string> = BETA) =>
  here.admin("GET", `/v1/organizations/analytics/usage?${query}`, undefined, headers);
const legacy = (here: World, query: string) => here.admin("GET", `/v1/organizations/usage_report/messages?${query}`);
const month = `starting_at=${iso(START - 30 * DAY)}&ending_at=${iso(START + 1000)}`;

describe("usage by key", () => {
  it("is left by messages only: not by rejected calls, model lists or token counts", async () => {
    const here = await world();
    const { key, secret } = await here.person.seedKey({ name: "k" });
    const query = `${month}&time_bucket_width=1d&group_by[]=api_key_id&api_key_ids[]=${key.id}`;
    await here.call(secret, "GET", "/v1/models");
    await here.call(secret, "POST", "/v1/messages/count_tokens", PING);
    await here.call(secret, "POST", "/v1/messages", { ...PING, model: "none" });
    await here.person.addFault({ match: { path: "/v1/messages$" }, fault: { kind: "rate_limit", retryAfter: 1 } });
    expect(await here.message(secret)).toBe(429);
    expect((await analytics(here, query)).body.data).toEqual([]);
    expect(await here.message(secret)).toBe(200);
    expect(await here.person.use({ keyId: key.id, times: 9 })).toEqual({ 200: 9 });
    await here.admin("POST", `${KEYS}/${key.id}`, { status: "inactive" });
    expect(await here.person.use({ keyId: key.id, times: 2 })).toEqual({ 401: 2 });
    const { data } = (await analytics(here, query)).body;
    expect(data).toMatchObject([{ group: { api_key_id: key.id, model: null }, usage: { requests: 10 } }]);
    expect(data?.[0] as unknown as BetaAnalyticsUsageItem).toHaveProperty(
      "usage.cache_creation.ephemeral_5m_input_tokens",
    );
  });

  it("injected day by day is found with the last day first, one row per page", async () => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k", ageDays: 90 });
    await here.person.injectUsage({ keyId: key.id, days: { count: 3, endingDaysAgo: 2, requests: 100 } });
    const query = `${month}&time_bucket_width=1d&group_by[]=api_key_id&api_key_ids[]=${key.id}&order_by=time&order=desc&limit=1`;
    const starts: (string | undefined)[] = [];
    for (let page = ""; ;) {
      const { body } = await analytics(here, `${query}${page}`);
      starts.push(...(body.data ?? []).map((row) => row.starting_at));
      if (body.next_page === null || body.next_page === undefined) break;
      expect(body.has_more).toBe(true);
      page = `&page=${body.next_page}`;
    }
    expect(starts).toEqual(["2026-11-18", "2026-11-17", "2026-11-16"].map((day) => `${day}T00:00:00.000Z`));
  });

  it("appears after usageLagMs, and data_refreshed_at says so", async () => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k" });
    await here.person.settings({ usageLagMs: 300_000 });
    await here.person.use({ keyId: key.id });
    const query = `starting_at=${iso(START - 60_000)}&ending_at=${iso(START + 600_000)}&time_bucket_width=1m`;
    const before = (await analytics(here, query)).body;
    expect(before).toMatchObject({ data: [], data_refreshed_at: "2026-11-20T11:55:00.000Z" });
    here.clock.at += 300_000;
    const after = (await analytics(here, query)).body;
    expect(after.data).toMatchObject([{ starting_at: "2026-11-20T12:00:00.000Z", usage: { requests: 1 } }]);
    await here.person.settings({ dataRefreshedAt: "null" });
    expect((await analytics(here, query)).body.data_refreshed_at).toBeNull();
  });

  it("without buckets covers whole hours: the running one is missing", async () => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k" });
    await here.person.injectUsage({
      keyId: key.id,
      entries: [{ at: "2026-11-20T11:59:00Z" }, { at: "2026-11-20T12:01:00Z" }],
    });
    here.clock.at = START + 1_800_000;
    const { data } = (await analytics(here, `starting_at=${iso(START - DAY)}`)).body;
    expect(data).toMatchObject([{ ending_at: "2026-11-20T12:00:00.000Z", usage: { requests: 1 } }]);
  });

  it("use without a key is null, and is matched by an empty api_key_ids entry", async () => {
    const here = await world();
    const { key } = await here.person.seedKey({ name: "k" });
    await here.person.injectUsage({ keyId: null, days: { count: 1 } });
    await here.person.injectUsage({ keyId: key.id, days: { count: 1 } });
    const keys = async (filter: string) => {
      const { body } = await analytics(here, `${month}&group_by[]=api_key_id${filter}`);
      return body.data?.map((row) => row.group?.api_key_id);
    };
    expect(new Set(await keys(""))).toEqual(new Set([null, key.id]));
    expect(await keys("&api_key_ids[]=")).toEqual([null]);
    expect(await keys(`&api_key_ids[]=${key.id}`)).toEqual([key.id]);
  });

  it.each([
    { what: "the beta header is missing", query: month, headers: {}, status: 400 },
    { what: "starting_at is missing", query: "", headers: BETA, status: 400 },
    { what: "starting_at has no zone", query: "starting_at=2026-11-01T00:00:00", headers: BETA, status: 400 },
    { what: "starting_at is before 2026", query: "starting_at=2025-12-31T00:00:00Z", headers: BETA, status: 400 },
    {
      what: "buckets have no end",
      query: `starting_at=${iso(START - DAY)}&time_bucket_width=1d`,
      headers: BETA,
      status: 400,
    },
    {
      what: "the range is 32 days",
      query: `starting_at=${iso(START - 32 * DAY)}&ending_at=${iso(START)}`,
      headers: BETA,
      status: 400,
    },
    {
      what: "minute buckets span over 24 hours",
      query: `starting_at=${iso(START - DAY - 1)}&ending_at=${iso(START)}&time_bucket_width=1m`,
      headers: BETA,
      status: 400,
    },
    { what: "the limit is 1001", query: `${month}&limit=1001`, headers: BETA, status: 400 },
    { what: "a dimension is unknown", query: `${month}&group_by[]=colour`, headers: BETA, status: 400 },
    { what: "the page token is not ours", query: `${month}&page=zzz`, headers: BETA, status: 400 },
    { what: "all is well", query: month, headers: BETA, status: 200 },
  ])("answers $status when $what", async ({ query, headers, status }) => {
    const here = await world();
    expect((await analytics(here, query, headers as Record<string, string>)).status).toBe(status);
  });

  it.each([403, 404] as const)(
    "with analytics off answers %i, and only the legacy report works",
    async (analyticsOffStatus) => {
      const here = await world();
      const { key } = await here.person.seedKey({ name: "k" });
      await here.person.settings({ analytics: "off", analyticsOffStatus });
      await here.person.use({ keyId: key.id, times: 3 });
      expect((await analytics(here, month)).status).toBe(analyticsOffStatus);
      const report = await legacy(here, `${month}&group_by[]=api_key_id&api_key_ids[]=${key.id}&limit=31`);
      const used = report.body.data?.filter((bucket) => bucket.results?.length !== 0);
      expect(report.body.data).toHaveLength(31);
      expect(used).toMatchObject([
        { starting_at: "2026-11-20T00:00:00.000Z", results: [{ api_key_id: key.id, output_tokens: 12 }] },
      ]);
      expect(used?.[0]?.results?.[0]).not.toHaveProperty("requests");
    },
  );

  it("the legacy report pages over buckets, 7 days at a time unless asked", async () => {
    const here = await world();
    const first = (await legacy(here, month)).body;
    expect(first).toMatchObject({ has_more: true });
    expect(first.data).toHaveLength(7);
    const second = (await legacy(here, `${month}&page=${first.next_page ?? ""}`)).body;
    expect(second.data?.[0]?.starting_at).toBe("2026-10-28T00:00:00.000Z");
    expect((await legacy(here, `${month}&limit=32`)).status).toBe(400);
  });
});
