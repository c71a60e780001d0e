import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Process, type Server, type StartServer, T0, aDraft, aProcess, aRotation, save } from "./harness.ts";

/** What every record store keeps to, run against the in-memory server and a real one. */
export function recordsContract(name: string, start: StartServer): void {
  describe(`records in Redis (${name})`, () => {
    let server: Server;
    let one: Process;
    let two: Process;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      await server.flush();
      one = aProcess(server.connect(), null);
      two = aProcess(server.connect(), null);
      await server.flush();
    });

    it("a record comes back as it was saved; an unknown id is null", async () => {
      const record = aRotation({ target: 'ünïcode \u0000 "quoted"' });
      await save(one, record);
      expect(await two.rotations.load("rot_1")).toEqual(record);
      expect(await two.rotations.load("rot_2")).toBeNull();
    });

    it("P6, R9: of two saves at one revision exactly one wins, and the record is the winner's", async () => {
      await save(one, aRotation());
      const tries = await Promise.allSettled([
        save(one, aRotation({ revision: 2, target: "one" })),
        save(two, aRotation({ revision: 2, target: "two" })),
      ]);
      expect(tries.map((result) => result.status).toSorted()).toEqual(["fulfilled", "rejected"]);
      const lost = tries.find((result) => result.status === "rejected");
      expect(lost?.reason).toMatchObject({ code: "CONFLICT" });
      const winner = tries[0]?.status === "fulfilled" ? "one" : "two";
      expect((await one.rotations.load("rot_1"))?.target).toBe(winner);
      const entries = await one.journal.read(null, 100);
      expect(entries.filter((entry) => entry.action === "rotation.changed")).toHaveLength(2);
    });

    it.each([
      { when: "a new record that exists already", expected: 0, revision: 1 },
      { when: "a revision that is in the past", expected: 1, revision: 2 },
      { when: "a revision that is in the future", expected: 7, revision: 8 },
    ])("$when is a CONFLICT and changes nothing", async ({ expected, revision }) => {
      await save(one, aRotation());
      await save(one, aRotation({ revision: 2 }));
      const before = [await one.rotations.load("rot_1"), await one.trail.head()];
      await expect(save(two, aRotation({ revision, target: "other" }), expected)).rejects.toMatchObject({
        code: "CONFLICT",
      });
      expect([await one.rotations.load("rot_1"), await one.trail.head()]).toEqual(before);
    });

    it("the very same save sent twice, as after a lost reply, is one save", async () => {
      await save(one, aRotation());
      type Sent = Parameters<typeof one.redis.evalsha>;
      const sent: Sent[] = [];
      const spied = new Proxy(one.redis, {
        get(target, name) {
          const found: unknown = Reflect.get(target, name);
          if (name !== "evalsha") return found;
          return (...args: Sent) => {
            sent.push(args);
            return target.evalsha(...args);
          };
        },
      });
      const third = aProcess(spied, null);
      await save(third, aRotation({ revision: 2 }));
      const head = await one.trail.head();
      const last = sent.at(-1) as Sent;
      expect(await one.redis.evalsha(...last)).toEqual(["OK"]);
      expect(await one.trail.head()).toEqual(head);
    });

    it("P6: two processes that save the very same words in the same millisecond: one wins, the other is told", async () => {
      await save(one, aRotation());
      const tries = await Promise.allSettled([one, two].map((process) => save(process, aRotation({ revision: 2 }))));
      expect(tries.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      const bare = { record: aRotation({ revision: 3 }), expectedRevision: 2, locks: [], audit: [] };
      const again = await Promise.allSettled([one, two].map((process) => process.rotations.commit(bare)));
      expect(again.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    });

    it("a rebuilt record may jump over revisions, but never stand still", async () => {
      await save(one, aRotation({ revision: 9 }), 0);
      expect((await one.rotations.load("rot_1"))?.revision).toBe(9);
      await expect(save(one, aRotation({ revision: 9 }), 9)).rejects.toMatchObject({ code: "INTERNAL" });
    });

    it("R23: locks are taken together or not at all, and the refusal names the holder", async () => {
      await save(one, aRotation({ id: "rot_a" }), 0, ["target:billing", "key:apikey_1"]);
      const other = aRotation({ id: "rot_b" });
      await expect(save(two, other, 0, ["key:apikey_2", "target:billing"])).rejects.toMatchObject({
        code: "LOCK_HELD",
        message: expect.stringContaining("target:billing is held by rot_a") as string,
      });
      expect(await two.rotations.load("rot_b")).toBeNull();
      expect(await two.rotations.holderOf("key:apikey_2")).toBeNull();
      expect(await two.rotations.openIds()).toEqual(["rot_a"]);
    });

    it("R5: locks no longer named are released, the others stay", async () => {
      await save(one, aRotation(), 0, ["target:billing", "key:apikey_1"]);
      await save(one, aRotation({ revision: 2 }), 1, ["key:apikey_1"]);
      expect(await one.rotations.holderOf("target:billing")).toBeNull();
      expect(await one.rotations.holderOf("key:apikey_1")).toBe("rot_1");
      await save(two, aRotation({ id: "rot_2", state: "grace_period" }), 0, ["target:billing"]);
      await save(one, aRotation({ revision: 3, state: "completed" }), 2, []);
      expect(await one.rotations.holderOf("key:apikey_1")).toBeNull();
      expect(await one.rotations.holderOf("target:billing")).toBe("rot_2");
    });

    it("of 20 rotations opened at once on one target exactly one opens", async () => {
      const ids = Array.from({ length: 20 }, (_, n) => `rot_${n}`);
      const opened = await Promise.allSettled(
        ids.map((id, n) => save(n % 2 === 0 ? one : two, aRotation({ id }), 0, ["target:billing"])),
      );
      expect(opened.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      expect(await one.rotations.openIds()).toHaveLength(1);
    });

    it("open ids are oldest first, without the final ones", async () => {
      await save(one, aRotation({ id: "b", createdAt: T0 + 2 }));
      await save(one, aRotation({ id: "a", createdAt: T0 + 3 }));
      await save(one, aRotation({ id: "c", createdAt: T0 + 1 }));
      await save(one, aRotation({ id: "a", createdAt: T0 + 3, revision: 2, state: "expired" }));
      expect(await one.rotations.openIds()).toEqual(["c", "b"]);
    });

    it(
      "all records come newest first, each once, though many share an instant and others arrive meanwhile",
      { timeout: 60_000 },
      async () => {
        for (let n = 0; n < 230; n += 1)
          await save(
            one,
            aRotation({
              id: `r${n}`,
              createdAt: T0 + (n < 120 ? 0 : n),
              state: n % 2 === 0 ? "completed" : "draining",
            }),
          );
        const seen: string[] = [];
        for await (const record of two.rotations.all()) {
          if (seen.length === 50) await save(one, aRotation({ id: "late", createdAt: T0 + 999 }));
          if (seen.length === 150) await save(one, aRotation({ id: "zz-same-instant" }));
          seen.push(record.id);
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toHaveLength(230);
        expect(seen.slice(0, 2)).toEqual(["r229", "r228"]);
      },
    );

    it("a prefix gives at most two ids: enough to see that it is ambiguous", async () => {
      for (const id of ["rot_aa", "rot_ab", "rot_ac", "rot_b"]) await save(one, aRotation({ id }));
      expect(await one.rotations.idsStartingWith("rot_b")).toEqual(["rot_b"]);
      expect(await one.rotations.idsStartingWith("rot_a")).toEqual(["rot_aa", "rot_ab"]);
      expect(await one.rotations.idsStartingWith("x")).toEqual([]);
    });

    it("due rotations come earliest first with their revision, up to the instant itself", async () => {
      await save(one, aRotation({ id: "late", wakeAt: T0 + 2 }));
      await save(one, aRotation({ id: "now", wakeAt: T0 + 1 }));
      await save(one, aRotation({ id: "past", wakeAt: T0 }));
      await save(one, aRotation({ id: "past", wakeAt: T0, revision: 2 }));
      await save(one, aRotation({ id: "never", wakeAt: T0 }));
      await save(one, aRotation({ id: "never", wakeAt: null, revision: 2 }));
      expect(await one.rotations.due(T0 + 1, 10)).toEqual([
        { id: "past", wakeAt: T0, revision: 2 },
        { id: "now", wakeAt: T0 + 1, revision: 1 },
      ]);
      expect(await one.rotations.due(T0 + 2, 1)).toHaveLength(1);
    });

    it("R20: what an end leaves behind is written and cleared with the end, per target", async () => {
      const value = { rotationId: "rot_1", state: "expired", notBefore: T0, failures: 1 };
      await one.rotations.commit({
        record: aRotation(),
        expectedRevision: 0,
        locks: [],
        audit: [],
        aftermath: { targets: ["a", "b"], value },
      });
      expect(await one.rotations.aftermathOf("b")).toEqual(value);
      await one.rotations.commit({
        record: aRotation({ revision: 2 }),
        expectedRevision: 1,
        locks: [],
        audit: [],
        aftermath: { targets: ["b"], value: null },
      });
      expect([await one.rotations.aftermathOf("a"), await one.rotations.aftermathOf("b")]).toEqual([value, null]);
    });

    it("R18: 50 saves at once over two connections lose nothing and leave one unforked chain", async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => save(n % 2 === 0 ? one : two, aRotation({ id: `rot_${n}` }))),
      );
      const entries = await one.journal.read(null, 1000);
      expect(entries).toHaveLength(51); // and the epoch's first
      for (const [n, entry] of entries.entries()) {
        expect(entry.seq).toBe(n + 1);
        if (n > 0) expect(entry.prev).toBe(entries[n - 1]?.hash);
      }
      expect(await one.rotations.openIds()).toHaveLength(50);
    });

    it("12 increments of one record over two connections lose no update", { timeout: 60_000 }, async () => {
      await save(one, aRotation());
      const bump = async (process: Process): Promise<void> => {
        for (;;) {
          const record = await process.rotations.load("rot_1");
          if (record === null) throw new Error("lost");
          const next = { ...record, revision: record.revision + 1, approvalsNeeded: record.approvalsNeeded + 1 };
          const done = await save(process, next).then(
            () => true,
            (error: { code: string }) => error.code !== "CONFLICT",
          );
          if (done) return;
        }
      };
      await Promise.all(Array.from({ length: 12 }, (_, n) => bump(n % 2 === 0 ? one : two)));
      expect((await one.rotations.load("rot_1"))?.approvalsNeeded).toBe(13);
    });

    it("two installations on one server do not see each other", async () => {
      const staging = aProcess(server.connect(), null, "staging");
      await save(one, aRotation(), 0, ["target:billing"]);
      await save(staging, aRotation({ install: "staging" }), 0, ["target:billing"]);
      expect((await staging.rotations.load("rot_1"))?.install).toBe("staging");
      expect((await one.rotations.load("rot_1"))?.install).toBe("kt");
    });

    it("R17: a hold and its entry are one step, and both can be undone", async () => {
      await one.holds.set("billing", "cli:ann@host", aDraft({ action: "hold.set", evidence: { subject: "billing" } }));
      expect(await two.holds.list()).toEqual({ billing: { actor: "cli:ann@host", at: T0 } });
      await two.holds.remove("billing", aDraft({ action: "hold.removed", evidence: { subject: "billing" } }));
      expect(await one.holds.list()).toEqual({});
      expect((await one.journal.read(null, 10)).map((entry) => entry.action)).toEqual([
        "chain.epoch_started",
        "hold.set",
        "hold.removed",
      ]);
    });

    it("the server's clock is in milliseconds", async () => {
      expect(Math.abs((await one.rotations.serverTime()) - Date.now())).toBeLessThan(60_000);
    });
  });
}
