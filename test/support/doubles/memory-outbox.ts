import type { ChannelMemory, Outbox } from "../../../src/ports/outbox.ts";

/** The outbox of one installation; keeps to the same contract as the one in Redis. */
export class MemoryOutbox implements Outbox {
  readonly entries = new Map<string, { at: number; stamp: number }>();
  readonly memories = new Map<string, string>();
  readonly toldUntil = new Map<string, number>();
  /** Additions are lost, as when a process dies before it adds. */
  deaf = false;
  #stamps = 0;

  async add(id: string, at: number): Promise<void> {
    if (this.deaf) return;
    this.entries.set(id, { at: Math.min(at, this.entries.get(id)?.at ?? at), stamp: ++this.#stamps });
  }
  async due(until: number, limit: number): Promise<{ id: string; stamp: string }[]> {
    return [...this.entries]
      .filter(([, entry]) => entry.at <= until)
      .toSorted(([, a], [, b]) => a.at - b.at)
      .slice(0, limit)
      .map(([id, { stamp }]) => ({ id, stamp: String(stamp) }));
  }
  async settle(id: string, stamp: string, next: number | null): Promise<void> {
    const entry = this.entries.get(id);
    if (entry === undefined || String(entry.stamp) !== stamp) return;
    if (next === null) this.entries.delete(id);
    else this.entries.set(id, { ...entry, at: next });
  }
  async memory(id: string, channel: string): Promise<ChannelMemory | null> {
    return JSON.parse(this.memories.get(`${id} ${channel}`) ?? "null") as ChannelMemory | null;
  }
  async remember(id: string, channel: string, memory: ChannelMemory): Promise<void> {
    this.memories.set(`${id} ${channel}`, JSON.stringify(memory));
    if (!this.toldUntil.has(id)) this.toldUntil.set(id, 0);
  }
  async unfinished(): Promise<{ id: string; revision: number }[]> {
    return [...this.toldUntil].map(([id, revision]) => ({ id, revision }));
  }
  async delivered(id: string, revision: number, final: boolean): Promise<void> {
    if (final) this.toldUntil.delete(id);
    else this.toldUntil.set(id, Math.max(revision, this.toldUntil.get(id) ?? 0));
  }
}
