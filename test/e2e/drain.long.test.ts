import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { errorOf } from "../support/cli.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Installation, POLICY, install } from "./installation.ts";

let redis: RedisServer;
let at: Installation;
let outgoing: { id: string; text: string };
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  at = await install(redis);
  outgoing = await at.target("billing", 100);
});
afterEach(() => at.close());

const draining = (quietFor: string, limit: string) =>
  at.configure({ policy: { ...POLICY, drain: { quietFor, limit } } });
const usedBefore = () => at.console.injectUsage({ keyId: outgoing.id, days: { count: 20 } });

describe("R13: deactivated only when it is out of use", () => {
  it.each(["on", "off"] as const)(
    "never used, quiet: drained by itself (analytics %s; off: the legacy report, an hour late)",
    async (analytics) => {
      await at.console.settings({ analytics });
      await draining("1s", analytics === "on" ? "1h" : "2s");
      // The legacy report says nothing of the last hour: that is doubt, and a person decides.
      await at.bringTo("billing", analytics === "on" ? "grace_period" : "attention:usage_unknown");
      expect(await at.status(outgoing.id)).toBe(analytics === "on" ? "inactive" : "active");
    },
  );

  it("used before: the replacement has to show use of its own", async () => {
    await usedBefore();
    await draining("1s", "3s");
    const { rotation, replacement } = await at.bringTo("billing", "attention:replacement_unused");
    const view = await at.shown(0, "show", rotation);
    expect(view.needsAttention?.message).toContain("leave no trace");
    await at.console.use({ keyId: replacement.id, times: 3 });
    await at.shown(0, "retry", rotation);
    await at.until(rotation, "grace_period");
  });

  it("still used past the limit: attention with the last use; `proceed` needs a reason and goes on", async () => {
    await draining("5s", "5s");
    const { rotation } = await at.bringTo("billing", "draining");
    await at.console.use({ keyId: outgoing.id });
    const view = await at.until(rotation, "attention:outgoing_still_used");
    expect(view.needsAttention?.message).toMatch(/last use: \d{4}-/);
    expect(await at.status(outgoing.id)).toBe("active");
    expect(errorOf(await at.run("proceed", rotation, "--json")).code).toBe("usage");
    const went = await at.shown(0, "proceed", rotation, "--reason", "that was me");
    expect(went.approvals).toHaveLength(2);
    await at.until(rotation, "grace_period");
    expect((await at.run("audit", "export")).stdout).toContain("that was me");
  });

  it("usage that cannot be read is doubt, not quiet (P12)", async () => {
    await draining("1s", "2s");
    await at.console.settings({ dataRefreshedAt: "null" });
    const { rotation } = await at.bringTo("billing", "attention:usage_unknown");
    expect(await at.status(outgoing.id)).toBe("active");
    await at.console.settings({ dataRefreshedAt: "now" });
    await at.shown(0, "retry", rotation);
    await at.until(rotation, "grace_period");
  });
});

describe("R1: a key in several places", () => {
  it("shared by two targets: one rotation over both, locked under both", async () => {
    await at.target("reports", 5);
    await at.setValue("reports", outgoing.text);
    const [id, ...more] = (await at.runOnce()).opened;
    expect(more).toEqual([]);
    const view = await at.shown(0, "show", "reports");
    expect(view.id).toBe(id);
    expect(view.plan.destinations).toHaveLength(2);
    await at.shown(0, "approve", "reports");
    const { text } = await at.submitNew("billing");
    await at.until("reports", "grace_period");
    expect([await at.value("billing"), await at.value("reports")]).toEqual([text, text]);
  });

  it("a destination of another target that still holds it stops the deactivation", async () => {
    await at.target("reports", 5);
    await draining("1h", "2h");
    const { rotation } = await at.bringTo("billing", "draining");
    await at.setValue("reports", outgoing.text);
    await at.shown(0, "proceed", rotation, "--reason", "test");
    await at.until(rotation, "attention:outgoing_in_use_elsewhere");
    expect(await at.status(outgoing.id)).toBe("active");
  });

  it("destinations of one target that disagree: a problem, no rotation", async () => {
    const other = await at.console.seedKey({ name: "other", ageDays: 3 });
    await writeFile(join(at.dir, "second.env"), `ANTHROPIC_API_KEY=${other.secret}\n`, { mode: 0o600 });
    const place = (secret: string) => ({ store: "files", secret, field: "ANTHROPIC_API_KEY" });
    await at.configure({ targets: { billing: { destinations: [place("billing.env"), place("second.env")] } } });
    const { opened, problems } = await at.runOnce();
    expect([opened, problems.map((p) => p.code)]).toEqual([[], ["destinations_disagree"]]);
    expect((await at.run("scan", "--strict")).code).toBe(1);
  });
});

describe("R5, R8, R12: one after another", () => {
  it("a second rotation runs while its predecessor is in grace; both end well", async () => {
    await at.configure({ policy: { ...POLICY, gracePeriod: "6s" } });
    const first = await at.bringTo("billing", "grace_period");
    const second = await at.bringTo("billing", "grace_period");
    expect(await at.value("billing")).toBe(second.replacement.text);
    await at.run("wait", first.rotation, "--for", "completed", "--timeout", "1s");
    for (const end = Date.now() + 20_000; Date.now() < end; await pause(200)) {
      await at.runOnce();
      if ((await at.shown(0, "show", second.rotation)).state === "completed") break;
    }
    expect((await at.shown(0, "show", first.rotation)).state).toBe("completed");
    expect([
      await at.status(outgoing.id),
      await at.status(first.replacement.id),
      await at.status(second.replacement.id),
    ]).toEqual(["archived", "archived", "active"]);
  });

  it("a replacement that would expire too soon needs --accept-expiry", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    const brief = await at.console.createKey({ name: "brief", expiresInMs: 86_400_000 });
    const refused = await at.submit(id, brief.secret);
    expect([refused.code, errorOf(refused).code]).toEqual([65, "expires_too_soon"]);
    expect((await at.submit(id, brief.secret, "--accept-expiry")).code).toBe(0);
    await at.until(id, "grace_period");
  });

  it("a different key while one is pending needs --replace; the same one is accepted already", async () => {
    await at.console.addFault({ match: { path: "^/v1/messages" }, times: null, fault: { kind: "no_credit", as: 402 } });
    const { rotation, replacement } = await at.bringTo("billing", "attention:verification_inconclusive");
    const other = await at.console.createKey({ name: "other" });
    const refused = await at.submit(rotation, other.secret);
    expect([refused.code, errorOf(refused).code]).toEqual([65, "other_pending"]);
    expect((await at.submit(rotation, replacement.text)).code).toBe(0);
    await at.console.clearFaults();
    expect((await at.submit(rotation, other.secret, "--replace")).code).toBe(0);
    await at.until(rotation, "grace_period");
    expect(await at.value("billing")).toBe(other.secret);
  });

  it("no usable hint: the record is named with --key-id", async () => {
    const { id } = await at.shown(0, "rotate", "billing");
    await at.shown(0, "approve", id);
    const made = await at.console.createKey({ name: "no hint" });
    await at.console.addFault({
      match: { path: "^/v1/organizations/api_keys" },
      times: null,
      fault: { kind: "null_hints", keyIds: [made.key.id] },
    });
    expect(errorOf(await at.submit(id, made.secret))).toMatchObject({
      code: "ambiguous_key",
      next: expect.stringContaining("--key-id") as string,
    });
    expect((await at.submit(id, made.secret, "--key-id", made.key.id)).code).toBe(0);
  });
});

it("decisions without a server act on the record; run-once carries them out and says from where to where", async () => {
  const { id } = await at.shown(0, "rotate", "billing");
  await at.shown(0, "approve", id);
  await at.submitNew(id);
  expect(await at.value("billing")).toBe(outgoing.text);
  const result = await at.runOnce();
  expect(Object.keys(result)).toEqual([
    "schema",
    "targets",
    "opened",
    "rebuilt",
    "unmanaged",
    "problems",
    "advanced",
    "waiting",
    "waited",
  ]);
  const { advanced, waiting } = result;
  expect(advanced).toEqual([{ id, from: "verifying", to: "grace_period" }]);
  expect(waiting).toEqual([{ id, state: "grace_period", for: "clock" }]);
});
