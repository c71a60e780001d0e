import { describe, expect, it } from "vitest";
import { expectNoKeyIn, failure, type Kit, OUTGOING, R1, REPLACEMENT } from "../kit.ts";

export function marksPart(kit: Kit): void {
  const { field, others, given, read, promoted } = kit;

  describe("marks (R16)", () => {
    it("are set, changed and removed one by one; other people's tags stay", async () => {
      const dest = await given();
      await kit.world.tagByOthers(dest.secret, "owner", "team-a");
      await kit.store.mark(dest, { v: "1", rotation: R1, phase: "stage", fp: "0123456789abcdef", hold: "2026-11-20" });
      await kit.store.mark(dest, { phase: "promote", hold: null, never: null });
      await kit.store.mark(dest, { phase: "promote", hold: null });
      expect(await kit.store.readMarks(dest)).toEqual({
        v: "1",
        rotation: R1,
        phase: "promote",
        fp: "0123456789abcdef",
      });
      expect(await kit.world.tagsOfOthers(dest.secret)).toEqual({ owner: "team-a" });
    });
    it("survive staging, promoting and discarding; none of these writes key text beside the secret", async () => {
      const dest = await given();
      await kit.world.tagByOthers(dest.secret, "owner", "team-a");
      await kit.store.mark(dest, { rotation: R1, hold: "yes" });
      await promoted(dest);
      await kit.store.discardPending(dest, R1);
      await kit.store.discardPrevious(dest, R1);
      expect(await kit.store.readMarks(dest)).toEqual({ rotation: R1, hold: "yes" });
      expect(await kit.world.tagsOfOthers(dest.secret)).toEqual({ owner: "team-a" });
      expectNoKeyIn(await kit.world.besides(dest.secret));
    });
    it("of a secret without any are empty, and applications read no mark", async () => {
      const dest = await given();
      expect(await kit.store.readMarks(dest)).toEqual({});
      await kit.store.mark(dest, { phase: "stage" });
      expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
    });
    it.each([
      ["a value longer than 200 characters", "x".repeat(201)],
      ["a space", "a b"],
      ["braces", "{}"],
      ["key text", REPLACEMENT],
    ])("refuse %s", async (_, value) => {
      const dest = await given();
      expect((await failure(kit.store.mark(dest, { phase: value }))).code).toBe("INTERNAL");
      expect(await kit.store.readMarks(dest)).toEqual({});
    });
  });
}
