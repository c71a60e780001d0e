import { afterEach, describe, expect, it } from "vitest";
import {
  adminFor,
  failureOf,
  NOW,
  refusalBody,
  type Script,
  scriptedApi,
  type ScriptedApi,
  TestClock,
} from "./support.ts";
import { bucket, DAY, HOUR, isAnalytics, KEY, legacy, MINUTE, result } from "./usage-support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());

async function read(script: Script, from: number, to: number) {
  api = await scriptedApi(script);
  const admin = adminFor(api.url, new TestClock());
  return { usage: await admin.usage(KEY, from, to, "minute"), seen: api.seen };
}

describe("usage from the legacy report", () => {
  const script =
    (status: number): Script =>
    (seen) =>
      isAnalytics(seen)
        ? { status, body: refusalBody("permission_error") }
        : legacy([
            bucket(NOW - HOUR, MINUTE, []),
            bucket(NOW - 59 * MINUTE, MINUTE, [result()]),
            bucket(NOW - 58 * MINUTE, MINUTE, []),
          ]);

  it.each([400, 403, 404])("is read when the analytics answer %i", async (status) => {
    const { usage, seen } = await read(script(status), NOW - HOUR, NOW);
    expect(usage).toEqual({
      requests: null,
      tokens: 177,
      lastUsedAt: NOW - 59 * MINUTE,
      days: [],
      freshUntil: NOW - HOUR,
      source: "legacy_report",
    });
    expect(decodeURIComponent(seen[1]?.query.toString() ?? "")).toBe(
      "starting_at=2026-11-20T11:00:00Z&ending_at=2026-11-20T12:00:00Z&api_key_ids[]=apikey_1&group_by[]=api_key_id" +
        "&bucket_width=1m&limit=1440",
    );
  });

  it.each([401, 429, 500])("is not read when the analytics answer %i: that is no answer", async (status) => {
    api = await scriptedApi(script(status));
    await failureOf(adminFor(api.url, new TestClock()).usage(KEY, NOW - HOUR, NOW, "minute"));
    expect(api.seen.every(isAnalytics)).toBe(true);
  });

  it("is believed an hour less than the earlier of both clocks", async () => {
    api = await scriptedApi(script(403));
    const clock = new TestClock();
    clock.set(NOW + DAY);
    expect((await adminFor(api.url, clock).usage(KEY, NOW - HOUR, NOW, "minute")).freshUntil).toBe(NOW - HOUR);
  });

  it("is gone to straight for ten minutes after a 403, then the analytics are asked again", async () => {
    api = await scriptedApi(script(403));
    const clock = new TestClock();
    const admin = adminFor(api.url, clock);
    const paths = async (now: number) => {
      clock.set(now);
      const before = api?.seen.length ?? 0;
      await admin.usage(KEY, NOW - HOUR, NOW, "minute");
      return api?.seen.slice(before).map((seen) => (isAnalytics(seen) ? "analytics" : "legacy"));
    };
    expect(await paths(NOW)).toEqual(["analytics", "legacy"]);
    expect(await paths(NOW + 9 * MINUTE)).toEqual(["legacy"]);
    expect(await paths(NOW + 10 * MINUTE)).toEqual(["analytics", "legacy"]);
    // A clock that was set back starts again rather than waiting for the old time to come.
    expect(await paths(NOW - DAY)).toEqual(["analytics", "legacy"]);
  });

  it("is gone to only once after a 400, which may be about this one question", async () => {
    api = await scriptedApi(script(400));
    const admin = adminFor(api.url, new TestClock());
    await admin.usage(KEY, NOW - HOUR, NOW, "minute");
    await admin.usage(KEY, NOW - HOUR, NOW, "minute");
    expect(api.seen.filter(isAnalytics)).toHaveLength(2);
  });

  it("follows its pages too", async () => {
    const pages: Script = (seen) => {
      if (isAnalytics(seen)) return { status: 404 };
      const first = seen.query.get("page") === null;
      return first
        ? legacy([bucket(NOW - HOUR, MINUTE, [result()])], { has_more: true, next_page: "p2" })
        : legacy([bucket(NOW - 2 * MINUTE, MINUTE, [result({ server_tool_use: { web_search_requests: 1 } })])]);
    };
    expect((await read(pages, NOW - HOUR, NOW)).usage).toMatchObject({ tokens: 354, lastUsedAt: NOW - 2 * MINUTE });
  });

  it.each([
    { when: "buckets that are none", data: [{}], says: "a bucket that cannot be read." },
    {
      when: "results of no key",
      data: [bucket(NOW, MINUTE, [result({ api_key_id: null })])],
      says: "a result of another key than asked for.",
    },
    {
      when: "results without counts",
      data: [bucket(NOW, MINUTE, [result({ output_tokens: "many" })])],
      says: "a result without readable counts.",
    },
  ])("is refused for $when", async ({ data, says }) => {
    api = await scriptedApi((seen) => (isAnalytics(seen) ? { status: 404 } : legacy(data)));
    const failure = await failureOf(adminFor(api.url, new TestClock()).usage(KEY, NOW - HOUR, NOW, "minute"));
    expect(failure.message).toBe(
      `The Admin API answered with something Keyturn cannot read. GET /v1/organizations/usage_report/messages answered with ${says}`,
    );
  });
});
