import { describe, expect, it } from "vitest";
import { cancel, reject, retry, snooze } from "../../src/app/decisions.ts";
import { reinstate } from "../../src/app/reinstate.ts";
import { revoke } from "../../src/app/revoke.ts";
import type { State } from "../../src/rotation/states.ts";
import { DAY, type Drive, ana, refusal } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "24h", limit: "3d" } } };
const outgoing = (d: Drive) => d.keys["billing"]?.key.id ?? "";
const managed = { unmanaged: false };

describe("R4: revoke has a meaning in every state", () => {
  const open = drives();

  it("with nothing open: the key is inactive now, a replacement is asked for without a deadline", async () => {
    const d = await open({ config });
    const { rotation } = await revoke(d.deps, "billing", ana, managed);
    expect(rotation).toMatchObject({ state: "revoking", reason: "compromised", deadline: null });
    await d.step(rotation.id);
    expect(await d.status(outgoing(d))).toBe("inactive");
    const r = await d.load(rotation.id);
    expect(r).toMatchObject({ state: "awaiting_replacement", deadline: null });
    await d.turn(60 * DAY);
    expect((await d.step(r.id)).state).toBe("awaiting_replacement");
    await d.until(r.id, "completed");
    expect(await d.status(outgoing(d))).toBe("archived");
  });

  it.each<{ state: State; steps: State[] }>([
    { state: "awaiting_approval", steps: ["revoking", "awaiting_replacement"] },
    { state: "awaiting_replacement", steps: ["revoking", "awaiting_replacement"] },
    { state: "verifying", steps: ["revoking", "verifying"] },
    { state: "promoting", steps: ["promoting", "propagating", "deactivating", "grace_period"] },
    { state: "propagating", steps: ["deactivating", "grace_period"] },
    { state: "draining", steps: ["deactivating", "grace_period"] },
    { state: "deactivating", steps: ["deactivating", "grace_period"] },
  ])("the outgoing key in $state → $steps, without a drain", async ({ state, steps }) => {
    const d = await open({ config });
    const { id } = await d.to(state);
    const { rotation } = await revoke(d.deps, outgoing(d), ana, managed);
    const seen: State[] = [rotation.state];
    for (let i = 0; i < 6 && seen.at(-1) !== steps.at(-1); i++) {
      const next = (await d.step(id)).state;
      if (next !== seen.at(-1)) seen.push(next);
    }
    expect(seen).toEqual(steps);
    expect(await d.status(outgoing(d))).toBe("inactive");
    expect(await d.load(id)).toMatchObject({ reason: "compromised", plan: { urgency: "urgent" } });
    const again = await revoke(d.deps, outgoing(d), ana, managed);
    expect(again.rotation.id).toBe(id);
    await d.until(id, "completed");
  });

  it("in promoting, when a store keeps it from finishing: revoked after a minute, then promotion goes on", async () => {
    const d = await open({ targets: { billing: { files: ["billing.env", "eu.env"] } }, config });
    const { id } = await d.to("promoting");
    await revoke(d.deps, "billing", ana, managed);
    await d.lab.setValue("eu", (await d.make({ name: "third" })).secret);
    await d.step(id);
    expect(await d.status(outgoing(d))).toBe("active");
    await d.turn(61_000);
    expect((await d.step(id)).state).toBe("revoking");
    await d.step(id);
    expect(await d.load(id)).toMatchObject({ state: "promoting", resumeState: null });
    expect(await d.status(outgoing(d))).toBe("inactive");
  });

  it.each<{ state: State }>([{ state: "grace_period" }, { state: "archiving" }])(
    "the outgoing key in $state: nothing to do, and says so",
    async ({ state }) => {
      const d = await open({ config });
      const r = await d.to(state);
      const { rotation, message } = await revoke(d.deps, outgoing(d), ana, managed);
      expect(rotation).toEqual(r);
      expect(message).toContain("already deactivated");
    },
  );

  it.each<{ state: State }>([{ state: "propagating" }, { state: "draining" }, { state: "deactivating" }])(
    "the replacement in $state: the old value goes back, then the replacement is deactivated",
    async ({ state }) => {
      const d = await open({ config });
      const { id, replacement } = await d.to(state);
      expect((await revoke(d.deps, replacement?.id ?? "", ana, managed)).rotation.state).toBe("rolling_back");
      await d.until(id, "rolled_back");
      expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
      expect([await d.status(outgoing(d)), await d.status(replacement?.id ?? "")]).toEqual(["active", "inactive"]);
      const announced = (await d.audit()).find(({ action }) => action === "roll_back.intended");
      expect(announced?.evidence["keyId"], "P11: which key is about to be deactivated").toBe(replacement?.id);
    },
  );

  it("the replacement before promotion: discarded, another is asked for", async () => {
    const d = await open({ config });
    const { replacement } = await d.to("verifying");
    const { rotation, message } = await revoke(d.deps, replacement?.id ?? "", ana, managed);
    expect(rotation).toMatchObject({ state: "awaiting_replacement", replacement: null });
    expect(message).toContain("--unmanaged");
  });

  it("R5: the replacement while its predecessor is in grace: a rotation of its own", async () => {
    const d = await open({ config });
    const first = await d.to("grace_period");
    const { rotation } = await revoke(d.deps, "billing", ana, managed);
    expect(rotation.id).not.toBe(first.id);
    expect(rotation.outgoing.id).toBe(first.replacement?.id);
    await d.until(rotation.id, "awaiting_replacement");
    expect(await d.status(rotation.outgoing.id)).toBe("inactive");
  });

  it("the replacement, when the outgoing key is inactive already but not yet noticed: a rotation of its own", async () => {
    const d = await open({ config });
    const first = await d.to("deactivating");
    await d.console.disableKey(outgoing(d));
    const { rotation } = await revoke(d.deps, first.replacement?.id ?? "", ana, managed);
    expect([(await d.load(first.id)).state, rotation.state]).toEqual(["grace_period", "revoking"]);
    expect(rotation.outgoing.id).toBe(first.replacement?.id);
  });

  it("a compromised rotation is not cancelled, rejected or snoozed; `reinstate` undoes it", async () => {
    const d = await open({ config });
    const { rotation } = await revoke(d.deps, "billing", ana, managed);
    const { id } = await d.until(rotation.id, "awaiting_replacement");
    for (const decide of [
      () => cancel(d.deps, id, ana, null),
      () => reject(d.deps, id, ana, null),
      () => snooze(d.deps, id, ana, Date.now() + DAY),
    ]) {
      expect((await refusal(decide())).exit).toBe(75);
    }
    await reinstate(d.deps, id, ana);
    await d.until(id, "cancelled");
    expect(await d.status(outgoing(d))).toBe("active");
  });

  it("a key of no target needs --unmanaged; it is deactivated and nothing is replaced", async () => {
    const d = await open({ config });
    const loose = await d.make({ name: "loose" });
    const error = await refusal(revoke(d.deps, loose.key.id, ana, managed));
    expect([error.exit, error.next]).toEqual([75, `keyturn revoke ${loose.key.id} --unmanaged`]);
    expect(await d.status(loose.key.id)).toBe("active");
    const { rotation } = await revoke(d.deps, loose.key.id, ana, { unmanaged: true });
    expect(await d.until(rotation.id, "grace_period")).toMatchObject({
      target: null,
      plan: { targets: [], destinations: [] },
    });
    expect(await d.status(loose.key.id)).toBe("inactive");
    await reinstate(d.deps, rotation.id, ana);
    await d.until(rotation.id, "cancelled");
    expect(await d.status(loose.key.id)).toBe("active");
  });

  it.each(["nobody", "apikey_01Rj2N8SVvo6BePZj99NhmiT"])("`%s` is not known: exit 64", async (name) => {
    const d = await open({ config });
    expect((await refusal(revoke(d.deps, name, ana, { unmanaged: true }))).exit).toBe(64);
  });

  it("R1: a key of two targets: one rotation over both", async () => {
    const d = await open({ targets: { billing: {}, reports: { sharesKeyOf: "billing" } }, config });
    const { rotation } = await revoke(d.deps, "reports", ana, managed);
    expect(rotation.plan.targets).toEqual(["billing", "reports"]);
    await d.until(rotation.id, "completed");
    expect(await d.value("billing.env")).toBe(await d.value("reports.env"));
  });

  it("R8: an account that cannot pay does not keep a leaked key's replacement from going live", async () => {
    const d = await open({ config });
    const { rotation } = await revoke(d.deps, "billing", ana, managed);
    await d.until(rotation.id, "awaiting_replacement");
    await d.console.addFault({ match: { path: "^/v1/messages$" }, times: null, fault: { kind: "no_credit", as: 402 } });
    await d.submit(rotation.id, (await d.make()).secret);
    await d.until(rotation.id, "grace_period");
  });
});

describe("R6: reinstate", () => {
  const open = drives();

  it("in the grace period: one command; then both keys work, and a person says how it goes on", async () => {
    const d = await open({ config });
    const { id } = await d.to("grace_period");
    expect(await reinstate(d.deps, id, ana)).toMatchObject({ state: "reinstating", graceEndsAt: null });
    expect((await d.until(id, "reinstated")).plan.targets).toEqual(["billing"]);
    expect(await d.status(outgoing(d))).toBe("active");
    await d.turn(30 * DAY);
    expect((await d.step(id)).state).toBe("reinstated");
    expect((await reinstate(d.deps, id, ana)).state).toBe("reinstated");
    expect((await retry(d.deps, id, ana)).state).toBe("draining");
  });

  it.each([
    { who: "an approver", approvers: ["*"], breakGlass: null, evidence: { reason: null, breakGlass: false } },
    {
      who: "somebody who breaks the glass",
      approvers: ["cleo@desk"],
      breakGlass: { reason: "night" },
      evidence: { reason: "night", breakGlass: true },
    },
  ])("P11: on record is whether the glass was broken, and no more of the person: $who", async (row) => {
    const d = await open({ config });
    const { id } = await d.to("grace_period");
    d.deps.settings.approvers.cli = row.approvers;
    await reinstate(d.deps, id, { ...ana, breakGlass: row.breakGlass });
    const entry = (await d.audit()).find((e) => e.action === "rotation.reinstate");
    expect(entry?.evidence).toEqual({ from: "grace_period", to: "reinstating", ...row.evidence });
  });

  it("`cancel` after it puts the old value back", async () => {
    const d = await open({ config });
    const { id } = await d.to("grace_period");
    await reinstate(d.deps, id, ana);
    await d.until(id, "reinstated");
    await cancel(d.deps, id, ana, null);
    await d.until(id, "cancelled");
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
  });

  it("at the limit of active keys: key_limit names keys that could go; it resumes when there is room", async () => {
    const d = await open({ config });
    const { id, replacement } = await d.to("grace_period");
    const idle = await d.make({ name: "idle" });
    await d.console.settings({ orgKeyLimit: 2 });
    await reinstate(d.deps, id, ana);
    const r = await d.step(id);
    expect(r).toMatchObject({ state: "reinstating", attention: { code: "key_limit" } });
    expect(r.attention?.message).toContain(`idle (${idle.key.id})`);
    expect(r.attention?.message).not.toContain(replacement?.id);
    await d.turn(30 * DAY);
    expect((await d.step(id)).state).toBe("reinstating");
    await d.console.deleteKey(idle.key.id);
    await d.until(id, "reinstated");
  });

  it.each<{ state: State }>([
    { state: "awaiting_approval" },
    { state: "awaiting_replacement" },
    { state: "draining" },
    { state: "completed" },
  ])("in $state there is nothing to reinstate: exit 75, on record", async ({ state }) => {
    const d = await open({ config });
    const { id } = await d.to(state);
    expect((await refusal(reinstate(d.deps, id, ana))).exit).toBe(75);
    expect((await d.audit()).at(-1)).toMatchObject({ action: "decision.refused", evidence: { code: "WRONG_STATE" } });
  });
});
