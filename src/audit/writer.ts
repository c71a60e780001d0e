import type { AuditDraft, AuditEntry, ChainHead } from "../ports/audit.ts";
import type { Attempt, ChainWriter, Journal, Link } from "../ports/chain.ts";
import type { Clock } from "../ports/clock.ts";
import { KeyturnError } from "../rotation/errors.ts";
import type { ChainIndex } from "./chain-index.ts";
import { compare, headOf, link, startEpoch } from "./chain.ts";

/** Other processes may win this often in a row before we give up. */
const MAX_TRIES = 500;
/** A gap this near to the end can be entries that never left a lost Redis; an older one is a break that must show. */
const EXPLAINABLE_GAP = 1000;

export interface Writer extends ChainWriter {
  /** Starts a new epoch if Redis's head is still `seen`. Someone else being first is fine. */
  startEpoch(seen: ChainHead | null): Promise<void>;
  /** True after a write of unknown outcome, until `settled`: the entry may be in Redis and in no sink. */
  readonly uncertain: boolean;
  /** Whether this process may have written anything. */
  readonly wrote: boolean;
  settled(): void;
  /** Entries that Redis confirmed to this process since `kept` was last called. */
  readonly unproven: readonly ChainHead[];
  /** So many of them were looked for and need not be looked for again. */
  kept(count: number): void;
}

/**
 * One queue per process: contention is left between processes only. `deliver` gets every entry that is known to be
 * written, in order; `readSink` gives the index of everything the sink holds, null when there is no readable one.
 */
export function createWriter(given: {
  journal: Journal;
  install: string;
  clock: Clock;
  deliver: (entries: readonly AuditEntry[]) => void;
  readSink: () => Promise<ChainIndex | null>;
}): Writer {
  const { journal, install, clock, deliver } = given;
  /** Where we believe the chain ends; undefined: not asked yet. */
  let head: ChainHead | null | undefined;
  /** Newest entry that Redis confirmed to us. A head before it means that Redis was set back. */
  let acknowledged: ChainHead | null = null;
  let uncertain = false;
  const unproven: ChainHead[] = [];
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  }

  async function trying(attempt: (link: Link) => Promise<Attempt>, what: Link): Promise<Attempt> {
    try {
      const result = await attempt(what);
      const last = what.entries.at(-1);
      if (result.done && last !== undefined) {
        head = acknowledged = headOf(last);
        unproven.push(...what.entries.map(headOf));
        deliver(what.entries);
      } else if (!result.done) {
        head = result.moved;
      }
      return result;
    } catch (error) {
      head = undefined;
      if (error instanceof KeyturnError && error.code === "REDIS_UNAVAILABLE") uncertain = true;
      throw error;
    }
  }

  async function newEpoch(seen: ChainHead | null): Promise<void> {
    const index = await given.readSink();
    const previous = continuesFrom(index, acknowledged);
    const highest = index?.highest ?? null;
    const reason = seen !== null ? "redis_stale" : previous === null ? "first_start" : "redis_empty";
    // Named, so that they stay part of the evidence: what was written to a Redis that was set back is no forgery (R18).
    const branches = seen === null ? [] : (index?.loose() ?? []);
    const first = startEpoch(install, previous, {
      at: clock.now(),
      reason,
      atLeast: Math.max(seen?.epoch ?? 0, highest?.epoch ?? 0, acknowledged?.epoch ?? 0) + 1,
      found: {
        ...(seen === null ? {} : { redis: seen }),
        ...(highest?.hash === previous?.hash ? {} : { highest }),
        ...(branches.length === 0 ? {} : { branches }),
      },
    });
    const orphans = seen === null || index === null ? [] : await orphansOf(journal, index, first.at);
    const { done } = await trying((it) => journal.append(it), {
      expected: seen,
      entries: [first, ...link(install, first, orphans)],
    });
    if (done && seen !== null && index !== null) await journal.dropBefore(first);
  }

  return {
    write: (drafts, attempt) =>
      inTurn(async () => {
        if (drafts.length === 0) {
          await trying(attempt, { expected: null, entries: [] });
          return;
        }
        for (let tries = 0; tries < MAX_TRIES; tries += 1) {
          if (head === undefined) head = await journal.head();
          if (head === null || isBehind(head, acknowledged)) {
            await newEpoch(head);
            continue;
          }
          const { done } = await trying(attempt, { expected: head, entries: link(install, head, drafts) });
          if (done) return;
        }
        throw new KeyturnError("CONFLICT", "(the audit chain)");
      }),
    startEpoch: (seen) => inTurn(() => newEpoch(seen)),
    get uncertain() {
      return uncertain;
    },
    get wrote() {
      return uncertain || acknowledged !== null;
    },
    settled: () => {
      uncertain = false;
    },
    unproven,
    kept: (count) => void unproven.splice(0, count),
  };
}

/** Whether Redis's head cannot be the successor of what it confirmed before. */
export function isBehind(redis: ChainHead, known: ChainHead | null): boolean {
  if (known === null) return false;
  const order = compare(redis, known);
  return order < 0 || (order === 0 && redis.hash !== known.hash);
}

/**
 * The sink's newest entry that is linked to the start. When entries shortly before the end are missing, what lies
 * beyond the gap becomes an unshipped tail; a gap further back stays in the chain, so that `audit verify` shows it.
 */
function continuesFrom(index: ChainIndex | null, acknowledged: ChainHead | null): ChainHead | null {
  const { head, highest } = index?.judge() ?? { head: null, highest: null };
  if (highest === null) return acknowledged;
  return head !== null && head.epoch === highest.epoch && highest.seq - head.seq <= EXPLAINABLE_GAP ? head : highest;
}

/** What only the set-back Redis knows: the facts are recorded anew, since their numbers belong to other entries. */
async function orphansOf(journal: Journal, index: ChainIndex, at: number): Promise<AuditDraft[]> {
  const kept = await journal.read(null, 2000);
  return kept
    .filter((entry) => index.has(entry) !== "same")
    .map(({ checkpoint: _checkpoint, schema: _schema, install: _install, ...entry }) => ({
      at,
      rotation: entry.rotation,
      target: entry.target,
      action: "chain.recovered",
      actor: "keyturn",
      via: "audit",
      evidence: { entry },
    }));
}
