import type { CardSlots, Digest, Waiting } from "../../../src/ports/card-slots.ts";

/** The places for cards in one process; keeps to the same contract as those in Redis. */
export class MemoryCardSlots implements CardSlots {
  readonly #cards = new Map<string, Map<string, number>>();
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #digests = new Map<string, Digest>();

  async take(channel: string, card: Waiting, limit: number | null, now: number, counted = 0): Promise<boolean> {
    const cards = this.#of(channel, now);
    const others = (this.#waiting.get(channel) ?? []).filter((w) => w.rotation !== card.rotation);
    const ahead = others.filter((w) => isBefore(w, card)).length;
    const free = limit === null || cards.has(card.rotation) || this.#counted(channel, counted) + ahead < limit;
    if (free) cards.set(card.rotation, card.until);
    const mine = `${channel} ${card.rotation}`;
    if (free) this.#taken.set(mine, this.#taken.get(mine) ?? now);
    this.#waiting.set(channel, free ? others : [...others, card].toSorted((a, b) => (isBefore(a, b) ? -1 : 1)));
    return free;
  }
  async release(
    channel: string,
    rotation: string,
    limit: number,
    counted = 0,
  ): Promise<{ had: boolean; next: string[] }> {
    const cards = this.#cards.get(channel) ?? new Map<string, number>();
    const before = this.#waiting.get(channel) ?? [];
    const waiting = before.filter((w) => w.rotation !== rotation);
    this.#taken.delete(`${channel} ${rotation}`);
    const had = cards.delete(rotation) || waiting.length < before.length;
    this.#waiting.set(channel, waiting);
    return { had, next: waiting.slice(0, Math.max(0, limit - this.#counted(channel, counted))).map((w) => w.rotation) };
  }
  async waiting(channel: string, now: number): Promise<Waiting[]> {
    this.#of(channel, now);
    return this.#waiting.get(channel) ?? [];
  }
  async digest(channel: string): Promise<Digest | null> {
    return this.#digests.get(channel) ?? null;
  }
  async saveDigest(channel: string, digest: Digest): Promise<void> {
    this.#digests.set(channel, digest);
  }

  /** The cards that came since then. */
  #counted(channel: string, since: number): number {
    const cards = [...(this.#cards.get(channel) ?? new Map<string, number>()).keys()];
    return cards.filter((id) => (this.#taken.get(`${channel} ${id}`) ?? 0) >= since).length;
  }

  /** The cards of a channel, without what ended by itself. */
  #of(channel: string, now: number): Map<string, number> {
    const cards = new Map([...(this.#cards.get(channel) ?? [])].filter(([, until]) => until >= now));
    this.#cards.set(channel, cards);
    this.#waiting.set(
      channel,
      (this.#waiting.get(channel) ?? []).filter((w) => w.until >= now),
    );
    return cards;
  }
}

/** As a sorted set orders: by age, then by name. */
const isBefore = (a: Waiting, b: Waiting): boolean =>
  a.since < b.since || (a.since === b.since && a.rotation < b.rotation);
