import { describe, expect, it } from "vitest";
import { failure, type Kit, OUTGOING, R1, REPLACEMENT, textOf, THIRD } from "../kit.ts";

export function promotingPart(kit: Kit): void {
  const { field, others, given, read, stage } = kit;

  describe("promoting", () => {
    it("makes the pending value what applications read, and changes nothing else", async () => {
      const dest = await given();
      const { baseVersion } = await stage(dest);
      const { version } = await kit.store.promote(dest, R1, baseVersion);
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
      expect((await kit.store.read(dest))?.version).toBe(version);
      expect(version).not.toBe(baseVersion);
    });
    it("repeated, it returns the same without writing; the pending value stays readable until discarded", async () => {
      const dest = await given();
      const { baseVersion } = await stage(dest);
      const first = await kit.store.promote(dest, R1, baseVersion);
      expect(textOf(await kit.store.readPending(dest, R1))).toBe(REPLACEMENT);
      expect(await kit.store.promote(dest, R1, baseVersion)).toEqual(first);
      expect((await kit.store.read(dest))?.version).toBe(first.version);
    });
    it("with nothing staged changes nothing", async () => {
      const dest = await given();
      const { version } = (await kit.store.read(dest))!;
      expect((await failure(kit.store.promote(dest, R1, version))).code).toBe("STORE_CONFLICT");
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
    });
    it("refuses a base that is not the one it was merged into", async () => {
      const dest = await given();
      await stage(dest);
      expect((await failure(kit.store.promote(dest, R1, "another-version"))).code).toBe("BASE_CHANGED");
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
    });
    it("is refused when somebody changed the key since; staging again on the new base goes through (R3)", async () => {
      const dest = await given();
      const { baseVersion } = await stage(dest);
      await kit.world.put(dest.secret, { ...others, [field]: THIRD });
      expect((await failure(kit.store.promote(dest, R1, baseVersion))).code).toBe("BASE_CHANGED");
      expect(await read(dest)).toEqual({ ...others, [field]: THIRD });
      const again = await stage(dest);
      expect(again.baseVersion).not.toBe(baseVersion);
      expect(await kit.store.readPending(dest, R1)).toMatchObject({ ...again, rotationId: R1 });
      await kit.store.promote(dest, R1, again.baseVersion);
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
    });
  });
}
