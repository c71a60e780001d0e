import { utimes, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { approve } from "../../../src/app/approve.ts";
import { DAY, type Drive, ben, exists, refusal } from "../../support/drive.ts";
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

describe("R12: a key that the operator staged by hand", () => {
  const start = drives();
  const stage = async (d: Drive, text: string, name = "billing", afterMs = 1000) => {
    await writeFile(pendingFile(d, name), `ANTHROPIC_API_KEY=${text}\n`, { mode: 0o600 });
    const at = new Date(d.deps.clock.now() + afterMs);
    await utimes(pendingFile(d, name), at, at);
  };

  it("is found, checked like a submitted one, and used; its maker counts as submitter (R21)", async () => {
    const d = await start(twoFiles);
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    await stage(d, key.secret, "eu");
    const r = await d.step(id);
    expect(r).toMatchObject({ state: "verifying", replacement: { id: key.key.id } });
    expect(r.submittedBy).toMatch(/^user_/);
    await d.until(id, "completed");
    expect([await d.value("billing.env"), await d.value("eu.env")]).toEqual([key.secret, key.secret]);
    await d.step(id);
    expect([await exists(pendingFile(d)), await exists(pendingFile(d, "eu"))]).toEqual([false, false]);
  });

  it("staged before the approval it is somebody else's: foreign_pending", async () => {
    const d = await start({ config });
    const opened = await d.open();
    await stage(d, (await d.make()).secret, "billing", -1000);
    await approve(d.deps, opened.id, ben);
    expect(await d.step(opened.id)).toMatchObject({
      state: "awaiting_replacement",
      attention: { code: "foreign_pending" },
    });
    // It is in the way of a submission as well, until the submitter says what to do with it.
    const key = await d.make();
    expect((await refusal(d.submit(opened.id, key.secret))).reason).toBe("other_pending");
    expect((await d.submit(opened.id, key.secret, { replace: true })).rotation.state).toBe("verifying");
  });

  it("two that differ: none is used, a person is asked; with one of them gone it goes on by itself", async () => {
    const d = await start(twoFiles);
    const { id } = await d.to("awaiting_replacement");
    const key = await d.make();
    await stage(d, key.secret);
    await stage(d, (await d.make()).secret, "eu");
    expect(await d.step(id)).toMatchObject({
      state: "awaiting_replacement",
      replacement: null,
      attention: { code: "pending_disagrees" },
    });
    await stage(d, key.secret, "eu");
    expect(await d.step(id)).toMatchObject({ state: "verifying", replacement: { id: key.key.id }, attention: null });
  });

  it.each([
    { what: "no key", text: async () => "to-do", says: "not_a_key" },
    { what: "the outgoing key", text: async (d: Drive) => d.keys["billing"]?.secret ?? "", says: "being replaced" },
    {
      what: "a disabled key",
      text: async (d: Drive) => (await d.console.seedKey({ name: "off", status: "inactive" })).secret,
      says: "inactive",
    },
  ])("$what is not used; the reason is shown without the value", async ({ text, says }) => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    const value = await text(d);
    await stage(d, value);
    const r = await d.step(id);
    expect(r).toMatchObject({ state: "awaiting_replacement", attention: { code: "pending_refused" } });
    expect(r.attention?.message).toContain(says);
    expect(r.attention?.message).not.toContain(value);
  });

  it("R20: a value that is there at the deadline is looked at before the wait ends", async () => {
    const d = await start({ config });
    const { id, deadline } = await d.to("awaiting_replacement");
    await d.turn((deadline ?? 0) - d.deps.clock.now() - DAY);
    await d.turn(DAY + 1);
    const key = await d.make();
    await stage(d, key.secret);
    expect((await d.step(id)).state).toBe("verifying");
  });

  it("R20: an unusable value does not stop the deadline", async () => {
    const d = await start({ config });
    const { id } = await d.to("awaiting_replacement");
    await stage(d, "to-do");
    expect((await d.step(id)).attention?.code).toBe("pending_refused");
    await d.turn(8 * DAY);
    expect((await d.step(id)).state).toBe("rolling_back");
  });
});
