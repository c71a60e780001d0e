import { describe, expect, it } from "vitest";
import { advance } from "../../src/app/advance.ts";
import { approve } from "../../src/app/approve.ts";
import { commitAmend } from "../../src/app/commit.ts";
import { cancel } from "../../src/app/decisions.ts";
import type { Deps } from "../../src/app/deps.ts";
import { present } from "../../src/app/find.ts";
import { scan } from "../../src/app/scan/scan.ts";
import { rotationList, rotationText } from "../../src/cli/format/rotation.ts";
import type { Rotation } from "../../src/rotation/record.ts";
import { type Drive, ana } from "../support/drive.ts";
import { drives } from "../support/drives.ts";

const config = { policy: { gracePeriod: "7d", drain: { quietFor: "0s", limit: "1d", acceptNoUsageCheck: true } } };

/** What a version after this one may write into a record. */
const NEWER = [
  { what: "another shape", change: { schema: 2, keys: ["apikey_1"] } },
  { what: "a state that this version does not know", change: { state: "translating", since: 7 } },
];
const asWritten = (record: Rotation, change: object) => ({ ...record, ...change }) as Rotation;

/** The installation as this version meets it after a newer one has saved the rotation. */
function afterNewer(d: Drive, change: object) {
  const saved: Rotation[] = [];
  const deps: Deps = {
    ...d.deps,
    rotations: {
      ...d.deps.rotations,
      load: async (id) => {
        const record = await d.deps.rotations.load(id);
        return record === null ? null : asWritten(record, change);
      },
      commit: async (commit) => {
        await d.deps.rotations.commit(commit);
        saved.push(commit.record);
      },
    },
  };
  return { deps, saved };
}

describe("rolling upgrades: a rotation that a newer version wrote last", () => {
  const open = drives();

  it.each(NEWER)("with $what: no worker touches it, and that is said once", async ({ change }) => {
    const d = await open({ config });
    const { id } = await d.to("deactivating");
    const { deps, saved } = afterNewer(d, change);
    const before = await d.statusCalls();
    for (let n = 0; n < 3; n += 1) expect(await advance(id, deps)).toBeNull();
    expect([await d.statusCalls(), saved]).toEqual([before, []]);
    expect(d.log.lines.filter((line) => line.fields["event"] === "record.newer")).toHaveLength(1);
  });

  it.each(NEWER)("with $what: every decision is answered, and changes nothing", async ({ change }) => {
    const d = await open({ config });
    const { id } = await d.to("awaiting_replacement");
    const { deps, saved } = afterNewer(d, change);
    const refused = { code: "NEWER_RECORD", exit: 75 };
    await expect(approve(deps, id, ana)).rejects.toMatchObject(refused);
    await expect(cancel(deps, id, ana, null)).rejects.toMatchObject(refused);
    expect(saved).toEqual([]);
  });

  it.each(NEWER)("with $what: a scan goes round it and opens nothing beside it", async ({ change }) => {
    const d = await open({ config });
    await d.to("awaiting_replacement");
    const { deps, saved } = afterNewer(d, change);
    const result = await scan(deps, { dryRun: false });
    expect([result.opened, saved]).toEqual([[], []]);
  });

  it.each(NEWER)("with $what: it cannot be saved by any way", async ({ change }) => {
    const d = await open({ config });
    const { id } = await d.to("awaiting_replacement");
    const record = asWritten(await d.load(id), change);
    await expect(commitAmend(d.deps, record, { wakeAt: 1 }, null)).rejects.toMatchObject({ code: "NEWER_RECORD" });
    expect((await d.load(id)).revision).toBe(record.revision);
  });

  it.each(NEWER)("with $what: it is listed and shown as far as it is understood", async ({ change }) => {
    const d = await open({ config });
    const { id } = await d.to("awaiting_replacement");
    const view = await present(d.deps, asWritten(await d.load(id), change));
    expect(view).toMatchObject({ id, target: "billing" });
    const texts = `${rotationList([view])}\n${rotationText(view)}`;
    expect(texts).toContain(id);
    expect(texts).not.toContain("undefined");
    if ("state" in change) expect(texts).toContain("a newer version of Keyturn");
  });

  it("fields that this version does not know in a record of its own shape are kept by every save", async () => {
    const d = await open({ config });
    const { id } = await d.to("awaiting_replacement");
    const more = { future: { list: [], text: "kept" } };
    await commitAmend(d.deps, await d.load(id), more as object, null);
    const { key, secret } = await d.make();
    await d.submit(id, secret);
    await d.until(id, "grace_period");
    expect(await d.load(id)).toMatchObject({ ...more, replacement: { id: key.id } });
  });
});
