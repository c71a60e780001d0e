import { describe, expect, it } from "vitest";
import type { Destination } from "../../../src/rotation/record.ts";
import { failure, fingerprint, type Kit, OUTGOING, R1, REPLACEMENT, textOf } from "../kit.ts";

/** For stores whose secrets have several fields: the others belong to other people (P9, R3). */
export function fieldsPart(kit: Kit): void {
  const { field, others, given, read, stage, promoted } = kit;
  const back = (dest: Destination) => kit.store.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING));

  describe("several fields in one secret", () => {
    it("a field that is missing or empty reads as null", async () => {
      const dest = await given();
      expect(await kit.store.read({ ...dest, field: "NOT_THERE" })).toBe(null);
      expect(await kit.store.read({ ...dest, field: "EMPTY" })).toBe(null);
      expect((await failure(stage({ ...dest, field: "NOT_THERE" }))).code).toBe("STORE_MISSING");
    });
    it("R3: keeps the fields that others changed or added after staging", async () => {
      const dest = await given();
      const changed = { ...others, DB_PASSWORD: "changed by a developer", ADDED: "later" };
      const { baseVersion } = await stage(dest);
      await kit.world.put(dest.secret, { ...changed, [field]: OUTGOING });
      await kit.world.put(dest.secret, { ...changed, ADDED: "later still", [field]: OUTGOING });
      await kit.store.promote(dest, R1, baseVersion).catch(async (error: unknown) => {
        expect(error).toMatchObject({ code: "BASE_CHANGED" });
        expect(await kit.store.readPending(dest, R1)).toMatchObject({ rotationId: R1 });
        await kit.store.promote(dest, R1, (await stage(dest)).baseVersion);
      });
      expect(await read(dest)).toEqual({ ...changed, ADDED: "later still", [field]: REPLACEMENT });
    });
    it("R3: naming the newest version as the base, without staging on it, does not revert what others changed", async () => {
      const dest = await given();
      await stage(dest);
      await kit.world.put(dest.secret, { ...others, DB_PASSWORD: "changed since", [field]: OUTGOING });
      const newest = (await kit.store.read(dest))?.version ?? "";
      await kit.store.promote(dest, R1, newest).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "BASE_CHANGED" });
      });
      expect(await read(dest)).toMatchObject({ ...others, DB_PASSWORD: "changed since" });
    });
    it("two fields of one secret in one rotation end up both promoted (R1)", async () => {
      const dest = await given({ SECOND: OUTGOING });
      const second = { ...dest, field: "SECOND" };
      const a = await stage(dest);
      const b = await stage(second);
      expect(textOf(await kit.store.readPending(dest, R1))).toBe(REPLACEMENT);
      expect(textOf(await kit.store.readPending(second, R1))).toBe(REPLACEMENT);
      expect(await stage(dest)).toMatchObject({ baseVersion: a.baseVersion });
      await kit.store.promote(dest, R1, a.baseVersion);
      await kit.store.promote(second, R1, b.baseVersion).catch(async (error: unknown) => {
        expect(error).toMatchObject({ code: "BASE_CHANGED" });
        await kit.store.promote(second, R1, (await stage(second)).baseVersion);
      });
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT, SECOND: REPLACEMENT });
    });
    it("keeps the fields that others changed after promotion", async () => {
      const dest = await given();
      await promoted(dest);
      await kit.world.put(dest.secret, { ...others, DB_PASSWORD: "changed since", [field]: REPLACEMENT });
      expect(await back(dest)).toBe("rolled_back");
      expect(await read(dest)).toEqual({ ...others, DB_PASSWORD: "changed since", [field]: OUTGOING });
    });
  });
}
