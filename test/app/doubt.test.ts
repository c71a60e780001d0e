import { rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { retry } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { SecretText } from "../../src/rotation/secret.ts";
import { DAY, type Drive, ana, exists } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };
const start = (more: Parameters<ReturnType<typeof drives>>[0] = {}) => ({ config, ...more });
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";

describe("R8, P12: doubt is neither success nor failure", () => {
  const open = drives();
  const messages = "^/v1/messages$";

  it.each([
    { what: "402", fault: { kind: "no_credit", as: 402 } },
    { what: "a 400 that says the same", fault: { kind: "no_credit", as: 400 } },
    { what: "529", fault: { kind: "overloaded" } },
    { what: "429", fault: { kind: "rate_limit" } },
    { what: "a reset connection", fault: { kind: "reset" } },
    { what: "no answer", fault: { kind: "hang" } },
    { what: "a proxy's page", fault: { kind: "html" } },
    { what: "a retired model", fault: { kind: "status", status: 404, type: "not_found_error" } },
  ] as const)(
    "verifying ends with $what: neither verified nor rejected; it goes on when that is over",
    async ({ fault }) => {
      const d = await open(start());
      const { id, replacement } = await d.to("verifying");
      await d.console.addFault({ match: { path: messages }, times: null, fault });
      for (let i = 0; i < 6; i++)
        expect(await d.step(id)).toMatchObject({ state: "verifying", replacement: { id: replacement?.id } });
      expect((await d.load(id)).attention?.code).toBe("verification_inconclusive");
      await d.console.clearFaults();
      expect((await d.step(id)).state).toBe("promoting");
    },
  );

  it("an unpaid bill right before the deactivation stops it where it is", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await d.console.addFault({ match: { path: messages }, times: null, fault: { kind: "no_credit", as: 402 } });
    expect(await d.step(id)).toMatchObject({ state: "deactivating", attention: { code: "verification_inconclusive" } });
    expect(await d.statusCalls()).toEqual([]);
  });

  it("a 401 for a key accepted long ago discards it, and a person is asked for another with a new deadline", async () => {
    const d = await open(start());
    const { id } = await d.to("verifying");
    await d.turn(10 * 60_000);
    await d.console.addFault({
      match: { path: "^/v1/models$" },
      times: null,
      fault: { kind: "status", status: 401, type: "authentication_error" },
    });
    const r = await d.step(id);
    expect(r).toMatchObject({ state: "awaiting_replacement", replacement: null, attention: { code: "key_rejected" } });
    expect((r.deadline ?? 0) - d.deps.clock.now()).toBeGreaterThan(6 * DAY);
    expect(await exists(`${d.lab.dir}/.billing.env.keyturn-pending`)).toBe(false);
  });

  it("a status we do not know is no known status", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    await d.console.addFault({
      match: { path: "/api_keys/" },
      times: null,
      fault: { kind: "unknown_status", status: "paused", keyIds: [outgoing(d)] },
    });
    await d.turn(8 * DAY);
    for (let i = 0; i < 2; i++) expect((await d.step(id)).state).toBe("grace_period");
  });

  it("the Admin API is down: asked again with pauses, shown to a person after ten minutes, resumed by itself", async () => {
    const d = await open(start());
    const { id } = await d.to("draining");
    const fault = await d.console.addFault({
      match: { path: "/api_keys/" },
      times: null,
      fault: { kind: "overloaded" },
    });
    expect(await d.step(id)).toMatchObject({ attention: null, retry: { code: "ADMIN_UNAVAILABLE" } });
    await d.turn(11 * 60_000);
    expect((await d.step(id)).attention?.code).toBe("admin_unavailable");
    await d.console.removeFault(fault);
    await retry(d.deps, id, ana);
    expect((await d.until(id, "grace_period")).attention).toBeNull();
  });

  it("P11: an audit sink that cannot be written stops the effect before it happens", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await rm(d.lab.auditFile);
    const sick: Deps = {
      ...d.deps,
      audit: { ...d.deps.audit, sync: async () => Promise.reject(new KeyturnError("SINK_UNAVAILABLE")) },
    };
    expect(await d.step(id, sick)).toMatchObject({ state: "deactivating", attention: { code: "sink_failing" } });
    expect(await d.statusCalls()).toEqual([]);
  });

  it("P3: the value read back for the proof is wiped when the step ends", async () => {
    const d = await open(start());
    const wiped: string[] = [];
    const { id } = await d.to("deactivating");
    const from = SecretText.prototype.wipe;
    SecretText.prototype.wipe = function (this: SecretText) {
      wiped.push(this.fingerprint);
      from.call(this);
    };
    try {
      await d.step(id);
    } finally {
      SecretText.prototype.wipe = from;
    }
    expect(wiped).toContain((await d.load(id)).replacement?.fingerprint);
  });
});
