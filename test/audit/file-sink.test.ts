import { execFileSync } from "node:child_process";
import {
  type FileHandle,
  appendFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GENESIS, lineOf, link } from "../../src/audit/chain.ts";
import { entriesIn, entriesInOrder } from "../../src/audit/file-reader.ts";
import { createFileSink } from "../../src/audit/file-sink.ts";
import { opener } from "../../src/audit/opening.ts";
import type { AuditEntry } from "../../src/ports/audit.ts";
import { aDraft, aFolder } from "../redis/harness.ts";

const some = (count: number, from = 0): AuditEntry[] =>
  link(
    "kt",
    { epoch: 1, seq: from, hash: GENESIS },
    Array.from({ length: count }, (_, n) => aDraft({ evidence: { n } })),
  );

describe("the file sink", () => {
  let folder: Awaited<ReturnType<typeof aFolder>>;
  let path: string;
  beforeEach(async () => {
    folder = await aFolder();
    path = join(folder.path, "audit.jsonl");
  });
  afterEach(() => folder.remove());

  const seqs = async (): Promise<number[]> => {
    const found: number[] = [];
    for await (const { entry, sound } of entriesIn({ file: path, install: "kt", strict: true }))
      if (sound) found.push(entry.seq);
    return found;
  };

  it("is readable by its owner only, and its folder is made when missing", async () => {
    path = join(folder.path, "data", "audit.jsonl");
    const sink = createFileSink(path);
    await sink.sync();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await sink.close();
  });

  it("after sync everything appended before is in the file, in one line each", async () => {
    const sink = createFileSink(path);
    for (const entry of some(100)) sink.append([entry]);
    await sink.sync();
    expect((await readFile(path, "utf8")).split("\n")).toHaveLength(101);
    expect(await seqs()).toEqual(some(100).map((entry) => entry.seq));
    await sink.close();
  });

  it("several writers on one file do not tear each other's lines", async () => {
    const sinks = [createFileSink(path), createFileSink(path), createFileSink(path)];
    await Promise.all(
      some(300).map(async (entry, n) => {
        const sink = sinks[n % 3] as (typeof sinks)[number];
        sink.append([entry]);
        await sink.sync();
      }),
    );
    expect((await seqs()).toSorted((a, b) => a - b)).toEqual(some(300).map((entry) => entry.seq));
    for (const sink of sinks) await sink.close();
  });

  it("a line torn by a crash stays a line of its own; the next entry starts on a new one", async () => {
    await writeFile(path, `${lineOf(some(1)[0] as AuditEntry)}\n{"action":"test.happ`);
    const sink = createFileSink(path);
    sink.append(some(1, 1));
    await sink.sync();
    expect(await seqs()).toEqual([1, 2]);
    await sink.close();
  });

  it.each([
    { when: "deleted", how: () => rm(path) },
    { when: "moved away", how: () => rename(path, `${path}.1`) },
    {
      when: "replaced",
      how: async () => {
        await writeFile(`${path}.new`, "");
        await rename(`${path}.new`, path);
      },
    },
  ])("a file $when is noticed; what is synced afterwards is in the file of that name", async ({ how }) => {
    const sink = createFileSink(path);
    sink.append(some(1));
    await sink.sync();
    await how();
    sink.append(some(1, 1));
    await sink.sync();
    expect(await seqs()).toEqual([2]);
    await sink.close();
  });

  it("what was written but not yet synced when the file went away is written again", async () => {
    const sink = createFileSink(path);
    sink.append(some(2));
    await vi.waitFor(async () => expect(await seqs()).toEqual([1, 2]));
    await rename(path, `${path}.1`);
    await sink.sync();
    expect(await seqs()).toEqual([1, 2]);
    await sink.close();
  });

  it("P11: while the file cannot be written sync refuses, and nothing is lost once it can", async () => {
    await mkdir(path); // a folder stands where the file should be
    const sink = createFileSink(path);
    sink.append(some(2));
    await expect(sink.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    sink.append(some(1, 2));
    await expect(sink.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    await rmdir(path);
    await sink.sync();
    expect(await seqs()).toEqual([1, 2, 3]);
    await sink.close();
  });

  it("P11: a file system that never answers is a refusal that names the file, and no open file is lost when it does", async () => {
    let asked = 0;
    let answer: (handle: FileHandle) => void = () => undefined;
    const openNow = () => {
      asked += 1;
      return new Promise<FileHandle>((resolve) => (answer = resolve));
    };
    const sink = createFileSink(path, opener(path, { openNow, withinMs: 20 }));
    sink.append(some(2));
    const refusal = { code: "SINK_UNAVAILABLE", message: expect.stringContaining(path) as string };
    await expect(sink.sync()).rejects.toMatchObject(refusal);
    await expect(sink.sync()).rejects.toMatchObject(refusal);
    expect(asked).toBe(1);
    answer(await open(path, "a+", 0o600));
    await sink.sync();
    expect(await seqs()).toEqual([1, 2]);
    await sink.close();
  });

  it.runIf(process.platform === "linux")(
    "P11: below /proc, where making a folder fails in a way that Node tries for ever, it is refused at once",
    async () => {
      const sink = createFileSink("/proc/keyturn-nothing/folder/audit.jsonl");
      sink.append(some(1));
      await expect(sink.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
      await sink.close();
    },
  );

  it("P11: a pipe is refused at once", async () => {
    execFileSync("mkfifo", [path]);
    const sink = createFileSink(path);
    sink.append(some(1));
    await expect(sink.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    await sink.close();
  });

  it("a full disk is a refusal", async () => {
    const sink = createFileSink("/dev/full");
    sink.append(some(1));
    await expect(sink.sync()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
    await sink.close();
  });

  it("entries come in chain order, each once, whatever the order in the file", async () => {
    const entries = some(50);
    const shuffled = [...entries.slice(20), ...entries.slice(0, 25)].toReversed();
    await writeFile(path, shuffled.map((entry) => `${lineOf(entry)}\n`).join(""));
    await appendFile(path, "not JSON\n\n{}\n");
    const found: number[] = [];
    for await (const entry of entriesInOrder({ file: path, install: "kt", strict: true })) found.push(entry.seq);
    expect(found).toEqual(entries.map((entry) => entry.seq));
  });

  it("a file that is not there cannot be read: SINK_UNAVAILABLE, never an empty chain", async () => {
    await expect(seqs()).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
  });
});
