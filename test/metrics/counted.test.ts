import { describe, expect, it } from "vitest";
import { createKeyAdmin } from "../../src/anthropic/key-admin.ts";
import { countedAudit, countedNotifier, countedStores } from "../../src/metrics/counted.ts";
import { type Counter, createCounters } from "../../src/metrics/counters.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { aDestination, aRotation } from "../support/records.ts";
import { makeWorld } from "../support/world.ts";

/** Series that are not 0, as `label=value,…` → count. */
const counts = (counter: Counter) =>
  Object.fromEntries(
    counter
      .family()
      .samples.filter((s) => s.value > 0)
      .map((s) => [Object.values(s.labels).join(" "), s.value]),
  );

describe("what is counted", () => {
  it.each([
    { answer: () => Promise.resolve(new Response("{}", { status: 401 })), code: "401" },
    { answer: () => Promise.resolve(new Response("{}", { status: 403 })), code: "403" },
    { answer: () => Promise.reject(new TypeError("fetch failed")), code: "network" },
  ])("a request to the API by operation and answer: $code", async ({ answer, code }) => {
    const { provider } = createCounters();
    const admin = createKeyAdmin({
      baseUrl: "https://api.example.com",
      adminKey: () => SecretText.from("an-admin-key"),
      clock: makeWorld().clock,
      fetch: answer,
      limits: { tries: 1 },
      onRequest: (told) => provider.add({ provider: "anthropic", ...told }),
    });
    await expect(admin.getKey("apikey_1")).rejects.toBeInstanceOf(KeyturnError);
    await expect(
      admin.setKeyStatus("apikey_1", "active", { timeoutMs: 1000, notAfter: Number.MAX_SAFE_INTEGER }),
    ).rejects.toBeInstanceOf(KeyturnError);
    expect(counts(provider)).toEqual({ [`anthropic get_key ${code}`]: 1, [`anthropic set_key_status ${code}`]: 1 });
  });

  it("a call of a secrets manager by type, method and outcome; a store stays one object and keeps its answers", async () => {
    const world = makeWorld();
    const counters = createCounters();
    const { provider } = counters;
    const stores = countedStores(world.deps.stores, counters);
    const dest = aDestination("billing.env");
    world.put(dest, "a-value");
    const store = await stores.of(dest);
    expect(await stores.of(dest)).toBe(store);
    expect(store.physicalId(dest)).toBe(world.store.physicalId(dest));
    expect((await store.read(dest))?.value.use((text) => text)).toBe("a-value");
    await expect(store.promote(dest, "rot_1", "no such version")).rejects.toBeInstanceOf(KeyturnError);
    const { [`${store.type} read ok`]: read, ...others } = counts(provider);
    expect(read).toBe(1);
    expect(Object.keys(others)).toEqual([expect.stringMatching(`^${store.type} promote [a-z_]+$`)]);
  });

  it("a failing audit sink; that Redis is away is no failure of the audit log", async () => {
    const world = makeWorld();
    const counters = createCounters();
    const failure = { code: "SINK_UNAVAILABLE" as "SINK_UNAVAILABLE" | "REDIS_UNAVAILABLE" };
    const sync = () => Promise.reject(new KeyturnError(failure.code));
    const audit = countedAudit(Object.assign(world.audit, { sync }), counters);
    await expect(audit.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    failure.code = "REDIS_UNAVAILABLE";
    await expect(audit.sync()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
    await audit.append([]);
    expect(counters.auditFailures.family().samples).toEqual([{ labels: {}, value: 1 }]);
  });

  it("every change of a rotation by its event, also when nobody can be told", async () => {
    const counters = createCounters();
    const notifier = countedNotifier({ changed: () => Promise.reject(new Error("nobody")) }, counters);
    await expect(notifier.changed(aRotation(), "approved")).rejects.toThrow("nobody");
    expect(counts(counters.events)).toEqual({ approved: 1 });
  });
});
