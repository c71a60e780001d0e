import type { AuditEntry, ChainHead } from "../ports/audit.ts";
import type { ChainPosition, Journal } from "../ports/chain.ts";
import type { ChainIndex } from "./chain-index.ts";
import { compare, headOf } from "./chain.ts";
import type { FileSink } from "./file-sink.ts";
import { nameSink, sinkId } from "./sink-id.ts";
import type { Tail } from "./tail.ts";
import { type Writer, isBehind } from "./writer.ts";

/** How many entries stay in Redis after they were shipped: other hosts' sinks catch up from them. */
export const KEEP = 1000;
const TRIM_EVERY = 100;
const PAGE = 200;

/**
 * Copies what is in Redis but not in the file. Nothing that was shipped before is shipped again: a line that went
 * missing from the file afterwards has to show in `audit verify`.
 */
export function createShipper(given: {
  journal: Journal;
  writer: Writer;
  sink: FileSink;
  tail: Tail;
  host: string;
  /** Of the whole sink; null when it cannot be read. Asked for only after Redis lost something. */
  index: () => Promise<ChainIndex | null>;
  log: (entry: AuditEntry) => void;
}) {
  const { journal, writer, sink, tail, host } = given;
  /** Newest entry of the stream that is known to be in the file. */
  let shipped: ChainHead | null = null;
  let sinceTrim = TRIM_EVERY;

  async function onlyOneChain(): Promise<ChainHead | null> {
    // The sink first: whatever it holds was in Redis before, so a Redis that lacks it was set back.
    await tail.refresh();
    const highest = tail.highest();
    const head = await journal.head();
    if (head === null || isBehind(head, highest) || tail.has(head) === "other") {
      await writer.startEpoch(head);
      return journal.head();
    }
    return head;
  }

  /** The stream from the last shipped entry on; from its oldest entry when that one is not there any more. */
  async function unshipped(): Promise<AuditEntry[]> {
    if (shipped !== null) {
      const found = await readAfter(journal, { epoch: shipped.epoch, seq: shipped.seq - 1 });
      if (found[0]?.hash === shipped.hash) return found.slice(1);
      shipped = null;
    }
    return readAfter(journal, null);
  }

  async function missingOf(entries: readonly AuditEntry[], marker: ChainPosition | null): Promise<AuditEntry[]> {
    const missing = () =>
      entries.filter((entry) => tail.has(entry) === "none" && (marker === null || compare(entry, marker) > 0));
    if (missing().length === 0) return [];
    // Ours may be on their way, others' may have arrived meanwhile, old ones may lie before the window.
    await sink.sync();
    await tail.refresh();
    if (missing().length > 0) await tail.readAll();
    return missing();
  }

  /**
   * What Redis confirmed to this process and lost since may stand in the sink beside other entries with the same numbers,
   * and nobody else can know that: a new epoch says so.
   */
  async function nameLost(count: number, kept: readonly AuditEntry[], head: ChainHead | null): Promise<boolean> {
    const there = new Set(kept.map(({ hash }) => hash));
    const isLost = writer.unproven.slice(0, count).some(({ hash }) => !there.has(hash));
    const named = isLost && ((await given.index())?.loose().length ?? 0) > 0;
    if (named) await writer.startEpoch(head);
    writer.kept(count);
    return named;
  }

  /** @throws SINK_UNAVAILABLE, REDIS_UNAVAILABLE */
  return async function ship(): Promise<void> {
    const confirmed = writer.unproven.length;
    await sink.sync();
    await nameSink(sink.path, host);
    // Each time anew: another host may have been first.
    const id = await sinkId(sink.path, host);
    const head = await onlyOneChain();
    const marker = await journal.shipped(id);
    let entries = await unshipped();
    if (entries.some((entry) => entry.epoch === head?.epoch && tail.has(entry) === "other")) {
      // Redis went on from an older state: same numbers, other content.
      await writer.startEpoch(head);
      entries = await readAfter(journal, null);
    }
    if (await nameLost(confirmed, entries, head)) entries = await readAfter(journal, null);
    const missing = await missingOf(entries, marker);
    if (missing.length > 0) {
      sink.append(missing);
      await sink.sync();
      for (const entry of missing) given.log(entry);
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    shipped = headOf(last);
    tail.forget(shipped);
    await journal.noteShipped(id, shipped);
    sinceTrim += entries.length;
    if (sinceTrim < TRIM_EVERY) return;
    sinceTrim = 0;
    await journal.trim(KEEP);
  };
}

export async function readAfter(journal: Journal, after: ChainPosition | null): Promise<AuditEntry[]> {
  const all: AuditEntry[] = [];
  for (let from = after; ; from = all.at(-1) ?? null) {
    const page = await journal.read(from, PAGE);
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}
