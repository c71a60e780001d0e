import type { AuditEntry } from "../ports/audit.ts";
import type { ChainPosition, Journal } from "../ports/chain.ts";
import type { Clock } from "../ports/clock.ts";
import { compare } from "./chain.ts";
import { KEEP, readAfter } from "./shipper.ts";
import type { Writer } from "./writer.ts";

/** Its process has had this long to log an entry by itself. */
const PATIENCE_MS = 15_000;
/** Names the log as a sink for `Journal.shipped`. */
export const LOG = "log";

/**
 * Without a file the log lines are the sink (R18). Logs what a process that died did not, and what one said in a terminal, where
 * nobody collects it; a line may come twice.
 */
export function createLogShipper(given: {
  journal: Journal;
  writer: Writer;
  clock: Clock;
  log: (entry: AuditEntry) => void;
  /** Whether what this process logs is kept; else nothing it logs counts as shipped. */
  kept: boolean;
}) {
  const { journal, writer, clock, kept } = given;
  let own: ChainPosition[] = [];
  return {
    /** Entries this process logged itself. */
    logged: (entries: readonly ChainPosition[]): void => {
      if (kept) own.push(...entries);
    },
    ship: async (): Promise<void> => {
      writer.kept(writer.unproven.length);
      if ((await journal.head()) === null) await writer.startEpoch(null);
      if (!kept) return;
      const entries = await readAfter(journal, await journal.shipped(LOG));
      const ours = new Set(own.map((entry) => `${entry.epoch}-${entry.seq}`));
      let last: ChainPosition | null = null;
      for (const entry of entries) {
        if (!ours.has(`${entry.epoch}-${entry.seq}`)) {
          if (Math.abs(clock.now() - entry.at) < PATIENCE_MS) break;
          given.log(entry);
        }
        last = { epoch: entry.epoch, seq: entry.seq };
      }
      if (last === null) return;
      const until = last;
      own = own.filter((entry) => compare(entry, until) > 0);
      await journal.noteShipped(LOG, until);
      await journal.trim(KEEP);
    },
  };
}
