import { describe, expect, it } from "vitest";
import { expectNoKeyIn, failure, fingerprint, type Kit, OUTGOING, R1, REPLACEMENT, secretOf, textOf } from "../kit.ts";

export function readingPart(kit: Kit): void {
  const { traits, field, others, given, read, stage } = kit;

  describe("reading", () => {
    it("gives the value as applications read it, with a version that stays while the value stays", async () => {
      const dest = await given();
      const first = await kit.store.read(dest);
      expect(textOf(first)).toBe(OUTGOING);
      expect((await kit.store.read(dest))?.version).toBe(first?.version);
      expectNoKeyIn(first?.version ?? "");
    });
    it("declares its nature: type, R10's conditional write, one physical id per secret whatever the field", async () => {
      const dest = await given();
      expect(kit.store.conditionalWrite).toBe(traits.conditionalWrite);
      expect(kit.store.type).toBe(dest.type);
      expect(kit.store.physicalId({ ...dest, field: "ANOTHER" })).toBe(kit.store.physicalId(dest));
      expect(kit.store.physicalId({ ...dest, secret: "another" })).not.toBe(kit.store.physicalId(dest));
    });
    it("a secret that does not exist reads as null; writing to it throws STORE_MISSING", async () => {
      const dest = kit.world.destination("contract-nowhere", field);
      expect(await kit.store.read(dest)).toBe(null);
      expect(await kit.store.readPending(dest, R1)).toBe(null);
      expect((await failure(stage(dest))).code).toBe("STORE_MISSING");
      expect((await failure(kit.store.preflight(dest))).code).toBe("STORE_MISSING");
      expect((await failure(kit.store.promote(dest, R1, "1"))).code).toBe("STORE_MISSING");
    });
  });

  describe("refused and failed requests are never read as `nothing there`", () => {
    it.each(["denied", "down"] as const)(
      "%s",
      async (how) => {
        const dest = await given();
        const broken = await kit.world.open(how);
        const code = how === "denied" ? "STORE_DENIED" : "STORE_UNAVAILABLE";
        const calls: [string, () => Promise<unknown>][] = [
          ["read", () => broken.read(dest)],
          ["preflight", () => broken.preflight(dest)],
          ["stage", () => broken.stage(dest, secretOf(REPLACEMENT), R1)],
          ["readPending", () => broken.readPending(dest, R1)],
          ["promote", () => broken.promote(dest, R1, "1")],
          ["rollBack", () => broken.rollBack(dest, R1, fingerprint(REPLACEMENT), fingerprint(OUTGOING))],
          ["discardPending", () => broken.discardPending(dest, R1)],
          ["listPending", () => broken.listPending(dest)],
          ["readMarks", () => broken.readMarks(dest)],
          ["mark", () => broken.mark(dest, { phase: "stage" })],
        ];
        for (const [name, call] of calls) expect([name, (await failure(call())).code]).toEqual([name, code]);
        await broken.close();
        expect(await read(dest)).toEqual({ ...others, [field]: OUTGOING });
      },
      60_000,
    );
  });

  describe("preflight", () => {
    it("leaves nothing behind, and may be repeated (R12)", async () => {
      const dest = await given();
      const before = [await read(dest), await kit.world.besides(dest.secret), await kit.store.readMarks(dest)];
      const { version } = (await kit.store.read(dest))!;
      await kit.store.preflight(dest);
      await kit.store.preflight(dest);
      expect([await read(dest), await kit.world.besides(dest.secret), await kit.store.readMarks(dest)]).toEqual(before);
      expect((await kit.store.read(dest))?.version).toBe(version);
      expect(await kit.store.readPending(dest, R1)).toBe(null);
    });
    it("does not disturb a pending value", async () => {
      const dest = await given();
      const staged = await stage(dest);
      await kit.store.preflight(dest);
      expect(await kit.store.readPending(dest, R1)).toMatchObject({ version: staged.version, rotationId: R1 });
    });
  });
}
