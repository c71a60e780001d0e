import Anthropic from "@anthropic-ai/sdk";
import { describe, expect, it } from "vitest";
import type { FaultRuleInput } from "../../src/sandbox/fault-schema.ts";
import { KEYS, world } from "./support.ts";
import type { World } from "./support.ts";

const update = { method: "POST", path: "^/v1/organizations/api_keys/" };

async function withKey() {
  const here = await world();
  return { here, ...(await here.person.seedKey({ name: "k" })) };
}
const lastOutcome = async (here: World) => (await here.person.requests()).at(-1);

describe("an injected answer", () => {
  it.each<{ fault: FaultRuleInput["fault"]; status: number; type: string; code?: string; retryAfter?: string }>([
    { fault: { kind: "rate_limit", retryAfter: 7 }, status: 429, type: "rate_limit_error", retryAfter: "7" },
    {
      fault: { kind: "rate_limit", errorCode: "enforced_spend_limit_reached" },
      status: 429,
      type: "rate_limit_error",
      code: "enforced_spend_limit_reached",
    },
    { fault: { kind: "overloaded" }, status: 529, type: "overloaded_error" },
    { fault: { kind: "status", status: 500 }, status: 500, type: "api_error" },
    { fault: { kind: "status", status: 504 }, status: 504, type: "timeout_error" },
    { fault: { kind: "status", status: 409 }, status: 409, type: "conflict_error" },
    { fault: { kind: "no_credit", as: 400 }, status: 400, type: "invalid_request_error" },
    { fault: { kind: "no_credit", as: 402 }, status: 402, type: "billing_error" },
    {
      fault: { kind: "status", status: 403, errorCode: "sandbox_egress_restricted" },
      status: 403,
      type: "permission_error",
      code: "sandbox_egress_restricted",
    },
  ])(
    "$fault.kind $status comes in the envelope and has no effect",
    async ({ fault, status, type, code, retryAfter }) => {
      const { here, key } = await withKey();
      await here.person.addFault({ match: update, fault });
      const answer = await here.admin("POST", `${KEYS}/${key.id}`, { status: "inactive" });
      expect(answer).toMatchObject({ status, body: { type: "error", error: { type } } });
      expect(answer.body.error?.details?.error_code).toBe(code);
      expect(answer.headers.get("retry-after")).toBe(retryAfter ?? null);
      expect(answer.headers.get("anthropic-organization-id")).toBe(here.sandbox.organization.id);
      expect((await here.person.history(key.id)).key.status).toBe("active");
      expect((await here.admin("POST", `${KEYS}/${key.id}`, { status: "inactive" })).status).toBe(200);
    },
  );

  it("a limit does not hide a bad key: 401 stays 401", async () => {
    const { here, key, secret } = await withKey();
    await here.person.disableKey(key.id);
    await here.person.addFault({ fault: { kind: "rate_limit" }, times: null });
    expect(await here.message(secret)).toBe(401);
  });

  it("an injected 401 names no organization", async () => {
    const { here, secret } = await withKey();
    await here.person.addFault({ fault: { kind: "status", status: 401 } });
    const answer = await here.call(secret, "GET", "/v1/models");
    expect(answer.headers.get("anthropic-organization-id")).toBeNull();
    expect(answer.headers.get("anthropic-workspace-id")).toBeNull();
  });

  it("a proxy's page and a foreign body are not the API's", async () => {
    const { here } = await withKey();
    await here.person.addFault({ fault: { kind: "html" } });
    const page = await here.admin("GET", KEYS);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.body).toContain("<h1>");
    await here.person.addFault({ fault: { kind: "status", status: 502, body: { upstream: "gone" } } });
    expect(await here.admin("GET", KEYS)).toMatchObject({ status: 502, body: { upstream: "gone" } });
  });
});

describe("a connection that fails", () => {
  it.each<{ kind: "reset" | "hang" | "success_then_timeout" | "success_then_hang"; applied: boolean; outcome: string }>(
    [
      { kind: "reset", applied: false, outcome: "dropped" },
      { kind: "hang", applied: false, outcome: "hung" },
      { kind: "success_then_timeout", applied: true, outcome: "dropped" },
      { kind: "success_then_hang", applied: true, outcome: "hung" },
    ],
  )("$kind: the client learns nothing, the change is applied: $applied", async ({ kind, applied, outcome }) => {
    const { here, key } = await withKey();
    const fault = await here.person.addFault({ match: update, fault: { kind } });
    const client = new Anthropic({
      apiKey: here.sandbox.adminKey,
      baseURL: here.sandbox.url,
      maxRetries: 0,
      timeout: 300,
    });
    await expect(client.organization.apiKeys.update(key.id, { status: "inactive" })).rejects.toBeInstanceOf(
      Anthropic.APIConnectionError,
    );
    expect((await here.person.history(key.id)).key.status).toBe(applied ? "inactive" : "active");
    expect(await lastOutcome(here)).toMatchObject({
      status: null,
      outcome,
      applied,
      bodyStatus: "inactive",
      faults: [fault],
    });
  });

  it.each(["complete", "broken"] as const)("a body cut off in a %s response is no JSON", async (framing) => {
    const { here } = await withKey();
    await here.person.addFault({ match: { path: KEYS }, fault: { kind: "truncated", framing } });
    const response = await fetch(`${here.sandbox.url}${KEYS}`, {
      headers: { "x-api-key": here.sandbox.adminKey, "anthropic-version": "2026-10-21" },
    });
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toBeInstanceOf(framing === "complete" ? SyntaxError : TypeError);
  });

  it("a gate holds a request before or after its effect until the test opens it", async () => {
    const { here, key } = await withKey();
    for (const [when, to, held] of [
      ["before", "inactive", "active"],
      ["after", "active", "active"],
    ] as const) {
      const gate = await here.person.addFault({ match: update, fault: { kind: "gate", when } });
      const call = here.admin("POST", `${KEYS}/${key.id}`, { status: to });
      await here.person.untilFaultHits(gate);
      expect((await here.person.history(key.id)).key.status).toBe(held);
      await here.person.removeFault(gate);
      expect((await call).body.status).toBe(to);
    }
  });

  it("a delay passes before the answer", async () => {
    const { here } = await withKey();
    await here.person.addFault({ match: { path: KEYS }, fault: { kind: "delay", ms: 30 } });
    const started = performance.now();
    expect((await here.admin("GET", KEYS)).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(25);
  });
});

describe("a list that lies", () => {
  const listed = async (here: World, query: string) => (await here.admin("GET", `${KEYS}?${query}`)).body;

  it("duplicate_ids: the last id of a page is the first of the next", async () => {
    const here = await world();
    await here.person.seedKeys(["a", "b", "c", "d"].map((name) => ({ name })));
    await here.person.addFault({ match: { path: KEYS }, fault: { kind: "duplicate_ids" }, times: null });
    const first = await listed(here, "limit=2");
    const second = await listed(here, `limit=2&after_id=${first.last_id ?? ""}`);
    expect(second.first_id).toBe(first.last_id);
    expect(second.data).toHaveLength(2);
  });

  it("repeated_page: the first page again, with more to come", async () => {
    const here = await world();
    await here.person.seedKeys([{ name: "a" }, { name: "b" }]);
    await here.person.addFault({ match: { path: KEYS }, fault: { kind: "repeated_page" }, times: null });
    const first = await listed(here, "limit=2");
    expect(first.has_more).toBe(true);
    expect(await listed(here, `limit=2&after_id=${first.last_id ?? ""}`)).toEqual(first);
  });

  it("null hints, colliding hints, unknown statuses and missing fields, for all keys or some", async () => {
    const here = await world();
    const [a, b] = await here.person.seedKeys([{ name: "a" }, { name: "b" }]);
    const once = async (fault: FaultRuleInput["fault"]) => {
      await here.person.addFault({ match: { path: KEYS }, fault });
      return (await listed(here, "")).data ?? [];
    };
    expect((await once({ kind: "null_hints" })).map((key) => key.partial_key_hint)).toEqual([null, null]);
    const some = await once({ kind: "null_hints", keyIds: [a?.key.id ?? ""] });
    expect(some.map((key) => key.partial_key_hint)).toEqual([b?.key.partial_key_hint, null]);
    const same = await once({ kind: "hint_collision", hint: a?.key.partial_key_hint ?? "" });
    expect(new Set(same.map((key) => key.partial_key_hint))).toEqual(new Set([a?.key.partial_key_hint]));
    expect((await once({ kind: "unknown_status", status: "suspended" }))[0]?.status).toBe("suspended");
    expect((await once({ kind: "missing_field", field: "data.scope" }))[0]).not.toHaveProperty("scope");
    expect((await once({ kind: "set_field", field: "data.name", value: null }))[0]).toMatchObject({ name: null });
    await here.person.addFault({ fault: { kind: "missing_field", field: "has_more" } });
    expect(await listed(here, "")).not.toHaveProperty("has_more");
  });
});

describe("a rule", () => {
  it("hits only what it matches, after `after`, for `times` requests", async () => {
    const { here, key, secret } = await withKey();
    await here.person.addFault({
      match: { keyId: key.id, path: "models" },
      after: 1,
      times: 2,
      fault: { kind: "overloaded" },
    });
    const statuses: number[] = [];
    for (let call = 0; call < 5; call += 1) statuses.push((await here.call(secret, "GET", "/v1/models")).status);
    expect(statuses).toEqual([200, 529, 529, 200, 200]);
    expect((await here.person.faults())[0]).toMatchObject({ hits: 2 });
  });

  it("can be removed, one or all", async () => {
    const { here } = await withKey();
    const id = await here.person.addFault({ times: null, fault: { kind: "overloaded" } });
    await here.person.addFault({ times: null, fault: { kind: "status", status: 500 } });
    expect((await here.admin("GET", KEYS)).status).toBe(529);
    await here.person.removeFault(id);
    expect((await here.admin("GET", KEYS)).status).toBe(500);
    await here.person.clearFaults();
    expect((await here.admin("GET", KEYS)).status).toBe(200);
  });

  it.each([
    { fault: { kind: "explode" } },
    { match: { path: "(" }, fault: { kind: "reset" } },
    { fault: { kind: "delay" } },
  ])("%j is refused", async (rule) => {
    const here = await world();
    await expect(here.person.addFault(rule as FaultRuleInput)).rejects.toThrow("400");
  });

  it("several altering faults and one deciding fault apply together", async () => {
    const { here } = await withKey();
    await here.person.addFault({ fault: { kind: "headers", headers: { date: null, "x-should-retry": "false" } } });
    await here.person.addFault({ fault: { kind: "overloaded" } });
    await here.person.addFault({ fault: { kind: "status", status: 500 } });
    const answer = await here.admin("GET", KEYS);
    expect(answer.status).toBe(529);
    expect(answer.headers.get("date")).toBeNull();
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect((await here.admin("GET", KEYS)).status).toBe(500);
  });
});
