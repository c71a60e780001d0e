import { describe, expect, it } from "vitest";
import { fingerprint, type Kit, OUTGOING, R1, R2, REPLACEMENT, secretOf, textOf, THIRD, untilDone } from "../kit.ts";

export function adversityPart(kit: Kit): void {
  const { field, others, given, read, stage } = kit;

  describe("when every write takes effect but its answer is lost", () => {
    it("repeating stage, promote, roll back and discard comes to the same end", async () => {
      const dest = await given();
      const lossy = await kit.world.open("reply_lost");
      const { baseVersion } = await untilDone(() => lossy.stage(dest, secretOf(REPLACEMENT), R1));
      expect(await stage(dest)).toMatchObject({ baseVersion });
      await untilDone(() => lossy.promote(dest, R1, baseVersion));
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
      await untilDone(() => lossy.mark(dest, { phase: "promoted" }));
      expect(await kit.store.readMarks(dest)).toEqual({ phase: "promoted" });
      const ended = await untilDone(() => lossy.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING)));
      expect(["rolled_back", "not_promoted"]).toContain(ended);
      await untilDone(() => lossy.discardPending(dest, R1));
      await untilDone(() => lossy.discardPrevious(dest, R1));
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
      expect(await kit.store.readPending(dest, R1)).toBe(null);
      await lossy.close();
    }, 60_000);
  });

  describe("two workers at once", () => {
    it("staging the same value leave one pending value; promoting it twice leaves it promoted once", async () => {
      const dest = await given();
      const second = await kit.world.open();
      const both = [kit.store, second];
      const staged = await Promise.allSettled(both.map((one) => one.stage(dest, secretOf(REPLACEMENT), R1)));
      expect(staged.map((one) => one.status)).toContain("fulfilled");
      const { version, baseVersion } = await stage(dest);
      expect(await kit.store.listPending(dest)).toEqual([R1]);
      expect(await kit.store.readPending(dest, R1)).toMatchObject({ version, baseVersion });
      const done = await Promise.allSettled(both.map((one) => one.promote(dest, R1, baseVersion)));
      for (const one of [...staged, ...done]) {
        if (one.status === "rejected") expect(one.reason).toMatchObject({ fixedBy: "waiting" });
      }
      expect(done.map((one) => one.status)).toContain("fulfilled");
      await kit.store.promote(dest, R1, baseVersion);
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
      await second.close();
    });
    it("of two rotations that stage at once, neither gets the other's value", async () => {
      const dest = await given();
      const second = await kit.world.open();
      await Promise.allSettled([stage(dest), second.stage(dest, secretOf(THIRD), R2)]);
      const [mine, theirs] = [await kit.store.readPending(dest, R1), await second.readPending(dest, R2)];
      if (mine?.rotationId === R1) expect(textOf(mine)).toBe(REPLACEMENT);
      if (theirs?.rotationId === R2) expect(textOf(theirs)).toBe(THIRD);
      expect([mine?.rotationId === R1, theirs?.rotationId === R2]).toContain(true);
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
      await second.close();
    });
  });
}
