import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CardSlots, Waiting } from "../../src/ports/card-slots.ts";
import { T0 } from "./harness.ts";

export interface CardSlotsServer {
  /** Another process on the same installation. */
  open(): CardSlots;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const aCard = (rotation: string, since = 0, until = 1000): Waiting => ({
  rotation,
  label: `target of ${rotation}`,
  why: "the key is older than its limit",
  since: T0 + since,
  until: T0 + until,
});

/** What every store of places for cards keeps to. */
export function cardSlotsContract(name: string, start: () => Promise<CardSlotsServer>): void {
  describe(`places for cards (${name})`, () => {
    let server: CardSlotsServer;
    let one: CardSlots;
    let two: CardSlots;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      await server.flush();
      [one, two] = [server.open(), server.open()];
    });

    it("at most so many stand in a channel, asked by several processes at once", async () => {
      const asked = Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? one : two).take("C1", aCard(`rot_${i}`, i), 5, T0),
      );
      expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(5);
      expect(await two.waiting("C1", T0)).toHaveLength(15);
      expect(await two.take("C2", aCard("rot_0"), 5, T0)).toBe(true);
    });

    it("taking again keeps the place, and waiting again the turn", async () => {
      expect(await one.take("C1", aCard("rot_a"), 1, T0)).toBe(true);
      expect(await two.take("C1", aCard("rot_b", 1), 1, T0)).toBe(false);
      expect(await two.take("C1", aCard("rot_a"), 1, T0)).toBe(true);
      expect(await two.take("C1", aCard("rot_b", 1), 1, T0)).toBe(false);
      expect(await one.waiting("C1", T0)).toEqual([aCard("rot_b", 1)]);
    });

    it("a place that is given up goes to the oldest, who is named; a younger one cannot jump the queue", async () => {
      await one.take("C1", aCard("rot_a"), 1, T0);
      await one.take("C1", aCard("rot_c", 2), 1, T0);
      await one.take("C1", aCard("rot_b", 1), 1, T0);
      expect((await one.waiting("C1", T0)).map((w) => w.rotation)).toEqual(["rot_b", "rot_c"]);
      expect(await two.release("C1", "rot_a", 1)).toEqual({ had: true, next: ["rot_b"] });
      expect(await two.take("C1", aCard("rot_c", 2), 1, T0)).toBe(false);
      expect(await two.take("C1", aCard("rot_d", 3), 1, T0)).toBe(false);
      expect(await two.take("C1", aCard("rot_b", 1), 1, T0)).toBe(true);
      expect((await one.waiting("C1", T0)).map((w) => w.rotation)).toEqual(["rot_c", "rot_d"]);
    });

    it("giving up twice, or what one never had, is nothing", async () => {
      await one.take("C1", aCard("rot_a"), 1, T0);
      expect((await one.release("C1", "rot_a", 1)).had).toBe(true);
      expect(await one.release("C1", "rot_a", 1)).toEqual({ had: false, next: [] });
    });

    it("whoever stops waiting leaves the list", async () => {
      await one.take("C1", aCard("rot_a"), 1, T0);
      await one.take("C1", aCard("rot_b", 1), 1, T0);
      expect(await one.release("C1", "rot_b", 1)).toEqual({ had: true, next: [] });
      expect(await one.waiting("C1", T0)).toEqual([]);
    });

    it("R5: without a limit a place is taken in any case", async () => {
      await one.take("C1", aCard("rot_a"), 1, T0);
      expect(await one.take("C1", aCard("rot_urgent", 9), null, T0)).toBe(true);
      expect((await one.release("C1", "rot_a", 1)).next).toEqual([]);
    });

    it("places and lines of lost records are free again after their end", async () => {
      await one.take("C1", aCard("rot_lost", 0, 10), 1, T0);
      await one.take("C1", aCard("rot_gone", 1, 10), 1, T0);
      await one.take("C1", aCard("rot_b", 2), 1, T0);
      expect(await one.take("C1", aCard("rot_b", 2), 1, T0 + 10)).toBe(false);
      expect(await one.take("C1", aCard("rot_b", 2), 1, T0 + 11)).toBe(true);
      expect(await one.waiting("C1", T0 + 11)).toEqual([]);
    });

    it("cards that came before the last scan take no place any more, but are not asked to wait again", async () => {
      await one.take("C1", aCard("rot_a", 0, 100), 1, T0);
      expect(await one.take("C1", aCard("rot_b", 1, 100), 1, T0 + 5, T0)).toBe(false);
      expect(await one.take("C1", aCard("rot_c", 2, 100), 1, T0 + 5, T0 + 1)).toBe(false);
      expect(await one.take("C1", aCard("rot_b", 1, 100), 1, T0 + 5, T0 + 1)).toBe(true);
      expect(await one.take("C1", aCard("rot_a", 0, 100), 1, T0 + 6, T0 + 1)).toBe(true);
      expect(await two.take("C1", aCard("rot_c", 2, 100), 1, T0 + 6, T0 + 1)).toBe(false);
      expect((await two.release("C1", "rot_a", 1, T0 + 1)).next).toEqual([]);
      expect((await two.release("C1", "rot_b", 1, T0 + 1)).next).toEqual(["rot_c"]);
    });

    it("the digest is kept per channel", async () => {
      expect(await one.digest("C1")).toBeNull();
      await one.saveDigest("C1", { ts: "1.2", hash: "h", at: T0 });
      expect(await two.digest("C1")).toEqual({ ts: "1.2", hash: "h", at: T0 });
      expect(await two.digest("C2")).toBeNull();
    });
  });
}
