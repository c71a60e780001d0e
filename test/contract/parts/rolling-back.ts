import { describe, expect, it } from "vitest";
import type { Destination } from "../../../src/rotation/record.ts";
import { expectNoKeyIn, fingerprint, type Kit, OUTGOING, R1, R2, REPLACEMENT, textOf, THIRD } from "../kit.ts";

export function rollingBackPart(kit: Kit): void {
  const { traits, field, others, given, read, stage, promoted } = kit;

  describe("rolling back", () => {
    const back = (dest: Destination) => kit.store.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING));
    it("puts the old value back; repeating changes nothing", async () => {
      const dest = await given();
      await promoted(dest);
      expect(await back(dest)).toBe("rolled_back");
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
      expect(["rolled_back", "not_promoted"]).toContain(await back(dest));
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
    });
    it("says so when nothing was promoted", async () => {
      const dest = await given();
      await stage(dest);
      expect(await back(dest)).toBe("not_promoted");
    });
    it("leaves a destination that others changed since", async () => {
      const dest = await given();
      await promoted(dest);
      await kit.world.put(dest.secret, { ...others, [field]: THIRD });
      expect(await back(dest)).toBe("changed_by_others");
      expect(await read(dest)).toEqual({ ...others, [field]: THIRD });
    });
    it("never writes back anything but the outgoing key", async () => {
      const dest = await given();
      await promoted(dest);
      expect(await kit.store.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(THIRD))).toBe(
        "nothing_to_restore",
      );
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
    });
    it("works after the pending value was discarded, and the rotation can be promoted anew", async () => {
      const dest = await given();
      await promoted(dest);
      await kit.store.discardPending(dest, R1);
      expect(await back(dest)).toBe("rolled_back");
      await promoted(dest);
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
    });
  });

  describe("destroying", () => {
    it("pending and previous places are empty afterwards, and applications do not notice (R14, R19)", async () => {
      const dest = await given();
      await promoted(dest);
      for (let twice = 0; twice < 2; twice += 1) {
        await kit.store.discardPending(dest, R1);
        await kit.store.discardPrevious(dest, R1);
      }
      expect(await kit.store.readPending(dest, R1)).toBe(null);
      expect(await kit.store.listPending(dest)).toEqual([]);
      expectNoKeyIn(await kit.world.besides(dest.secret));
      expect(await read(dest)).toEqual({ ...others, [field]: REPLACEMENT });
      if (!traits.keepsVersions) {
        expect(await kit.store.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING))).toBe(
          "nothing_to_restore",
        );
      }
    });
    it("another rotation's discard does not touch what this one needs to roll back", async () => {
      const dest = await given();
      await promoted(dest);
      await kit.store.discardPending(dest, R2);
      await kit.store.discardPrevious(dest, R2);
      expect(textOf(await kit.store.readPending(dest, R1))).toBe(REPLACEMENT);
      expect(await kit.store.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING))).toBe("rolled_back");
    });
  });
}
