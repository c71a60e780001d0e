import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { cancel } from "../../../src/app/decisions.ts";
import type { Deps } from "../../../src/app/deps.ts";
import { KeyturnError } from "../../../src/rotation/errors.ts";
import { DAY, type Drive, ana, exists, refusal } from "../../support/drive.ts";
import { drives } from "../../support/drives.ts";

const config = {
  policy: {
    gracePeriod: "7d",
    drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true },
    replacementWithin: "7d",
  },
};
const pendingFile = (d: Drive, name = "billing") => `${d.lab.dir}/.${name}.env.keyturn-pending`;
const twoFiles = { targets: { billing: { files: ["billing.env", "eu.env"] } }, config };

/** The same, but saving what `when` names fails once, as if the process had died right before it. */
function dyingBefore(deps: Deps, action: string): Deps {
  let died = false;
  const commit: Deps["rotations"]["commit"] = async (c) => {
    if (!died && c.audit.some((a) => a.action === action)) {
      died = true;
      throw new KeyturnError("REDIS_UNAVAILABLE");
    }
    return deps.rotations.commit(c);
  };
  return { ...deps, rotations: { ...deps.rotations, commit } };
}

describe("R12, P2: an accepted key is durable before anybody is told so", () => {
  const start = drives();

  it("a worker that saves at the same moment is stepped aside for", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const { commit, load } = d.deps.rotations;
    let saves = 0;
    d.deps.rotations.commit = async (c) => {
      if (c.audit.some((a) => a.action === "intake.started") && saves++ < 3) {
        const other = await load(id);
        if (other !== null)
          await commit({
            ...c,
            audit: [],
            record: { ...other, revision: other.revision + 1 },
            expectedRevision: other.revision,
          });
      }
      return commit(c);
    };
    expect((await d.submit(id, (await d.make()).secret)).rotation.state).toBe("verifying");
    expect(saves).toBe(4);
  });

  it("is pending and read back, applications still read the outgoing one, and the record knows its facts", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make({ name: "billing-2" });
    const { rotation, warnings, alreadyAccepted } = await d.submit(id, `  ${key.secret}\r\n`);
    expect([warnings, alreadyAccepted]).toEqual([[], false]);
    expect(rotation).toMatchObject({
      state: "verifying",
      lease: null,
      submittedBy: "cli:ana@laptop",
      replacement: { id: key.key.id, name: "billing-2", organizationId: d.lab.sandbox.organization.id },
    });
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
    expect(await d.file(".billing.env.keyturn-pending")).toContain(key.secret);
    expect(JSON.stringify(rotation) + (await d.file("audit.jsonl"))).not.toContain(key.secret);
  });

  it("the same key again is `already accepted`, in whatever state", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    await d.submit(id, key.secret);
    expect(await d.submit(id, key.secret)).toMatchObject({ alreadyAccepted: true });
    await d.until(id, "promoting");
    expect(await d.submit(id, `${key.secret}\n`)).toMatchObject({
      alreadyAccepted: true,
      rotation: { state: "promoting" },
    });
  });

  it("another key while one is pending is refused; with --replace the first is discarded", async () => {
    const d = await start(twoFiles);
    const { id } = await d.to("awaiting_replacement");
    const [one, two] = [await d.make({ name: "one" }), await d.make({ name: "two" })];
    await d.submit(id, one.secret);
    expect((await refusal(d.submit(id, two.secret))).reason).toBe("other_pending");
    const { rotation } = await d.submit(id, two.secret, { replace: true });
    expect(rotation).toMatchObject({ state: "verifying", replacement: { name: "two" } });
    expect(await d.file(".billing.env.keyturn-pending")).not.toContain(one.secret);
    expect((await d.until(id, "grace_period")).replacement?.id).toBe(two.key.id);
    expect([await d.value("billing.env"), await d.value("eu.env")]).toEqual([two.secret, two.secret]);
  });

  it("a wrong key with --replace costs nobody the first one", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const one = await d.make();
    await d.submit(id, one.secret);
    const old = await d.console.seedKey({ name: "old", ageDays: 300 });
    expect((await refusal(d.submit(id, old.secret, { replace: true }))).reason).toBe("key_older");
    expect((await d.until(id, "promoting")).replacement?.id).toBe(one.key.id);
  });

  it("P6: of two submissions at once one is told who is faster", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const [one, two] = [await d.make({ name: "one" }), await d.make({ name: "two" })];
    const gate = await d.console.addFault({ match: { path: "^/v1/models$" }, fault: { kind: "gate" } });
    const first = d.submit(id, one.secret);
    await d.console.untilFaultHits(gate);
    const error = await refusal(d.submit(id, two.secret));
    expect([error.code, error.exit]).toEqual(["LOCK_HELD", 75]);
    expect(error.message).toContain("cli:ana@laptop");
    await d.console.removeFault(gate);
    expect((await first).rotation.replacement?.name).toBe("one");
  });

  it("R20: no deadline passes while a submission is under way", async () => {
    const d = await start({ config });
    const { id, deadline } = await d.to("awaiting_replacement");
    const key = await d.make();
    await d.turn((deadline ?? 0) - d.deps.clock.now() - 1000);
    const gate = await d.console.addFault({ match: { path: "^/v1/models$" }, fault: { kind: "gate" } });
    const submitted = d.submit(id, key.secret);
    await d.console.untilFaultHits(gate);
    await d.turn(5000);
    expect((await d.step(id)).state).toBe("awaiting_replacement");
    await d.console.removeFault(gate);
    expect((await submitted).rotation.state).toBe("verifying");
  });

  it("R20: nobody's key in time: expired, nothing is touched", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    await d.turn(7 * DAY);
    await d.step(id);
    expect((await d.until(id, "expired")).rollbackCause).toBe("expired");
    expect(await d.statusCalls()).toEqual([]);
    expect(await d.value("billing.env")).toBe(d.keys["billing"]?.secret);
  });

  it("one of two stores is down: accepted in the other, copied when it is back, promoted in both", async () => {
    const d = await start(twoFiles);
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    d.down.add("billing.env");
    expect((await d.submit(id, key.secret)).rotation.state).toBe("verifying");
    expect([await exists(pendingFile(d)), await exists(pendingFile(d, "eu"))]).toEqual([false, true]);
    expect(await d.step(id)).toMatchObject({ state: "verifying" });
    d.down.clear();
    await d.until(id, "promoting");
    expect(await d.file(".billing.env.keyturn-pending")).toContain(key.secret);
    await d.until(id, "completed");
    expect([await d.value("billing.env"), await d.value("eu.env")]).toEqual([key.secret, key.secret]);
  });

  it("all stores are down: not accepted, exit 69, and submitting again works", async () => {
    const d = await start(twoFiles);
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    for (const file of ["billing.env", "eu.env"]) d.down.add(file);
    expect((await refusal(d.submit(id, key.secret))).exit).toBe(69);
    d.down.clear();
    expect(await d.load(id)).toMatchObject({ state: "awaiting_replacement", lease: null, replacement: null });
    expect((await d.submit(id, key.secret)).alreadyAccepted).toBe(false);
  });

  it("P7: a crash between staging and saving: the pending copy is found and used, or submitted again", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    const whole = d.deps;
    d.deps = dyingBefore(whole, "rotation.staged");
    await refusal(d.submit(id, key.secret));
    d.deps = whole;
    expect(await d.step(id)).toMatchObject({ state: "verifying", replacement: { id: key.key.id } });
    expect(await d.submit(id, key.secret)).toMatchObject({ alreadyAccepted: true });
  });

  it("a fresh key that is not known everywhere yet is asked again, for a bounded time", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    await d.console.settings({ newKeyLagMs: 10_000 });
    expect((await d.submit(id, (await d.make()).secret)).rotation.state).toBe("verifying");
    await d.console.settings({ newKeyLagMs: 3_600_000 });
    expect((await refusal(d.submit(id, (await d.make()).secret, { replace: true }))).reason).toBe("key_rejected");
  });

  it("R8: --accept-expiry takes a key that expires soon, and says so", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make({ expiresInMs: 10 * DAY });
    const { rotation, warnings } = await d.submit(id, key.secret, { acceptExpiry: true });
    expect(rotation).toMatchObject({ state: "verifying", acceptExpiry: true });
    expect(warnings.join()).toMatch(/expires .* the outgoing one never does/);
  });

  it("a key older than the rotation is taken with a warning", async () => {
    const d = await start({ config });
    const key = await d.console.seedKey({ name: "prepared", ageDays: 2 });
    const { id } = await d.to("awaiting_replacement");
    expect((await d.submit(id, key.secret)).warnings.join()).toContain("created before this rotation");
  });

  it("R11: where hints collide, the named id is taken when its hint fits", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    await d.console.addFault({ match: { path: "api_keys" }, times: null, fault: { kind: "null_hints" } });
    expect((await d.submit(id, key.secret, { keyId: key.key.id })).rotation.replacement?.id).toBe(key.key.id);
  });

  it("a key left over from a cancelled rotation is welcome in the next", async () => {
    const d = await start({ config });
    const first = await d.to("awaiting_replacement");
    const key = await d.make();
    await d.submit(first.id, key.secret);
    await cancel(d.deps, first.id, ana, null);
    await d.until(first.id, "cancelled");
    await d.step(first.id);
    expect(await exists(pendingFile(d))).toBe(false);
    const { id } = await d.to("awaiting_replacement");
    expect((await d.submit(id, key.secret)).rotation.state).toBe("verifying");
  });

  it("R3, P6: while another rotation is between stage and promoted in the same file, the submitter is told for whom", async () => {
    const d = await start({ targets: { billing: {}, reports: {} }, config });
    const [one, two] = [d.keys["billing"], d.keys["reports"]];
    await writeFile(`${d.lab.dir}/both.env`, `A=${one?.secret}\nB=${two?.secret}\nC=other\n`, { mode: 0o600 });
    const at = (field: string) => ({ destinations: [{ store: "files", secret: "both.env", field }] });
    await d.lab.configure({ targets: { billing: at("A"), reports: at("B") } });
    d.deps = await d.again();
    const [a, b] = [await d.to("awaiting_replacement", "billing"), await d.to("awaiting_replacement", "reports")];
    await d.submit(a.id, (await d.make()).secret);
    const key = await d.make();
    const error = await refusal(d.submit(b.id, key.secret));
    expect([error.code, error.exit]).toEqual(["LOCK_HELD", 75]);
    expect(error.message).toContain(a.id);
    await d.until(a.id, "draining");
    await d.submit(b.id, key.secret);
    await d.until(b.id, "draining");
    expect(await d.file("both.env")).toMatch(new RegExp(`^A=sk-ant-.*\nB=${key.secret}\nC=other\n$`));
  });
});
