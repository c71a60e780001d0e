import { describe, expect, it } from "vitest";
import { GENESIS, link } from "../../src/audit/chain.ts";
import { exportCsv, exportJsonLines } from "../../src/audit/export.ts";
import type { AuditDraft, AuditEntry } from "../../src/ports/audit.ts";
import { T0, aDraft } from "../redis/harness.ts";

async function* chainOf(...drafts: AuditDraft[]): AsyncGenerator<AuditEntry> {
  yield* link("kt", { epoch: 1, seq: 0, hash: GENESIS }, drafts);
}

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}
const textOf = async (parts: AsyncIterable<string>): Promise<string> => (await all(parts)).join("");

describe("export", () => {
  it("JSON lines hold the complete entries", async () => {
    const drafts = [aDraft({ checkpoint: { revision: 1 } }), aDraft({ target: "a\nb" })];
    const lines = (await textOf(exportJsonLines(chainOf(...drafts)))).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as AuditEntry)).toEqual(await all(chainOf(...drafts)));
  });

  it("CSV has a header, RFC 3339 times, and empty cells for null", async () => {
    const [header, first] = (await textOf(exportCsv(chainOf(aDraft({ at: T0 }))))).split("\r\n");
    expect(header).toBe("epoch,seq,at,rotation,target,action,actor,via,evidence,prev,hash");
    expect(first).toMatch(/^1,1,2026-11-20T00:00:00\.000Z,,,test\.happened,keyturn,test,\{\},0{64},[0-9a-f]{64}$/);
  });

  it.each([
    { when: "a comma", target: "a,b", cell: '"a,b"' },
    { when: "a quote", target: 'a"b', cell: '"a""b"' },
    { when: "a line break", target: "a\r\nb", cell: '"a\r\nb"' },
    { when: "a formula", target: "=HYPERLINK(1)", cell: "'=HYPERLINK(1)" },
    { when: "a formula with a comma", target: "=A1,B1", cell: `"'=A1,B1"` },
    { when: "plus", target: "+1", cell: "'+1" },
    { when: "minus", target: "-1", cell: "'-1" },
    { when: "at", target: "@SUM(1)", cell: "'@SUM(1)" },
    { when: "a tab before a formula", target: "\t=1", cell: "'\t=1" },
  ])("a cell with $when is safe for readers and spreadsheets", async ({ target, cell }) => {
    expect(await textOf(exportCsv(chainOf(aDraft({ target }))))).toContain(`,${cell},test.happened`);
  });
});
