import { hostname } from "node:os";
import type { AuditEntry, AuditTrail, ChainHead, ChainVerdict } from "../ports/audit.ts";
import type { ChainWriter, Journal } from "../ports/chain.ts";
import type { Clock } from "../ports/clock.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { ChainIndex } from "./chain-index.ts";
import { isSound } from "./chain.ts";
import { entriesInOrder, indexOf } from "./file-reader.ts";
import { createFileSink } from "./file-sink.ts";
import { lastKnownGatherer } from "./last-known.ts";
import { LOG, createLogShipper } from "./log-shipper.ts";
import { createShipper, readAfter } from "./shipper.ts";
import { sinkId } from "./sink-id.ts";
import { createTail } from "./tail.ts";
import { createWriter } from "./writer.ts";

/**
 * The audit trail over a journal (Redis) and its sinks: a file and the log. `writer` is what stores link their own
 * scripts with, so that one queue of this process serves all.
 * @param file null: the log lines are the only sink; `verify` and `lastKnown` then have nothing to read
 * @param host this machine's name, as it names the file's sink
 * @param log gets every entry this process wrote or shipped
 * @param logIsKept false: only a person sees this process' log, so without a file another process logs its entries again
 */
export function createAuditTrail(given: {
  journal: Journal;
  install: string;
  file: string | null;
  log: (entry: AuditEntry) => void;
  clock: Clock;
  host?: string;
  logIsKept?: boolean;
}): AuditTrail & { readonly writer: ChainWriter } {
  const { journal, install, file, clock, log, host = hostname() } = given;
  const own = (path: string) => ({ file: path, install, strict: true });
  const sink = file === null ? null : createFileSink(file);

  const writer = createWriter({
    journal,
    install,
    clock,
    deliver: (entries) => {
      sink?.append(entries);
      if (sink === null) logShipper.logged(entries);
      for (const entry of entries) log(entry);
    },
    readSink: () => readSink(),
  });
  async function readSink(): Promise<ChainIndex | null> {
    if (sink === null) return null;
    await sink.sync().catch(() => undefined); // what can be read counts, whether or not more can be written
    return indexOf(own(sink.path)).then(
      ({ index }) => index,
      () => null,
    );
  }
  const logShipper = createLogShipper({ journal, writer, clock, log, kept: given.logIsKept ?? true });
  const ship =
    sink === null
      ? logShipper.ship
      : createShipper({ journal, writer, sink, tail: createTail(own(sink.path)), host, index: readSink, log });

  let shipping: Promise<void> = Promise.resolve();
  const reconcile = (): Promise<void> => {
    const done = shipping.then(async () => {
      await ship();
      writer.settled();
    });
    shipping = done.catch(() => undefined);
    return done;
  };

  /** The sink's index with the entries that are still on their way to it: in Redis, and not noted as shipped. */
  async function withUnshipped(path: string, each?: (entry: AuditEntry) => void) {
    // In this order: what is shipped while we read is then taken from Redis, not missed.
    const marker = await journal.shipped(await sinkId(path, host)).catch(() => undefined);
    const { index, torn } = await indexOf(own(path), each);
    const redis = marker === undefined ? null : await headAndTail(journal, marker).catch(() => null);
    return { index, torn, redis };
  }

  return {
    writer,
    append: (drafts) => writer.write(drafts, (link) => journal.append(link)),
    sync: async () => {
      if (writer.uncertain) await reconcile();
      await sink?.sync();
    },
    reconcile,
    verify: async (source) => {
      if (source !== undefined) {
        const { index, torn } = await indexOf({ file: source.file, install, strict: false });
        const verdict = verdictOf(index, null, torn, source.file);
        // Nothing proves nothing: the wrong file, or logs without their audit lines, must not look intact.
        if (verdict.intact && verdict.entries === 0) throw noEntry(source.file);
        return verdict;
      }
      if (sink === null) throw noSource();
      await sink.flush().catch(() => undefined);
      const { index, torn, redis } = await withUnshipped(sink.path);
      for (const entry of redis?.entries ?? []) index.add(entry, isSound(entry));
      return verdictOf(
        index,
        redis?.head ?? null,
        torn,
        redis === null ? `${sink.path} (Redis not compared)` : sink.path,
      );
    },
    entries: (source) => entriesFrom(source?.file ?? file, install, source === undefined),
    lastKnown: async () => {
      if (sink === null) return null;
      await sink.flush().catch(() => undefined);
      const gatherer = lastKnownGatherer();
      const read = await withUnshipped(sink.path, (entry) => gatherer.take(entry)).catch(() => null);
      if (read === null) return null;
      const { index, redis } = read;
      const whole = () => index.judge(redis?.head ?? null).bad === null;
      if (!whole()) for (const entry of redis?.entries ?? []) index.add(entry, isSound(entry));
      return whole() ? gatherer.result() : null;
    },
    head: () => journal.head(),
    unshipped: async () => {
      // The marker first: what is shipped in between then counts as still to come, never as less than none.
      const marker = await journal.shipped(sink === null ? LOG : await sinkId(sink.path, host));
      const head = await journal.head();
      return head === null ? null : Math.max(0, head.seq - (marker?.seq ?? 0));
    },
    close: async () => {
      // So that what we wrote is noted as shipped. A process that wrote nothing changes nothing on its way out.
      if (writer.wrote) await reconcile().catch(() => undefined);
      await sink?.close();
    },
  };
}

const noEntry = (file: string) =>
  new KeyturnError("SINK_UNAVAILABLE", undefined, {
    say: `There is no audit entry of this installation in ${file}.`,
    next: "Name the audit file, or logs in which `audit` lines were kept.",
  });
const noSource = () =>
  new KeyturnError("SINK_UNAVAILABLE", undefined, {
    say: "There is no audit log to read here: audit.file is not configured, and the log lines are the only one.",
    next: "Collect them and name the file: --from <file>.",
  });

async function headAndTail(journal: Journal, marker: { epoch: number; seq: number } | null) {
  const head = await journal.head();
  return { head, entries: await readAfter(journal, marker) };
}

async function* entriesFrom(file: string | null, install: string, strict: boolean): AsyncGenerator<AuditEntry> {
  if (file === null) throw noSource();
  yield* entriesInOrder({ file, install, strict });
}

function verdictOf(index: ChainIndex, redis: ChainHead | null, torn: number, source: string): ChainVerdict {
  const { bad, head, entries, epochs, unshippedTail } = index.judge(redis);
  const tornLines = torn === 0 ? {} : { tornLines: torn };
  if (bad !== null)
    return {
      intact: false,
      firstBad: { epoch: bad.at.epoch, seq: bad.at.seq },
      why: bad.why,
      entries,
      source,
      ...tornLines,
    };
  return { intact: true, head, entries, epochs, unshippedTail, source, ...tornLines };
}
