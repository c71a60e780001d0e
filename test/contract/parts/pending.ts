import { describe, expect, it } from "vitest";
import { expectNoKeyIn, failure, type Kit, OUTGOING, R1, R2, REPLACEMENT, secretOf, textOf, THIRD } from "../kit.ts";

export function pendingPart(kit: Kit): void {
  const { field, others, given, read, stage } = kit;

  describe("staging", () => {
    it("leaves what applications read unchanged", async () => {
      const dest = await given();
      const before = await kit.store.read(dest);
      const staged = await stage(dest);
      expect(staged.baseVersion).toBe(before?.version);
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
      expect((await kit.store.read(dest))?.version).toBe(before?.version);
    });
    it("can be read back as this rotation's, with its base and the time of writing", async () => {
      const dest = await given();
      const staged = await stage(dest);
      const pending = await kit.store.readPending(dest, R1);
      expect(textOf(pending)).toBe(REPLACEMENT);
      expect(pending).toMatchObject({ ...staged, rotationId: R1, onlyOurField: true });
      expect(Math.abs((pending?.writtenAt ?? 0) - Date.now())).toBeLessThan(600_000);
      expect(await kit.store.listPending(dest)).toEqual([R1]);
      expectNoKeyIn(staged.version + staged.baseVersion);
    });
    it("repeated with the same value on the same base does nothing, also from another worker", async () => {
      const dest = await given();
      const first = await stage(dest);
      const second = await kit.world.open();
      expect(await second.stage(dest, secretOf(REPLACEMENT), R1)).toEqual(first);
      await second.close();
    });
    it("after a discard, another key can be staged by the same rotation, and the first again (key_rejected)", async () => {
      const dest = await given();
      for (const key of [REPLACEMENT, THIRD, REPLACEMENT]) {
        await stage(dest, key);
        expect(textOf(await kit.store.readPending(dest, R1))).toBe(key);
        await kit.store.discardPending(dest, R1);
        expect(await kit.store.readPending(dest, R1)).toBe(null);
      }
    });
    it("never overwrites the pending value of another rotation", async () => {
      const dest = await given();
      await stage(dest);
      const other = await kit.store.stage(dest, secretOf(THIRD), R2).catch((error: unknown) => error);
      if (other instanceof Error) expect(other).toMatchObject({ code: "FOREIGN_PENDING" });
      await kit.store.discardPending(dest, "rot_contract-3");
      expect(textOf(await kit.store.readPending(dest, R1))).toBe(REPLACEMENT);
      expect(await kit.store.listPending(dest)).toContain(R1);
    });
  });

  describe("a pending value that an operator staged (R12)", () => {
    it("is found, and is nobody's", async () => {
      const dest = await given();
      await kit.world.operatorStages(dest, REPLACEMENT);
      const pending = await kit.store.readPending(dest, R1);
      expect(textOf(pending)).toBe(REPLACEMENT);
      expect(pending).toMatchObject({ rotationId: null, baseVersion: null, onlyOurField: true });
      expect(await kit.store.listPending(dest)).toEqual([]);
    });
    it("is not overwritten by another value, and not discarded without being asked to", async () => {
      const dest = await given();
      await kit.world.operatorStages(dest, THIRD);
      expect((await failure(stage(dest))).code).toBe("FOREIGN_PENDING");
      await kit.store.discardPending(dest, R1);
      expect(textOf(await kit.store.readPending(dest, R1))).toBe(THIRD);
      await kit.store.discardPending(dest, R1, { operators: true });
      expect(await kit.store.readPending(dest, R1)).toBe(null);
      expectNoKeyIn(await kit.world.besides(dest.secret));
    });
    it("becomes this rotation's when the same value is staged, and can be promoted", async () => {
      const dest = await given();
      await kit.world.operatorStages(dest, REPLACEMENT);
      const { baseVersion } = await stage(dest);
      expect(await kit.store.readPending(dest, R1)).toMatchObject({ rotationId: R1, baseVersion });
      await kit.store.promote(dest, R1, baseVersion);
      await kit.store.discardPending(dest, R1);
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
      expect(await kit.store.readPending(dest, R1)).toBe(null);
    });
  });
}
