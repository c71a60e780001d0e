import { afterEach, describe, expect, it } from "vitest";
import {
  adminFor,
  DATE,
  everyKey,
  failureOf,
  NOW,
  page,
  refusalBody,
  scriptedApi,
  type ScriptedApi,
  shown,
  TestClock,
} from "./support.ts";

let api: ScriptedApi | undefined;
afterEach(async () => api?.close());
const ORGANIZATION = { body: { type: "organization", id: "3f0c2a10", name: "Example Org" } };
const busy = (headers: Record<string, string>) => ({ status: 429, headers, body: refusalBody("rate_limit_error") });

describe("a read is repeated", () => {
  it.each([
    { when: "after 408", first: { status: 408 } },
    { when: "after 409", first: { status: 409, body: refusalBody("conflict_error") } },
    { when: "after 429", first: busy({}) },
    { when: "after 500", first: { status: 500, body: refusalBody("api_error") } },
    { when: "after a proxy's 502", first: { status: 502, headers: { "content-type": "text/html" }, body: "<html>" } },
    { when: "after 529", first: { status: 529, body: refusalBody("overloaded_error") } },
    { when: "after a connection that breaks off", first: { reset: true } },
    { when: "after a body that breaks off", first: { ...ORGANIZATION, cutOff: true } },
    { when: "after no answer in time", first: { hang: true } },
  ])("$when, and then succeeds", async ({ first }) => {
    api = await scriptedApi([first, ORGANIZATION]);
    const clock = new TestClock();
    const answer = await adminFor(api.url, clock, { limits: { tries: 3, attemptMs: 200 } }).organization();
    expect(answer).toEqual({ value: { id: "3f0c2a10", name: "Example Org" }, serverTime: NOW });
    expect(clock.waits).toEqual([500]);
    expect(api.seen).toHaveLength(2);
  });

  it.each([400, 401, 402, 403, 404, 413, 422])("never after %i", async (status) => {
    api = await scriptedApi([{ status, body: refusalBody("some_error") }, ORGANIZATION]);
    await failureOf(adminFor(api.url, new TestClock()).organization());
    expect(api.seen).toHaveLength(1);
  });

  it("after waits that double up to the cap, less up to a quarter at random", async () => {
    api = await scriptedApi([{ status: 500 }]);
    const clock = new TestClock();
    const limits = { tries: 7, backoffMs: 500, backoffCapMs: 4_000 };
    await failureOf(adminFor(api.url, clock, { limits, random: () => 0.5 }).organization());
    expect(clock.waits).toEqual([438, 875, 1750, 3500, 3500, 3500]);
  });

  it("only while a wait fits the deadline, waits included", async () => {
    api = await scriptedApi([{ status: 500 }]);
    const clock = new TestClock();
    const limits = { tries: 100, backoffMs: 1_000, backoffCapMs: 1_000, deadlineMs: 4_500 };
    const failure = await failureOf(adminFor(api.url, clock, { limits }).organization());
    expect(clock.waits).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(failure.message).toContain("answered 500 application/json, after 5 tries.");
  });

  it("in a list, page by page", async () => {
    api = await scriptedApi([
      { body: page([shown("apikey_1")], { has_more: true, last_id: "apikey_1" }) },
      { status: 500 },
      { body: page([shown("apikey_2")]) },
    ]);
    const keys = await everyKey(adminFor(api.url, new TestClock()));
    expect(keys.map((key) => key.id)).toEqual(["apikey_1", "apikey_2"]);
  });
});

describe("retry-after", () => {
  it.each([
    { says: "seconds", headers: { "retry-after": "7" }, waits: 7_000 },
    { says: "fractions of seconds", headers: { "retry-after": "1.5" }, waits: 1_500 },
    { says: "milliseconds, which win", headers: { "retry-after": "9", "retry-after-ms": "2500" }, waits: 2_500 },
    {
      says: "a date, counted from the server's own",
      headers: { "retry-after": new Date(NOW + 9_000).toUTCString() },
      waits: 9_000,
    },
    {
      says: "a date in the past: our own wait",
      headers: { "retry-after": new Date(NOW - 9_000).toUTCString() },
      waits: 500,
    },
    { says: "0: our own wait", headers: { "retry-after": "0" }, waits: 500 },
    { says: "nonsense: our own wait", headers: { "retry-after": "soon" }, waits: 500 },
    { says: "a negative number: our own wait", headers: { "retry-after": "-5" }, waits: 500 },
    { says: "exactly the cap", headers: { "retry-after": "30" }, waits: 30_000 },
  ])("in $says", async ({ headers, waits }) => {
    api = await scriptedApi([busy(headers), ORGANIZATION]);
    const clock = new TestClock();
    clock.set(NOW + 3_600_000); // our clock is an hour ahead; the answers' dates do not care
    await adminFor(api.url, clock).organization();
    expect(clock.waits).toEqual([waits]);
  });

  it("of three days is not waited for; the caller hears of an hour", async () => {
    api = await scriptedApi([busy({ "retry-after": "259200" })]);
    const clock = new TestClock();
    const failure = await failureOf(adminFor(api.url, clock).organization());
    expect(failure.message).toBe(
      "The Admin API did not answer as expected. GET /v1/organizations/me answered 429 application/json.",
    );
    expect(failure.code).toBe("ADMIN_UNAVAILABLE");
    expect(failure.retryAfterMs).toBe(3_600_000);
    expect(clock.waits).toEqual([]);
  });

  it("just above the cap is passed on as it is", async () => {
    api = await scriptedApi([busy({ "retry-after": "31" })]);
    const failure = await failureOf(adminFor(api.url, new TestClock()).organization());
    expect(failure.retryAfterMs).toBe(31_000);
  });
});

describe("the server's time", () => {
  it.each([
    { when: "as the answer says it", headers: { date: DATE }, serverTime: NOW },
    {
      when: "eight days ahead of us, unchanged (R24)",
      headers: { date: new Date(NOW + 691_200_000).toUTCString() },
      serverTime: NOW + 691_200_000,
    },
    { when: "null when the header is no date", headers: { date: "today" }, serverTime: null },
  ])("is told $when", async ({ headers, serverTime }) => {
    api = await scriptedApi([{ ...ORGANIZATION, headers }]);
    expect((await adminFor(api.url, new TestClock()).organization()).serverTime).toBe(serverTime);
  });
});
