import { appendFile, readFile, truncate } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { lineOf } from "../../src/audit/chain.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";
import type { ChainPosition } from "../../src/ports/chain.ts";
import { KeyturnError } from "../../src/rotation/errors.ts";
import { type Process, type StartServer, T0, aDraft } from "../redis/harness.ts";
import { backup } from "./dump.ts";
import { aWorld } from "./world.ts";

/** The audit trail over Redis and a file, run against the in-memory server and a real one. */
export function trailContract(name: string, start: StartServer): void {
  describe(`the audit trail (${name})`, () => {
    const world = aWorld(start);
    const { process, crashing, lines, append, endAll } = world;

    it("P11: what was appended is in Redis, in the log and, after sync, in the file; the chain is intact", async () => {
      const one = process();
      await append(one, 5);
      await one.trail.sync();
      expect((await lines()).map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(one.logged).toEqual(await lines());
      expect(await one.trail.verify()).toMatchObject({
        intact: true,
        entries: 6,
        epochs: 1,
        unshippedTail: 0,
        source: world.file,
      });
      expect(await one.trail.head()).toMatchObject({ seq: 6 });
    });

    it("the first entry says that it is the first start; reconciling again changes nothing", async () => {
      const one = process();
      await one.trail.reconcile();
      await one.trail.reconcile();
      expect(await lines()).toMatchObject([
        { action: "chain.epoch_started", epoch: T0, evidence: { reason: "first_start", previous: null } },
      ]);
    });

    it("R18: two processes that both find an empty Redis start one epoch", async () => {
      const [one, two] = [process(), process()];
      await Promise.all([one.trail.reconcile(), two.trail.reconcile(), append(one, 3), append(two, 3)]);
      await Promise.all([one.trail.sync(), two.trail.sync()]);
      expect(await one.trail.verify()).toMatchObject({ intact: true, epochs: 1, entries: 7 });
    });

    it("R18: four processes on one file make one chain", async () => {
      const all = [process(), process(), process(), process()];
      await Promise.all(all.map((one) => append(one, 12)));
      await Promise.all(all.map((one) => one.trail.sync()));
      expect(await (all[0] as Process).trail.verify()).toMatchObject({ intact: true, entries: 49 });
    });

    it("P7: a process that died between Redis and the file: the next reconcile ships its entries, once", async () => {
      const one = process();
      await append(one, 3);
      await append(crashing(), 2);
      await append(one, 1);
      await one.trail.sync();
      expect((await lines()).map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 7]);
      expect(await one.trail.verify()).toMatchObject({ intact: true, entries: 7 });
      expect(await one.trail.unshipped()).toBeGreaterThanOrEqual(2);
      await one.trail.reconcile();
      await one.trail.reconcile();
      expect(await one.trail.unshipped()).toBe(0);
      expect((await lines()).map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 7, 5, 6]);
      expect(one.logged.map((entry) => entry.seq).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    it("P7: a fresh process finds what is missing, too", async () => {
      await append(crashing(), 4);
      const next = process();
      await next.trail.reconcile();
      expect(await lines()).toHaveLength(5);
      expect(await next.trail.verify()).toMatchObject({ intact: true, entries: 5 });
    });

    it("P11: a write of unknown outcome is looked up before sync says that all is on disk", async () => {
      const one = process();
      await append(one, 1);
      const { journal, trail } = one;
      const answer = trail.writer.write([aDraft({ action: "deactivate.intended" })], async (link) => {
        await journal.append(link);
        throw new KeyturnError("REDIS_UNAVAILABLE");
      });
      await expect(answer).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
      await trail.sync();
      expect((await lines()).map((entry) => entry.action)).toContain("deactivate.intended");
    });

    it("a torn last line is no break, is reported, and its entry is shipped again", async () => {
      const one = process();
      await append(one, 3);
      await one.trail.sync();
      const size = (await readFile(world.file)).length;
      await truncate(world.file, size - 20);
      const next = process();
      await next.trail.reconcile();
      await append(next, 1);
      await next.trail.sync();
      expect(await next.trail.verify()).toMatchObject({ intact: true, entries: 5, tornLines: 1 });
    });

    it("P8: after FLUSHALL a new epoch continues from the sink, and the chain stays intact", async () => {
      const one = process();
      await append(one, 3);
      await one.trail.sync();
      await world.server().flush();
      world.clock.at += 5;
      await append(one, 2);
      await one.trail.sync();
      expect((await lines()).slice(4)).toMatchObject([
        {
          epoch: T0 + 5,
          seq: 5,
          action: "chain.epoch_started",
          evidence: { reason: "redis_empty", previous: { epoch: T0, seq: 4 } },
        },
        { epoch: T0 + 5, seq: 6 },
        { epoch: T0 + 5, seq: 7 },
      ]);
      expect(await one.trail.verify()).toMatchObject({ intact: true, entries: 7, epochs: 2, unshippedTail: 0 });
    });

    it("P8: the same when the process is new and only the file remembers", async () => {
      await append(process(), 3);
      await endAll();
      await world.server().flush();
      const next = process();
      await next.trail.reconcile();
      expect(await next.trail.verify()).toMatchObject({ intact: true, entries: 5, epochs: 2, head: { seq: 5 } });
    });

    it("R18: entries of a process that could not ship before the FLUSHALL are an unshipped tail", async () => {
      const one = process();
      await append(one, 2);
      await one.trail.sync();
      const slow = crashing();
      await append(slow, 2); // 4 and 5: in Redis only
      await append(one, 1); // 6: in the file
      await one.trail.sync();
      await world.server().flush();
      await one.trail.reconcile();
      expect(await one.trail.verify()).toMatchObject({ intact: true, epochs: 2, unshippedTail: 1 });
      await appendFile(world.file, slow.logged.map((entry) => `${lineOf(entry)}\n`).join(""));
      expect(await one.trail.verify()).toMatchObject({ intact: true, epochs: 2, unshippedTail: 3 });
      expect((await lines()).find((entry) => entry.evidence["reason"] === "redis_empty")?.evidence).toMatchObject({
        highest: { seq: 6 },
        previous: { seq: 3 },
      });
    });

    it.each([
      { who: "the process that wrote meanwhile", fresh: false },
      { who: "a new process", fresh: true },
    ])("R16: a restored old Redis is noticed by $who; no number gets other content", async ({ fresh }) => {
      const one = process();
      await append(one, 3);
      await one.trail.reconcile();
      const restore = await backup(world.server().connect());
      await append(one, 4);
      await one.trail.sync();
      await restore();
      const next = fresh ? process() : one;
      if (fresh) await next.trail.reconcile();
      await append(next, 1);
      await next.trail.sync();
      const all = await lines();
      expect(all.slice(8)).toMatchObject([
        {
          action: "chain.epoch_started",
          seq: 9,
          evidence: { reason: "redis_stale", previous: { epoch: T0, seq: 8 }, redis: { epoch: T0, seq: 4 } },
        },
        { action: "test.happened", seq: 10 },
      ]);
      expect(new Set(all.map((entry) => entry.seq)).size).toBe(10);
      await next.trail.reconcile();
      expect(await next.trail.verify()).toMatchObject({ intact: true, epochs: 2, entries: 10 });
    });

    it.each([
      { more: 2, when: "not as far as the sink" },
      { more: 4, when: "just as far" },
      { more: 6, when: "further" },
    ])("R16: a restored Redis that others went on from, $when: their facts are recorded anew", async ({ more }) => {
      const one = process();
      await append(one, 3);
      await one.trail.reconcile();
      const restore = await backup(world.server().connect());
      await append(one, 4);
      await one.trail.sync();
      await restore();
      const other = crashing();
      await Promise.all(
        Array.from({ length: more }, (_, n) =>
          other.trail.append([aDraft({ action: "others.fact", evidence: { n } })]),
        ),
      );
      await one.trail.reconcile();
      await append(one, 1);
      await one.trail.reconcile();
      const again = process();
      await again.trail.reconcile();
      expect(await again.trail.verify()).toMatchObject({ intact: true, epochs: 2, unshippedTail: 0 });
      const recovered = (await lines()).filter((entry) => entry.action === "chain.recovered");
      expect(recovered.map((entry) => (entry.evidence["entry"] as AuditEntry).evidence["n"])).toEqual(
        Array.from({ length: more }, (_, n) => n),
      );
    });

    it.each([
      { who: "only the one that wrote on after it", first: "b", kills: false },
      { who: "only the one whose entries were lost", first: "a", kills: false },
      { who: "a third one, the first two are gone", first: "c", kills: true },
    ])(
      "R18: a Redis that was set back under two processes on one file is noticed by $who",
      async ({ first, kills }) => {
        const [a, b] = [process(), process()];
        await append(a, 3);
        await append(b, 1);
        await b.trail.reconcile();
        const restore = await backup(world.server().connect());
        await append(a, 4);
        await a.trail.sync();
        // A failover to a replica that had not got those four; this process never knew of them.
        await restore();
        await Promise.all([1, 2].map((n) => b.trail.append([aDraft({ action: "others.fact", evidence: { n } })])));
        await b.trail.sync();
        if (kills) for (const one of [a, b]) await one.trail.sync();
        const c = process();
        const next = { a, b, c }[first] ?? c;
        await next.trail.reconcile();
        await append(next, 1);
        for (const one of kills ? [c] : [a, b, c]) await one.trail.reconcile();
        expect(await c.trail.verify()).toMatchObject({ intact: true, unshippedTail: 0 });
      },
    );

    describe("Redis keeps a bounded part of the chain", () => {
      it("only the newest 1000 entries stay, and only after they were shipped", { timeout: 60_000 }, async () => {
        const one = process();
        for (let n = 0; n < 15; n += 1) await one.trail.append(Array.from({ length: 100 }, () => aDraft()));
        expect(await one.journal.read(null, 5000)).toHaveLength(1501);
        await one.trail.reconcile();
        expect(await one.journal.read(null, 5000)).toHaveLength(1000);
        expect(await one.trail.verify()).toMatchObject({ intact: true, entries: 1501 });
      });

      it("reconciling with nothing new asks for one entry, not for all", async () => {
        const one = process();
        await append(one, 50);
        await one.trail.reconcile();
        const asked: (ChainPosition | null)[] = [];
        const read = one.journal.read;
        one.journal.read = (after, limit) => (asked.push(after), read(after, limit));
        await one.trail.reconcile();
        expect(asked).toEqual([{ epoch: T0, seq: 50 }]);
      });
    });

    it("nothing is on its way to the sink where there is nothing yet", async () => {
      expect(await process().trail.unshipped()).toBeNull();
    });

    describe("without a file the log is the sink", () => {
      it("sync is satisfied, verify needs a source, and a dead process's entries are logged by another", async () => {
        const one = process(null);
        await append(one, 2);
        await one.trail.sync();
        await expect(one.trail.verify()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
        await append(crashing(), 1);
        await one.trail.reconcile();
        expect(one.logged.map((entry) => entry.seq)).toEqual([1, 2, 3]); // its process may still log it
        world.clock.at += 60_000;
        await one.trail.reconcile();
        await one.trail.reconcile();
        expect(one.logged.map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
      });

      it("P11: what a command in a terminal logged is logged by a server too, for nobody keeps the terminal", async () => {
        const server = process(null);
        await append(server, 1);
        await server.trail.reconcile();
        const command = world.inTerminal();
        await append(command, 2);
        await command.trail.close();
        await append(server, 1);
        expect(command.logged.map((entry) => entry.seq)).toEqual([3, 4]);
        expect(await server.trail.unshipped()).toBe(3);
        world.clock.at += 60_000;
        await server.trail.reconcile();
        expect(server.logged.map((entry) => entry.seq)).toEqual([1, 2, 5, 3, 4]); // 1 begins the epoch
        expect(await server.trail.unshipped()).toBe(0);
      });

      it("P11: a command in a terminal does not take over the entries of a process that died", async () => {
        await append(world.crashing(), 2);
        world.clock.at += 60_000;
        const command = world.inTerminal();
        await append(command, 1);
        await command.trail.close();
        expect(command.logged.map((entry) => entry.seq)).toEqual([4]);
        const server = process(null);
        await server.trail.reconcile();
        expect(server.logged.map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
      });
    });

    it("a process that only looked writes nothing, neither to Redis nor to the disk", async () => {
      const one = process();
      await one.trail.head();
      await one.trail.close();
      await endAll();
      expect(await world.server().connect().keys("*")).toEqual([]);
      await expect(readFile(world.file)).rejects.toThrow("ENOENT");
    });
  });
}
