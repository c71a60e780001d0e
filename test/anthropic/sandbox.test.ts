import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKeyAdmin } from "../../src/anthropic/key-admin.ts";
import { createKeyVerifier } from "../../src/anthropic/key-verifier.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { KeyAdmin, KeyVerifier } from "../../src/ports/key-admin.ts";
import { hintOf, SecretText } from "../../src/rotation/secret.ts";
import { sandboxClient, type SandboxClient } from "../../src/sandbox/client.ts";
import { type Sandbox, startSandbox } from "../../src/sandbox/start.ts";
import { everyKey, failureOf } from "./support.ts";

/** The sandbox keeps real time; only our waits are cut short. */
const clock: Clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
const DAY = 86_400_000;

let sandbox: Sandbox;
let console: SandboxClient;
let admin: KeyAdmin;
let verifier: KeyVerifier;
const newAdmin = () =>
  createKeyAdmin({ baseUrl: sandbox.url, adminKey: () => SecretText.from(sandbox.adminKey), clock });
const soon = () => ({ timeoutMs: 5_000, notAfter: Date.now() + 10_000 });

beforeAll(async () => {
  sandbox = await startSandbox({ seed: "anthropic-adapter" });
  console = sandboxClient(sandbox.url);
  admin = newAdmin();
  verifier = createKeyVerifier({ baseUrl: sandbox.url, model: "claude-haiku-4-5", clock });
});
afterAll(() => sandbox.close());

describe("against a simulated organization", () => {
  it("names the organization and its clock", async () => {
    const answer = await admin.organization();
    expect(answer.value).toEqual({ id: sandbox.organization.id, name: "Sandbox" });
    expect(Math.abs((answer.serverTime ?? 0) - Date.now())).toBeLessThan(5_000);
    await console.settings({ dateHeader: "absent" });
    expect((await admin.organization()).serverTime).toBeNull();
    await console.settings({ dateHeader: 0 });
  });

  it("takes a key through its life", async () => {
    const { key, secret } = await console.createKey({ name: "life" });
    expect((await admin.getKey(key.id)).value).toMatchObject({
      id: key.id,
      name: "life",
      status: "active",
      hint: hintOf(secret),
    });
    for (const status of ["inactive", "active", "inactive", "archived"] as const) {
      expect((await admin.setKeyStatus(key.id, status, soon())).value.status).toBe(status);
    }
    expect((await failureOf(admin.setKeyStatus(key.id, "active", soon()))).code).toBe("ADMIN_REFUSED");
    expect((await admin.getKey("apikey_unknown")).value).toBeNull();
    expect((await failureOf(admin.setKeyStatus("apikey_unknown", "active", soon()))).code).toBe("ADMIN_REFUSED");
  });

  it("names the person behind a user id; nobody once they left", async () => {
    const user = await console.createUser({ email: "Dana.Doe@Example.com", name: "Dana" });
    expect(await admin.userEmail(user.id)).toBe("dana.doe@example.com");
    await console.removeUser(user.id);
    expect(await admin.userEmail(user.id)).toBeNull();
    expect((await failureOf(admin.userEmail("../me"))).code).toBe("ADMIN_INVALID");
  });

  it("tells a key limit apart from other refusals", async () => {
    const { key } = await console.createKey({ name: "limited" });
    await admin.setKeyStatus(key.id, "inactive", soon());
    await console.settings({ orgKeyLimit: 0 });
    expect((await failureOf(admin.setKeyStatus(key.id, "active", soon()))).code).toBe("KEY_LIMIT");
    await console.settings({ orgKeyLimit: null, workspaceKeyLimit: 0 });
    expect((await failureOf(admin.setKeyStatus(key.id, "active", soon()))).code).toBe("KEY_LIMIT");
    await console.settings({ workspaceKeyLimit: null });
  });

  it("finds a change that was made although its answer was lost", async () => {
    const { key } = await console.createKey({ name: "lost reply" });
    await console.addFault({ match: { method: "POST", keyId: key.id }, fault: { kind: "success_then_timeout" } });
    expect((await failureOf(admin.setKeyStatus(key.id, "inactive", soon()))).code).toBe("ADMIN_UNAVAILABLE");
    expect((await admin.getKey(key.id)).value?.status).toBe("inactive");
    const posts = (await console.requests()).filter((one) => one.method === "POST" && one.path.endsWith(key.id));
    expect(posts).toHaveLength(1);
  });

  it("reads keys without a workspace, and calls with them by naming one", async () => {
    const account = await console.createServiceAccount({ name: "robot", role: "developer" });
    const principal = { type: "service_account" as const, id: account.id };
    const { key, secret } = await console.createKey({ name: "roaming", workspaceId: null, principal });
    expect((await admin.getKey(key.id)).value).toMatchObject({
      scope: "organization",
      workspaceId: null,
      principal: account.id,
    });
    const workspaceId = sandbox.organization.defaultWorkspaceId;
    expect(await verifier.infer(SecretText.from(secret), { workspaceId: null })).toMatchObject({
      verdict: "inconclusive",
      cause: "workspace_header_missing",
      authenticated: true,
    });
    expect(await verifier.infer(SecretText.from(secret), { workspaceId })).toMatchObject({
      verdict: "ok",
      workspaceId,
    });
  });

  it("verifies a key, and rejects it once it is disabled", async () => {
    const { key, secret } = await console.createKey({ name: "verified" });
    const text = SecretText.from(secret);
    const owner = { organizationId: sandbox.organization.id, workspaceId: sandbox.organization.defaultWorkspaceId };
    expect(await verifier.authenticate(text, { workspaceId: null })).toMatchObject({
      verdict: "ok",
      ...owner,
      tokens: 0,
    });
    const inferred = await verifier.infer(text, { workspaceId: null });
    expect(inferred).toMatchObject({ verdict: "ok", ...owner });
    expect(inferred.verdict === "ok" && inferred.requestId).toMatch(/^req_/);
    const now = Date.now();
    const usage = await admin.usage(key.id, now - 60_000, now + 60_000, "minute");
    expect(usage).toMatchObject({
      requests: 1,
      tokens: inferred.verdict === "ok" ? inferred.tokens : -1,
      source: "analytics",
    });
    await console.disableKey(key.id);
    expect(await verifier.authenticate(text, { workspaceId: null })).toEqual({ verdict: "rejected", status: 401 });
    expect(await verifier.infer(text, { workspaceId: null })).toEqual({ verdict: "rejected", status: 401 });
    await console.settings({ deadKeyStatus: 404 });
    expect(await verifier.authenticate(text, { workspaceId: null })).toMatchObject({
      cause: "not_found",
      authenticated: false,
    });
    expect(await verifier.infer(text, { workspaceId: null })).toMatchObject({
      cause: "model_not_found",
      authenticated: false,
    });
    await console.settings({ deadKeyStatus: 401 });
  });

  it("does not condemn a key for an outage, a limit or an empty account", async () => {
    const { key, secret } = await console.createKey({ name: "unlucky" });
    const answerTo = async (fault: Parameters<SandboxClient["addFault"]>[0]["fault"]) => {
      await console.addFault({ match: { keyId: key.id }, times: 2, fault });
      const answer = await verifier.infer(SecretText.from(secret), { workspaceId: null });
      await console.clearFaults();
      return answer.verdict === "inconclusive" ? `${answer.cause} ${answer.authenticated}` : answer.verdict;
    };
    expect(await answerTo({ kind: "overloaded" })).toBe("status_529 false");
    expect(await answerTo({ kind: "rate_limit" })).toBe("rate_limited true");
    expect(await answerTo({ kind: "rate_limit", errorCode: "enforced_spend_limit_reached" })).toBe(
      "enforced_spend_limit_reached true",
    );
    expect(await answerTo({ kind: "no_credit", as: 400 })).toBe("billing true");
    expect(await answerTo({ kind: "no_credit", as: 402 })).toBe("billing true");
    expect(await answerTo({ kind: "html" })).toBe("not_the_api false");
    expect(await answerTo({ kind: "reset" })).toBe("network false");
  });

  it("tells a model that is gone apart from a bad key", async () => {
    const { secret } = await console.createKey({ name: "old model" });
    const old = createKeyVerifier({ baseUrl: sandbox.url, model: "claude-3-haiku-20240307", clock });
    expect(await old.infer(SecretText.from(secret), { workspaceId: null })).toMatchObject({
      cause: "model_not_found",
      authenticated: true,
    });
  });

  it("reads usage over weeks, from both reports, with the same last use", async () => {
    const { key } = await console.createKey({ name: "busy" });
    const now = Date.now();
    const lastUse = Math.floor((now - 2 * DAY) / 60_000) * 60_000;
    const entry = { requests: 3, inputTokens: 10, outputTokens: 5 };
    await console.injectUsage({
      keyId: key.id,
      model: "claude-haiku-4-5",
      entries: [lastUse, lastUse - 3 * DAY].map((at) => ({ at: new Date(at).toISOString(), ...entry })),
    });
    const analytics = await admin.usage(key.id, now - 10 * DAY, now, "minute");
    expect(analytics).toMatchObject({ requests: 6, tokens: 30, lastUsedAt: lastUse, source: "analytics" });
    expect(Math.abs((analytics.freshUntil ?? 0) - now)).toBeLessThan(5_000);
    expect((await admin.usage(key.id, now - 10 * DAY, now, "day")).days).toHaveLength(2);
    expect((await admin.usage(key.id, lastUse + 60_000, now, "minute")).lastUsedAt).toBeNull();

    await console.settings({ analytics: "off" });
    const withoutAnalytics = newAdmin();
    const legacy = await withoutAnalytics.usage(key.id, now - 10 * DAY, now, "minute");
    expect(legacy).toMatchObject({ requests: null, tokens: 30, lastUsedAt: lastUse, source: "legacy_report" });
    await console.settings({ analytics: "on", dataRefreshedAt: "null" });
    expect((await admin.usage(key.id, now - DAY, now, "minute")).freshUntil).toBeNull();
    await console.settings({ dataRefreshedAt: "now" });
  });
});

describe("listing a large organization", () => {
  it.each(["newest", "oldest"] as const)(
    "gives every key once, $0 first, whatever the pages repeat",
    async (listOrder) => {
      await console.settings({ listOrder });
      if (listOrder === "newest") await console.seedBulk({ count: 4_500 });
      await console.addFault({ match: { path: "/api_keys$" }, times: null, fault: { kind: "duplicate_ids" } });
      const keys = await everyKey(admin);
      await console.clearFaults();
      expect(keys.length).toBe((await console.state()).keys);
      expect(new Set(keys.map((key) => key.id)).size).toBe(keys.length);
    },
  );

  it.each([
    { when: "a page that repeats itself", fault: { kind: "repeated_page" as const }, code: "ADMIN_INVALID" },
    {
      when: "a page without has_more",
      fault: { kind: "missing_field" as const, field: "has_more" },
      code: "ADMIN_INVALID",
    },
    { when: "a page cut short", fault: { kind: "truncated" as const }, code: "ADMIN_INVALID" },
    { when: "a sign-in page", fault: { kind: "html" as const }, code: "ADMIN_INVALID" },
    {
      when: "a page broken off, each time",
      fault: { kind: "truncated" as const, framing: "broken" as const },
      code: "ADMIN_UNAVAILABLE",
    },
  ])("never takes the part before $when as the whole", async ({ fault, code }) => {
    await console.addFault({ match: { path: "/api_keys$" }, after: 2, times: null, fault });
    const failure = await failureOf(everyKey(admin));
    await console.clearFaults();
    expect(failure.code).toBe(code);
  });
});
