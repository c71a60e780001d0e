import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Outbox } from "../../src/ports/outbox.ts";
import { T0 } from "./harness.ts";

export interface OutboxServer {
  /** Another process on the same installation. */
  open(install?: string): Outbox;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** What every outbox keeps to. */
export function outboxContract(name: string, start: () => Promise<OutboxServer>): void {
  describe(`outbox (${name})`, () => {
    let server: OutboxServer;
    let one: Outbox;
    let two: Outbox;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      await server.flush();
      [one, two] = [server.open(), server.open()];
    });
    const ids = async (until: number, limit = 100) => (await two.due(until, limit)).map((entry) => entry.id);
    const stampOf = async (id: string) =>
      (await two.due(Number.MAX_SAFE_INTEGER, 100)).find((entry) => entry.id === id)?.stamp ?? "";

    it("what was added is due from its time on, earliest first, as many as asked for", async () => {
      await one.add("rot_b", T0 + 2);
      await one.add("rot_a", T0 + 1);
      await one.add("rot_c", T0 + 3);
      expect(await ids(T0)).toEqual([]);
      expect(await ids(T0 + 2)).toEqual(["rot_a", "rot_b"]);
      expect(await ids(T0 + 9, 1)).toEqual(["rot_a"]);
    });

    it("repeating keeps the earliest time, in either order", async () => {
      await one.add("rot_a", T0 + 5);
      await two.add("rot_a", T0 + 1);
      await one.add("rot_a", T0 + 9);
      expect(await ids(T0 + 1)).toEqual(["rot_a"]);
    });

    it.each([
      { how: "for good", next: null, after: [] },
      { how: "until later", next: T0 + 5, after: ["rot_a"] },
    ])("a delivered entry is settled $how", async ({ next, after }) => {
      await one.add("rot_a", T0);
      await one.settle("rot_a", await stampOf("rot_a"), next);
      expect(await ids(T0 + 4)).toEqual([]);
      expect(await ids(T0 + 5)).toEqual(after);
    });

    it.each([null, T0 + 99])("an entry that was added again meanwhile stays due: settled with %s", async (next) => {
      await one.add("rot_a", T0);
      const stamp = await stampOf("rot_a");
      await two.add("rot_a", T0 + 1);
      await one.settle("rot_a", stamp, next);
      expect(await ids(T0 + 1)).toEqual(["rot_a"]);
    });

    it("a late settle does not meet its own stamp again after the entry was settled and added anew", async () => {
      await one.add("rot_a", T0);
      const stamp = await stampOf("rot_a");
      await two.settle("rot_a", stamp, null);
      await two.add("rot_a", T0 + 1);
      await one.settle("rot_a", stamp, null);
      expect(await ids(T0 + 1)).toEqual(["rot_a"]);
    });

    it("memories are kept per rotation and channel, and replaced as a whole", async () => {
      expect(await one.memory("rot_a", "slack")).toBeNull();
      await one.remember("rot_a", "slack", { ts: "1", said: ["opened"] });
      await one.remember("rot_a", "webhook:ops", { last: "x" });
      await two.remember("rot_a", "slack", { ts: "2" });
      expect(await one.memory("rot_a", "slack")).toEqual({ ts: "2" });
      expect(await one.memory("rot_a", "webhook:ops")).toEqual({ last: "x" });
      expect(await one.memory("rot_b", "slack")).toBeNull();
    });

    it("a rotation of which something was said is unfinished until its end was delivered", async () => {
      await one.remember("rot_a", "slack", {});
      expect(await two.unfinished()).toEqual([{ id: "rot_a", revision: 0 }]);
      await one.delivered("rot_a", 4, false);
      await one.delivered("rot_b", 2, false);
      await two.delivered("rot_a", 3, false);
      await two.remember("rot_a", "slack", {});
      expect((await two.unfinished()).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
        { id: "rot_a", revision: 4 },
        { id: "rot_b", revision: 2 },
      ]);
      await one.delivered("rot_a", 9, true);
      expect(await two.unfinished()).toEqual([{ id: "rot_b", revision: 2 }]);
      expect(await two.memory("rot_a", "slack")).toEqual({});
    });
  });
}
