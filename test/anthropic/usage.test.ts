import { afterEach, describe, expect, it } from "vitest";
import { adminFor, failureOf, NOW, type Script, scriptedApi, type ScriptedApi, TestClock } from "./support.ts";
import { analytics, asked, DAY, HOUR, iso, KEY, MINUTE, row } from "./usage-support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());

async function read(script: Script, from: number, to: number, size: "day" | "minute" = "minute") {
  api = await scriptedApi(script);
  const admin = adminFor(api.url, new TestClock());
  return { usage: await admin.usage(KEY, from, to, size), asked: api.seen.map(asked), seen: api.seen };
}

describe("usage from the analytics", () => {
  it("sums the rows and tells the last use and the freshness", async () => {
    const at = NOW - 3 * HOUR;
    const { usage, seen } = await read(
      [analytics([row(at, MINUTE), row(at + HOUR, MINUTE, { requests: 4, tokens: 7 })])],
      at,
      NOW,
    );
    expect(usage).toEqual({
      requests: 5,
      tokens: 17,
      lastUsedAt: at + HOUR,
      days: [],
      freshUntil: NOW - MINUTE,
      source: "analytics",
    });
    expect(seen[0]?.headers["anthropic-beta"]).toBe("analytics-usage-cost-2026-08-24");
    expect(decodeURIComponent(seen[0]?.query.toString() ?? "")).toBe(
      "starting_at=2026-11-20T09:00:00Z&ending_at=2026-11-20T12:00:00Z&api_key_ids[]=apikey_1&group_by[]=api_key_id" +
        "&time_bucket_width=1m&order_by=time&order=asc&limit=1000",
    );
  });

  it("is nothing when there are no rows", async () => {
    const { usage } = await read([analytics([])], NOW - HOUR, NOW);
    expect(usage).toMatchObject({ requests: 0, tokens: 0, lastUsedAt: null, freshUntil: NOW - MINUTE });
  });

  it.each([
    {
      when: "a window of seconds, outwards to whole minutes",
      from: NOW - 90_500,
      to: NOW - 500,
      asks: ["2026-11-20T11:58:00Z 2026-11-20T12:00:00Z 1m"],
    },
    {
      when: "exactly a day, in minutes",
      from: NOW - DAY,
      to: NOW,
      asks: ["2026-11-19T12:00:00Z 2026-11-20T12:00:00Z 1m"],
    },
    {
      when: "more than a day, in minutes at its ends and hours between",
      from: NOW - 2 * DAY - 90_000,
      to: NOW + 90_000,
      asks: [
        "2026-11-18T11:58:00Z 2026-11-18T12:00:00Z 1m",
        "2026-11-18T12:00:00Z 2026-11-20T12:00:00Z 1h",
        "2026-11-20T12:00:00Z 2026-11-20T12:02:00Z 1m",
      ],
    },
  ])("covers $when", async ({ from, to, asks }) => {
    expect((await read([analytics([])], from, to)).asked).toEqual(asks);
  });

  it("covers days outwards to whole ones, at most 31 in one question", async () => {
    const { asked: asks } = await read([analytics([])], NOW - 31 * DAY, NOW, "day");
    expect(asks).toEqual([
      "2026-10-20T00:00:00Z 2026-11-20T00:00:00Z 1d",
      "2026-11-20T00:00:00Z 2026-11-21T00:00:00Z 1d",
    ]);
  });

  it("names the days with use, each once and in order", async () => {
    const midnight = Date.UTC(2026, 10, 20);
    const rows = [row(midnight, DAY), row(midnight - 3 * DAY, DAY), row(midnight, DAY)];
    const { usage } = await read([analytics(rows)], NOW - 5 * DAY, NOW, "day");
    expect(usage).toMatchObject({ days: ["2026-11-17", "2026-11-20"], lastUsedAt: midnight, requests: 3 });
  });

  it("counts a bucket that only touches the window, and none that does not", async () => {
    const from = NOW - HOUR + 30_000;
    const rows = [row(NOW - HOUR - MINUTE, MINUTE), row(NOW - HOUR, MINUTE), row(NOW, MINUTE)];
    const { usage } = await read([analytics(rows)], from, NOW);
    expect(usage).toMatchObject({ requests: 1, lastUsedAt: NOW - HOUR });
  });

  it("tells the last use to the minute where the window is read by the hour", async () => {
    const hour = NOW - 20 * HOUR;
    const { usage, asked: asks } = await read(
      (seen) => {
        if (seen.query.get("time_bucket_width") === "1h")
          return analytics([row(hour - HOUR, HOUR), row(hour, HOUR, { requests: 9 })]);
        return analytics([row(hour + 7 * MINUTE, MINUTE), row(hour + 41 * MINUTE, MINUTE)], {
          data_refreshed_at: iso(NOW - HOUR),
        });
      },
      NOW - 2 * DAY,
      NOW,
    );
    expect(asks).toEqual([
      "2026-11-18T12:00:00Z 2026-11-20T12:00:00Z 1h",
      "2026-11-19T16:00:00Z 2026-11-19T17:00:00Z 1m",
    ]);
    expect(usage).toMatchObject({ lastUsedAt: hour + 41 * MINUTE, requests: 10, freshUntil: NOW - HOUR });
  });

  it("takes the end of the hour as the last use when its minutes are not told", async () => {
    const hour = NOW - 20 * HOUR;
    const script: Script = (seen) => analytics(seen.query.get("time_bucket_width") === "1h" ? [row(hour, HOUR)] : []);
    expect((await read(script, NOW - 2 * DAY, NOW)).usage.lastUsedAt).toBe(hour + 59 * MINUTE);
  });

  it("follows every page; the least fresh one counts", async () => {
    const at = NOW - HOUR;
    const { usage, seen } = await read(
      [
        analytics([row(at, MINUTE)], { has_more: true, next_page: "p2", data_refreshed_at: iso(NOW - 5 * MINUTE) }),
        analytics([row(at + MINUTE, MINUTE)]),
      ],
      at,
      NOW,
    );
    expect(usage).toMatchObject({ requests: 2, freshUntil: NOW - 5 * MINUTE });
    expect(seen[1]?.query.get("page")).toBe("p2");
  });

  it.each([
    { when: "null when not told", at: null, is: null },
    { when: "null when unreadable", at: "now", is: null },
    { when: "now when it lies in the future (R24)", at: iso(NOW + DAY), is: NOW },
  ])("has a freshness that is $when", async ({ at, is }) => {
    expect((await read([analytics([], { data_refreshed_at: at })], NOW - HOUR, NOW)).usage.freshUntil).toBe(is);
  });

  it("does not know the requests when one row does not; such a row is use all the same", async () => {
    const rows = [row(NOW - HOUR, MINUTE), row(NOW - 2 * MINUTE, MINUTE, { requests: null, tokens: 0 })];
    const { usage } = await read([analytics(rows)], NOW - HOUR, NOW);
    expect(usage).toMatchObject({ requests: null, tokens: 10, lastUsedAt: NOW - 2 * MINUTE });
  });

  it("does not call a row use that counts zero requests and zero tokens", async () => {
    const { usage } = await read([analytics([row(NOW - HOUR, MINUTE, { requests: 0, tokens: 0 })])], NOW - HOUR, NOW);
    expect(usage).toMatchObject({ requests: 0, lastUsedAt: null });
  });

  const INVALID =
    "The Admin API answered with something Keyturn cannot read. GET /v1/organizations/analytics/usage answered with";
  it.each([
    {
      when: "rows of another key",
      body: analytics([row(NOW - HOUR, MINUTE, { key: "apikey_2" })]),
      says: "a row of another key than asked for.",
    },
    {
      when: "rows of no key",
      body: analytics([row(NOW - HOUR, MINUTE, { key: null })]),
      says: "a row of another key than asked for.",
    },
    {
      when: "rows without a time",
      body: analytics([{ ...row(NOW, MINUTE), starting_at: null }]),
      says: "a row that cannot be read.",
    },
    {
      when: "rows that end before they start",
      body: analytics([row(NOW, -MINUTE)]),
      says: "a row that cannot be read.",
    },
    {
      when: "rows without counts",
      body: analytics([{ ...row(NOW, MINUTE), usage: {} }]),
      says: "a row without readable counts.",
    },
    {
      when: "negative counts",
      body: analytics([row(NOW, MINUTE, { tokens: -1 })]),
      says: "a row without readable counts.",
    },
    { when: "no has_more", body: analytics([], { has_more: null }), says: "a page without `has_more`." },
    { when: "no data", body: { body: { has_more: false } }, says: "a page without `data`." },
    {
      when: "more pages without a cursor",
      body: analytics([], { has_more: true }),
      says: "more pages to come, but no usable `next_page`.",
    },
    {
      when: "the same page for ever",
      body: analytics([], { has_more: true, next_page: "p" }),
      says: "a cursor for the second time.",
    },
  ])("is refused for $when", async ({ body, says }) => {
    api = await scriptedApi([body]);
    const failure = await failureOf(adminFor(api.url, new TestClock()).usage(KEY, NOW - HOUR, NOW, "minute"));
    expect(failure.message).toBe(`${INVALID} ${says}`);
  });

  it("is not read at all rather than in part when a later page fails", async () => {
    api = await scriptedApi([
      analytics([row(NOW - HOUR, MINUTE)], { has_more: true, next_page: "p2" }),
      { status: 500 },
    ]);
    const failure = await failureOf(adminFor(api.url, new TestClock()).usage(KEY, NOW - HOUR, NOW, "minute"));
    expect(failure.code).toBe("ADMIN_UNAVAILABLE");
  });

  it.each([
    { when: "while it waits for an answer", scripted: { hang: true } },
    { when: "before it asks again", scripted: { status: 500 } },
  ])("is given up as soon as the caller says so, $when", async ({ scripted }) => {
    const abort = new AbortController();
    const enough = new Error("enough");
    api = await scriptedApi(() => {
      abort.abort(enough);
      return scripted;
    });
    const usage = adminFor(api.url, new TestClock()).usage(KEY, NOW - 31 * DAY, NOW, "day", abort.signal);
    await expect(usage).rejects.toBe(enough);
    expect(api.seen).toHaveLength(1);
  });
});
