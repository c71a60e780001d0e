import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type StartServer, T0, aDraft, aRotation, save } from "../redis/harness.ts";
import { aWorld } from "./world.ts";

/** What the sink proves, and what it does not prove any more after tampering. */
export function verifyContract(name: string, start: StartServer): void {
  describe(`reading the audit trail (${name})`, () => {
    const world = aWorld(start);
    const { process, onHost, crashing, rewrite, append, endAll } = world;

    describe("verify", () => {
      it.each([
        {
          when: "a line changed",
          change: (all: string[]) => all.map((line, n) => (n === 3 ? line.replace("keyturn", "mallory") : line)),
          bad: 4,
        },
        { when: "a line removed", change: (all: string[]) => all.filter((_, n) => n !== 3), bad: 4 },
        { when: "the first line removed", change: (all: string[]) => all.slice(1), bad: 1 },
        { when: "the newest lines removed", change: (all: string[]) => all.slice(0, 7), bad: 8 },
        {
          when: "a field given twice",
          change: (all: string[]) => all.map((line, n) => (n === 3 ? line.replace("{", '{"actor":"mallory",') : line)),
          bad: 4,
        },
        { when: "all lines removed", change: () => [], bad: 1 },
      ])("P11: shows $when, also after a reconcile", async ({ change, bad }) => {
        const one = process();
        await append(one, 9);
        await one.trail.reconcile();
        await rewrite(change);
        for (const verdict of [await one.trail.verify(), (await one.trail.reconcile(), await one.trail.verify())]) {
          expect(verdict).toMatchObject({ intact: false, firstBad: { epoch: T0, seq: bad } });
        }
        await endAll();
        const next = process();
        await next.trail.reconcile();
        expect(await next.trail.verify()).toMatchObject({ intact: false, firstBad: { epoch: T0, seq: bad } });
        expect(await next.trail.lastKnown()).toBeNull();
      });

      it("P11: a new pod on the same volume is no new sink: what went missing is not quietly filled in from Redis", async () => {
        const first = onHost("keyturn-7d9f-abcde");
        await append(first, 9);
        await endAll();
        await rewrite((all) => all.filter((_, n) => n !== 3));
        const second = onHost("keyturn-7d9f-fghij");
        expect(await second.trail.verify()).toMatchObject({ intact: false, firstBad: { seq: 4 } });
        await second.trail.reconcile();
        expect(await second.trail.verify()).toMatchObject({ intact: false, firstBad: { seq: 4 } });
        expect(await world.lines()).toHaveLength(9);
      });

      it("P7: a new pod still ships what the one before it did not, once", async () => {
        const first = onHost("keyturn-7d9f-abcde");
        await append(first, 3);
        await first.trail.reconcile();
        await append(crashing(), 2);
        const second = onHost("keyturn-7d9f-fghij");
        await second.trail.reconcile();
        const third = onHost("keyturn-7d9f-klmno");
        expect(await third.trail.unshipped()).toBe(0);
        await third.trail.reconcile();
        expect((await world.lines()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
        expect(await second.trail.verify()).toMatchObject({ intact: true, entries: 6 });
      });

      it.each([
        { when: "no name", name: null },
        { when: "half of a name", name: "keyturn-7d" },
      ])("a file with $when beside it gets the name of the host that ships next", async ({ name }) => {
        if (name !== null) await writeFile(`${world.file}.host`, name);
        const one = onHost("one");
        await append(one, 1);
        await one.trail.reconcile();
        await onHost("two").trail.reconcile();
        expect(await readFile(`${world.file}.host`, "utf8")).toBe("one\n");
        // A copied or renamed half would be worse than none.
        expect((await readdir(world.folder())).toSorted()).toEqual(["audit.jsonl", "audit.jsonl.host"]);
      });

      it("where no name can be written, the entries are shipped all the same", async () => {
        // So long that the name beside it is still one, and the temporary file's is not.
        const file = join(world.folder(), `${"a".repeat(245)}.log`);
        const one = process(file);
        await append(one, 2);
        await one.trail.reconcile();
        expect(await one.trail.verify()).toMatchObject({ intact: true, entries: 3 });
        expect(await readdir(world.folder())).toEqual([basename(file)]);
      });

      it("a name that cannot be read is no missing name", async () => {
        await mkdir(`${world.file}.host`);
        await expect(process().trail.reconcile()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
      });

      it("P11: a command that only wrote and ended leaves nothing that could be removed unseen", async () => {
        const one = process();
        await append(one, 3);
        await one.trail.close();
        await rewrite((all) => all.filter((_, n) => n !== 2));
        expect(await process().trail.verify()).toMatchObject({ intact: false, firstBad: { seq: 3 } });
      });

      it("the order of lines does not matter", async () => {
        const one = process();
        await append(one, 9);
        await one.trail.reconcile();
        await rewrite((all) => all.toReversed());
        expect(await one.trail.verify()).toMatchObject({ intact: true, entries: 10 });
        const seqs: number[] = [];
        for await (const entry of one.trail.entries()) seqs.push(entry.seq);
        expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      });

      it("a file that is gone is no source, not an intact chain, and is not made by asking", async () => {
        const one = process();
        await expect(one.trail.verify()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE", exit: 69 });
        await append(one, 1);
        await one.trail.sync();
        await rm(world.file);
        await expect(one.trail.verify()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
        expect(await one.trail.lastKnown()).toBeNull();
      });

      it("collected log lines are a source, whole lines or under `audit`, re-formatted or not", async () => {
        const one = process(null);
        await append(one, 4);
        const collected = join(world.folder(), "collected.log");
        const pino = one.logged.map((audit, n) =>
          JSON.stringify(n % 2 === 0 ? { level: 30, msg: "audit", audit } : audit),
        );
        await writeFile(collected, ["starting", ...pino, '{"level":30,"msg":"other"}'].join("\n"));
        expect(await one.trail.verify({ file: collected })).toMatchObject({
          intact: true,
          entries: 5,
          source: collected,
        });
        await writeFile(collected, pino.filter((_, n) => n !== 2).join("\n"));
        expect(await one.trail.verify({ file: collected })).toMatchObject({ intact: false, firstBad: { seq: 3 } });
      });

      it("collected lines without any entry of this installation are no source, not an intact chain", async () => {
        const one = process(null);
        const collected = join(world.folder(), "collected.log");
        await writeFile(collected, 'starting\n{"level":30,"msg":"other"}\n');
        await expect(one.trail.verify({ file: collected })).rejects.toMatchObject({
          code: "SINK_UNAVAILABLE",
          exit: 69,
        });
      });
    });

    describe("lastKnown", () => {
      it("P8: gives the newest checkpoint of what had not ended, and the holds in force", async () => {
        const one = process();
        await save(one, aRotation({ id: "a" }));
        await save(one, aRotation({ id: "a", revision: 2, state: "draining" }));
        await save(one, aRotation({ id: "b" }));
        await save(one, aRotation({ id: "b", revision: 2, state: "completed", endedAt: T0 }));
        const hold = (action: string, subject: string) =>
          aDraft({ action, actor: "cli:ann@host", at: T0 + 7, evidence: { subject } });
        await one.holds.set("billing", "cli:ann@host", hold("hold.set", "billing"));
        await one.holds.set("reports", "cli:ann@host", hold("hold.set", "reports"));
        await one.holds.remove("reports", hold("hold.removed", "reports"));
        await one.trail.sync();
        await world.server().flush();
        await one.trail.reconcile();
        await rewrite((all) => all.toReversed());
        const known = await process().trail.lastKnown();
        expect([...(known?.checkpoints ?? [])]).toMatchObject([["a", { revision: 2, record: { state: "draining" } }]]);
        expect([...(known?.holds ?? [])]).toEqual([["billing", { actor: "cli:ann@host", at: T0 + 7 }]]);
      });

      it("a gap that Redis can still fill does not make the sink worthless", async () => {
        const one = process();
        await save(one, aRotation());
        await append(crashing(), 1);
        await append(one, 1);
        expect((await one.trail.lastKnown())?.checkpoints.size).toBe(1);
      });

      it("without a file nothing is known", async () => {
        expect(await process(null).trail.lastKnown()).toBeNull();
      });
    });
  });
}
