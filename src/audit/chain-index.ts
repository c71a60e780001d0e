import type { AuditEntry, ChainHead } from "../ports/audit.ts";
import type { ChainPosition } from "../ports/chain.ts";
import { GENESIS, branchesOf, compare, headOf, previousOf } from "./chain.ts";
import { type Epoch, asideOf, farthest, hashAt, linkWaiting, namedIn, newEpoch, switchTo } from "./epoch.ts";

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

/**
 * Takes entries in any order, with repeats, and judges the chain they make. Memory: 32 bytes per entry, plus what is
 * out of order at a time.
 */
export class ChainIndex {
  readonly #epochs = new Map<number, Epoch>();
  readonly #bad: Bad[] = [];
  /** Ends of branches that later epochs name. */
  readonly #named: ChainHead[] = [];
  #highest: ChainHead | null = null;
  #entries = 0;

  /** @param sound whether the entry's content agrees with its hash */
  add(entry: AuditEntry, sound: boolean): void {
    if (!sound) {
      this.#note(entry, "the entry was changed: its content does not agree with its hash");
      return;
    }
    const epoch = this.#epochs.get(entry.epoch) ?? newEpoch();
    this.#epochs.set(entry.epoch, epoch);
    const known = hashAt(epoch, entry.seq);
    if (known === entry.hash || epoch.aside.has(entry.hash)) return;
    this.#named.push(...branchesOf(entry));
    if (known !== null) {
      epoch.aside.set(entry.hash, { seq: entry.seq, prev: entry.prev });
      this.#entries += 1;
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
    if (epoch?.aside.has(position.hash)) return "same";
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
    if (anchor !== null) switchTo(this.#epochs.get(anchor.epoch), anchor);
    // From the newest epoch back: each one's first entry says where the one before it ends.
    for (let number = newest; number > 0;) {
      const epoch = this.#epochs.get(number);
      const tip = cut ?? farthest(epoch, number);
      if (tip !== null) switchTo(epoch, tip);
      const end = endOf(number, epoch, cut);
      if (end.bad !== null) bad.push(end.bad);
      const aside = epoch === undefined ? [] : asideOf(epoch, cut?.seq ?? Infinity);
      const named = epoch === undefined ? new Set() : namedIn(epoch, this.#named, number);
      for (const { seq, hash } of aside)
        if (!named.has(hash)) bad.push({ at: { epoch: number, seq }, why: "two different entries have this number" });
      live += end.live + aside.filter(({ hash }) => named.has(hash)).length;
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

  /** Ends of branches that no epoch names yet, for the first entry of the next one. At most so many. */
  loose(most = 100): ChainHead[] {
    const found: ChainHead[] = [];
    for (const [number, epoch] of this.#epochs) {
      const named = namedIn(epoch, this.#named, number);
      const open = asideOf(epoch, Infinity).filter(({ hash }) => !named.has(hash));
      const followed = new Set(open.map(({ prev }) => prev));
      found.push(
        ...open.filter(({ hash }) => !followed.has(hash)).map(({ seq, hash }) => ({ epoch: number, seq, hash })),
      );
    }
    return found.toSorted(compare).slice(-most);
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
