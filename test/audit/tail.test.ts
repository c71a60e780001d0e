import { appendFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GENESIS, lineOf, link } from "../../src/audit/chain.ts";
import { type Tail, createTail } from "../../src/audit/tail.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";
import { aDraft, aFolder } from "../redis/harness.ts";

const ALL = link(
  "kt",
  { epoch: 1, seq: 0, hash: GENESIS },
  Array.from({ length: 9 }, () => aDraft()),
);
const entry = (seq: number): AuditEntry => ALL[seq - 1] as AuditEntry;
const text = (...seqs: number[]): string => seqs.map((seq) => `${lineOf(entry(seq))}\n`).join("");

describe("the tail of the sink", () => {
  let folder: Awaited<ReturnType<typeof aFolder>>;
  let file: string;
  let tail: Tail;
  beforeEach(async () => {
    folder = await aFolder();
    file = join(folder.path, "audit.jsonl");
    tail = createTail({ file, install: "kt", strict: true });
  });
  afterEach(() => folder.remove());
  const known = (): number[] => ALL.filter((one) => tail.has(one) === "same").map((one) => one.seq);

  it("is empty while there is no file, and grows with it", async () => {
    await tail.refresh();
    expect([known(), tail.highest()]).toEqual([[], null]);
    await writeFile(file, text(1, 2));
    await tail.refresh();
    await appendFile(file, text(4, 3));
    await tail.refresh();
    expect([known(), tail.highest()?.seq]).toEqual([[1, 2, 3, 4], 4]);
  });

  it("takes a line only when it is whole, and then once", async () => {
    const line = text(2);
    await writeFile(file, text(1) + line.slice(0, 30));
    await tail.refresh();
    expect(known()).toEqual([1]);
    await appendFile(file, line.slice(30));
    await tail.refresh();
    expect(known()).toEqual([1, 2]);
  });

  it("passes over lines that are torn, changed or another installation's", async () => {
    await writeFile(
      file,
      text(1) +
        text(2).replace("keyturn", "mallory") +
        text(3).slice(0, 40) +
        "\n" +
        text(4).replace('"kt"', '"other"') +
        text(5),
    );
    await tail.refresh();
    expect(known()).toEqual([1, 5]);
  });

  it.each([
    {
      when: "replaced",
      how: async () => {
        await writeFile(`${file}.new`, text(7, 8, 9));
        await rename(`${file}.new`, file);
      },
    },
    {
      when: "cut and written anew",
      how: async () => {
        await truncate(file, 0);
        await tail.refresh();
        await appendFile(file, text(7, 8, 9));
      },
    },
  ])("starts over when the file was $when", async ({ how }) => {
    await writeFile(file, text(1, 2, 3));
    await tail.refresh();
    await how();
    await tail.refresh();
    expect(known()).toEqual([7, 8, 9]);
  });

  it("reads the end of a long file first, the rest when asked", async () => {
    await writeFile(file, text(1) + `${" ".repeat(9 * 1024 * 1024)}\n` + text(2));
    await tail.refresh();
    expect(known()).toEqual([2]);
    await tail.readAll();
    expect(known()).toEqual([1, 2]);
  });

  it("forgets what lies before a position", async () => {
    await writeFile(file, text(1, 2, 3));
    await tail.refresh();
    tail.forget({ epoch: 1, seq: 3 });
    expect(known()).toEqual([3]);
  });
});
