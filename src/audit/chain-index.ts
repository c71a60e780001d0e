import type { AuditEntry, ChainHead } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { GENESIS, compare, headOf, previousOf } from "./chain.ts";
import { Hashes } from "./hashes.ts";

export interface Bad {
  at: ChainPosition;
  why: string;
}

export interface Judgement {
  /** Smallest position where the chain is not what it was; null when it is whole. */
  bad: Bad | null;
  /** Newest entry linked without a gap to the start. */
  head: ChainHead | null;
  /** Newest entry seen at all. */
  highest: ChainHead | null;
  entries: number;
  epochs: number;
  unshippedTail: number;
}

/** One epoch: the hashes linked so far from its first entry on, and entries that came before their predecessor. */
interface Epoch {
  first: number | null;
  previous: ChainHead | null;
  linked: Hashes;
  waiting: Map<number, { prev: string; hash: string }>;
  /** Lowest place where entries disagree; counts only within the part that the next epoch continues from. */
  clash: { seq: number; why: string } | null;
}

/**
 * Takes entries in any order, with repeats, and judges the chain they make. Memory: 32 bytes per entry, plus what is
 * out of order at a time.
 */
export class ChainIndex {
  readonly #epochs = new Map<number, Epoch>();
  readonly #bad: Bad[] = [];
  #highest: ChainHead | null = null;
  #entries = 0;

  /** @param sound whether the entry's content agrees with its hash */
  add(entry: AuditEntry, sound: boolean): void {
    if (!sound) {
      this.#note(entry, "the entry was changed: its content does not agree with its hash");
      return;
    }
    const epoch = this.#epochs.get(entry.epoch) ?? {
      first: null,
      previous: null,
      linked: new Hashes(),
      waiting: new Map(),
      clash: null,
    };
    this.#epochs.set(entry.epoch, epoch);
    const known = hashAt(epoch, entry.seq);
    if (known !== null) {
      if (known !== entry.hash) clash(epoch, entry.seq, "two different entries have this number");
      return;
    }
    this.#entries += 1;
    if (this.#highest === null || compare(entry, this.#highest) > 0) this.#highest = headOf(entry);
    epoch.waiting.set(entry.seq, { prev: entry.prev, hash: entry.hash });
    const previous = previousOf(entry);
    if (previous !== undefined) this.#start(epoch, entry, previous);
    linkWaiting(epoch);
  }

  has(position: ChainHead): "same" | "other" | "none" {
    const epoch = this.#epochs.get(position.epoch);
    const hash = epoch === undefined ? null : hashAt(epoch, position.seq);
    return hash === null ? "none" : hash === position.hash ? "same" : "other";
  }

  get highest(): ChainHead | null {
    return this.#highest;
  }

  /** @param anchor a head known from elsewhere (Redis): the chain must contain it, unless its epoch is a past one */
  judge(anchor: ChainHead | null = null): Judgement {
    const bad = [...this.#bad];
    const newest = [...this.#epochs.keys()].reduce((high, number) => Math.max(high, number), 0);
    let head: ChainHead | null = null;
    let live = 0;
    let cut: ChainHead | null = null;
    // From the newest epoch back: each one's first entry says where the one before it ends.
    for (let number = newest; number > 0;) {
      const epoch = this.#epochs.get(number);
      const end = endOf(number, epoch, cut);
      if (end.bad !== null) bad.push(end.bad);
      if (epoch?.clash && (cut === null || epoch.clash.seq <= cut.seq))
        bad.push({ at: { epoch: number, seq: epoch.clash.seq }, why: epoch.clash.why });
      live += end.live;
      // A head counts only when everything before it holds: a break in an older epoch takes it back to there.
      if (end.bad !== null || number === newest) head = end.head;
      if (epoch === undefined || epoch.first === null || epoch.previous === null || epoch.previous.epoch >= number)
        break;
      cut = epoch.previous;
      number = cut.epoch;
    }
    if (anchor !== null && anchor.epoch >= newest) {
      const found = this.has(anchor);
      if (found === "none")
        bad.push({
          at: { epoch: anchor.epoch, seq: (head?.seq ?? 0) + 1 },
          why: "Redis knows a later entry; it is missing",
        });
      if (found === "other") bad.push({ at: anchor, why: "Redis knows another entry with this number" });
    }
    return {
      bad: bad.reduce<Bad | null>((low, one) => (low === null || compare(one.at, low.at) < 0 ? one : low), null),
      head,
      highest: this.#highest,
      entries: this.#entries,
      epochs: this.#epochs.size,
      unshippedTail: this.#entries - live,
    };
  }

  #start(epoch: Epoch, entry: AuditEntry, previous: ChainHead | null): void {
    const continues =
      previous === null
        ? entry.seq === 1 && entry.prev === GENESIS
        : entry.seq === previous.seq + 1 && entry.prev === previous.hash;
    if (epoch.first !== null) return this.#note(entry, "the epoch starts twice");
    if (!continues || (previous !== null && previous.epoch >= entry.epoch))
      this.#note(entry, "the epoch's first entry does not follow on the one it names");
    epoch.first = entry.seq;
    epoch.previous = previous;
  }

  #note(at: ChainPosition, why: string): void {
    this.#bad.push({ at: { epoch: at.epoch, seq: at.seq }, why });
    // Enough to find the smallest without growing with a file of rubbish.
    if (this.#bad.length > 1000)
      this.#bad.splice(0, this.#bad.length, this.#bad.toSorted((a, b) => compare(a.at, b.at))[0] as Bad);
  }
}

function linkWaiting(epoch: Epoch): void {
  if (epoch.first === null) return;
  for (;;) {
    const seq = epoch.first + epoch.linked.length;
    const next = epoch.waiting.get(seq);
    if (next === undefined) return;
    const before = epoch.linked.at(epoch.linked.length - 1);
    if (before !== null && next.prev !== before) clash(epoch, seq, "the entry does not point to the one before it");
    epoch.linked.push(next.hash);
    epoch.waiting.delete(seq);
  }
}

function clash(epoch: Epoch, seq: number, why: string): void {
  if (epoch.clash === null || seq < epoch.clash.seq) epoch.clash = { seq, why };
}

function hashAt(epoch: Epoch, seq: number): string | null {
  const linked = epoch.first === null ? null : epoch.linked.at(seq - epoch.first);
  return linked ?? epoch.waiting.get(seq)?.hash ?? null;
}

/** How far an epoch reaches without a gap, against where it should end (`cut`; null: at its newest entry). */
function endOf(
  number: number,
  epoch: Epoch | undefined,
  cut: ChainHead | null,
): { head: ChainHead | null; live: number; bad: Bad | null } {
  const missing = (seq: number): Bad => ({ at: { epoch: number, seq }, why: "the entry is missing" });
  if (epoch === undefined || epoch.first === null) {
    const seqs = epoch === undefined ? [] : [...epoch.waiting.keys()];
    const lowest = seqs.reduce((low, seq) => Math.min(low, seq), cut?.seq ?? Number.MAX_SAFE_INTEGER);
    const why = "the first entry of the epoch is missing";
    return {
      head: null,
      live: seqs.length,
      bad: { at: { epoch: number, seq: Math.max(1, lowest - (seqs.length > 0 ? 1 : 0)) }, why },
    };
  }
  const last = epoch.first + epoch.linked.length - 1;
  const head = (seq: number): ChainHead => ({
    epoch: number,
    seq,
    hash: epoch.linked.at(seq - (epoch.first ?? 0)) ?? "",
  });
  if (cut === null) {
    return {
      head: head(last),
      live: epoch.linked.length + epoch.waiting.size,
      bad: epoch.waiting.size > 0 ? missing(last + 1) : null,
    };
  }
  if (cut.seq > last) return { head: head(last), live: epoch.linked.length, bad: missing(last + 1) };
  const same = epoch.linked.at(cut.seq - epoch.first) === cut.hash;
  const why = "the next epoch names another entry with this number";
  return {
    head: head(cut.seq),
    live: cut.seq - epoch.first + 1,
    bad: same ? null : { at: { epoch: number, seq: cut.seq }, why },
  };
}
