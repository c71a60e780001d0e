import { describe, expect, it } from "vitest";
import { cancel } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { hold, unhold } from "../../src/app/hold.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import { type Drive, ana, refusal } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };
const start = (more: Parameters<ReturnType<typeof drives>>[0] = {}) => ({ config, ...more });
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";

/** The dependencies with something done right before a status is set: between the last look and the call. */
function between(deps: Deps, act: () => Promise<unknown>): Deps {
  let done = false;
  return {
    ...deps,
    admin: {
      ...deps.admin,
      setKeyStatus: async (...call) => {
        if (!done) {
          done = true;
          await act();
        }
        return deps.admin.setKeyStatus(...call);
      },
    },
  };
}

/** The dependencies with something done right before the replacement is made current: between the last look and the write. */
function beforePromote(deps: Deps, act: () => Promise<unknown>): Deps {
  return {
    ...deps,
    stores: {
      close: () => deps.stores.close(),
      of: async (dest) => {
        const store = await deps.stores.of(dest);
        return {
          ...store,
          promote: async (...write) => {
            await act();
            return store.promote(...write);
          },
        };
      },
    },
  };
}

describe("P6: a promotion that a decision has stopped", () => {
  const open = drives();

  it("is not begun by a worker that looks again", async () => {
    const d = await open(start());
    const { id } = await d.to("promoting");
    const { rotations } = d.deps;
    let looks = 0;
    const late: Deps = {
      ...d.deps,
      rotations: {
        ...rotations,
        load: async (which) => {
          looks += 1;
          // Loaded once at the beginning of the step; then a person cancels.
          if (looks === 2) await cancel(d.deps, id, ana, null);
          return rotations.load(which);
        },
      },
    };
    await d.step(id, late);
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
    await d.until(id, "cancelled");
  });

  it("is taken back by the worker that was on its way, though the rollback had looked before", async () => {
    const d = await open(start());
    const { id } = await d.to("promoting");
    // As where the manager itself refuses what is stale: nobody waits, and what the writer has in hand is not discarded.
    const unaware: Deps = {
      ...d.deps,
      leases: { acquire: async () => ({ renew: async () => undefined, release: async () => undefined }) },
      stores: {
        close: () => d.deps.stores.close(),
        of: async (dest) => ({ ...(await d.deps.stores.of(dest)), discardPending: async () => undefined }),
      },
    };
    await d.step(
      id,
      beforePromote(d.deps, async () => {
        await cancel(d.deps, id, ana, null);
        await d.step(id, unaware);
      }),
    );
    expect(await d.load(id)).toMatchObject({ state: "cancelled" });
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
  });

  it("is waited for by the rollback where the manager cannot refuse a stale write (R10)", async () => {
    const d = await open(start());
    const { id } = await d.to("promoting");
    let meanwhile = "";
    await d.step(
      id,
      beforePromote(d.deps, async () => {
        await cancel(d.deps, id, ana, null);
        meanwhile = (await d.step(id)).retry?.code ?? "none";
      }),
    );
    expect(meanwhile).toBe("LOCK_HELD");
    await d.until(id, "cancelled");
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
  });
});

describe("R9, P6: the call is prevented, or undone, when the decision moved on", () => {
  const open = drives();

  it("a hold set between the last look and the call: the key is active again, and a person is told", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await d.step(
      id,
      between(d.deps, () => hold(d.deps, "billing", ana)),
    );
    expect(await d.status(outgoing(d))).toBe("active");
    expect(await d.statusCalls()).toEqual([`inactive ${outgoing(d)}`, `active ${outgoing(d)}`]);
    expect((await d.load(id)).attention?.code).toBe("stale_call_undone");
    expect((await d.step(id)).attention?.code).toBe("held");
    await unhold(d.deps, "billing", ana);
    await d.until(id, "grace_period");
  });

  it("a cancel between the last look and the call: undone, and rolled back", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await d.step(
      id,
      between(d.deps, () => cancel(d.deps, id, ana, null)),
    );
    expect(await d.status(outgoing(d))).toBe("active");
    await d.until(id, "cancelled");
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
  });

  it("a frozen worker that wakes after the key was reinstated sends nothing, or it is undone", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    const frozen = between(d.deps, async () => {
      await d.until(id, "grace_period");
      await reinstate(d.deps, id, ana);
      await d.until(id, "reinstated");
    });
    await d.step(id, frozen);
    expect(await d.status(outgoing(d))).toBe("active");
    expect((await d.load(id)).state).toBe("reinstated");
  });

  it("a worker frozen for longer than ten seconds after its checks sends nothing", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    // The client has the machine's clock: the time for the call is taken away from the other side.
    const late: Deps = {
      ...d.deps,
      admin: {
        ...d.deps.admin,
        setKeyStatus: (key, status, limits) =>
          d.deps.admin.setKeyStatus(key, status, { ...limits, notAfter: limits.notAfter - 10_001 }),
      },
    };
    await d.step(id, late);
    expect(await d.statusCalls()).toEqual([]);
    expect(await d.load(id)).toMatchObject({ state: "deactivating", retry: { code: "LOCK_HELD" } });
  });

  it("a hold set while it stands before the archive call: too late once sent is marked, prevented before", async () => {
    const d = await open(start());
    const { id } = await d.to("archiving");
    let answer: unknown = null;
    await d.step(
      id,
      between(d.deps, async () => (answer = await refusal(hold(d.deps, "billing", ana)).catch((e: unknown) => e))),
    );
    expect(String(answer)).toContain("too late");
    expect((await d.load(id)).state).toBe("completed");
  });

  it("R17: a mark that holds stops the archive call, and decisions are not called too late", async () => {
    const d = await open(start());
    const { id, plan } = await d.to("archiving");
    const [dest] = plan.destinations;
    if (dest === undefined) throw new Error("no destination");
    await (await d.deps.stores.of(dest)).mark(dest, { hold: "billing" });
    expect(await d.step(id)).toMatchObject({ state: "grace_period", intent: null });
    expect(await d.status(outgoing(d))).toBe("inactive");
    await reinstate(d.deps, id, ana);
    await d.until(id, "reinstated");
  });

  it("reinstated and deactivated again by a delayed call: undone within a day, and told", async () => {
    const d = await open(start());
    const { id } = await d.to("grace_period");
    await reinstate(d.deps, id, ana);
    await d.until(id, "reinstated");
    await d.console.disableKey(outgoing(d));
    expect((await d.step(id)).attention?.code).toBe("stale_call_undone");
    expect(await d.status(outgoing(d))).toBe("active");
  });

  it("P5: the call's reply is lost: the key itself tells, and no second call is made", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await d.console.addFault({
      match: { method: "POST", path: "/api_keys/" },
      fault: { kind: "success_then_timeout" },
    });
    expect((await d.step(id)).state).toBe("grace_period");
    expect(await d.statusCalls()).toEqual([`inactive ${outgoing(d)}`]);
  });

  it("R15: a process with an older configuration makes no destructive call", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await new Promise((resolve) => setTimeout(resolve, 10));
    await d.lab.configure({ holds: ["apikey_01Rj2N8SVvo6BePZj99NhmiT"] });
    const newer = await d.again();
    expect(await d.step(id)).toMatchObject({ state: "deactivating", attention: { code: "older_configuration" } });
    expect(await d.statusCalls()).toEqual([]);
    expect((await d.step(id, newer)).state).toBe("grace_period");
  });

  it("R15: holds of another process's newer configuration hold here as well", async () => {
    const d = await open(start());
    const { id } = await d.to("deactivating");
    await d.lab.configure({ holds: ["billing"] });
    await d.again();
    expect((await d.step(id)).attention?.code).toBe("held");
  });
});
