import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lineOf, link, startEpoch } from "../../src/audit/chain.ts";
import { entriesInOrder, indexOf } from "../../src/audit/file-reader.ts";
import type { AuditEntry, ChainHead } from "../../src/ports/audit.ts";
import { T0, aDraft, aFolder, aRotation } from "../redis/harness.ts";

let folder: Awaited<ReturnType<typeof aFolder>>;
beforeEach(async () => {
  folder = await aFolder();
});
afterEach(() => folder.remove());

it("100 000 entries are verified and listed in flat memory", { timeout: 120_000 }, async () => {
  const file = join(folder.path, "audit.jsonl");
  const first = startEpoch("kt", null, { at: T0, reason: "first_start", atLeast: 0, found: {} });
  await appendFile(file, `${lineOf(first)}\n`);
  let head: ChainHead = first;
  for (let block = 0; block < 100; block += 1) {
    const drafts = Array.from({ length: 1000 }, () => aDraft({ rotation: "rot_1", checkpoint: aRotation() }));
    const entries: AuditEntry[] = link("kt", head, drafts);
    head = entries.at(-1) as AuditEntry;
    // The two halves of each block change places: order in the file does not matter.
    await appendFile(
      file,
      [...entries.slice(500), ...entries.slice(0, 500)].map((entry) => `${lineOf(entry)}\n`).join(""),
    );
  }
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = used();
  let peak = 0;
  const reading = { file, install: "kt", strict: true };
  const { index } = await indexOf(reading, (entry) => {
    if (entry.seq % 1000 === 0) peak = Math.max(peak, used());
  });
  expect(index.judge()).toMatchObject({ bad: null, entries: 100_001, head: { seq: 100_001 } });
  let seq = 0;
  for await (const entry of entriesInOrder(reading)) expect(entry.seq).toBe(++seq);
  expect(seq).toBe(100_001);
  // The file is about 170 MB. Garbage that is not collected yet counts here, too.
  expect(peak - before).toBeLessThan(100 * 1024 * 1024);
});
