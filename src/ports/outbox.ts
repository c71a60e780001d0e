import type { Instant, Rotation } from "../rotation/record.ts";

/** What one channel remembers of one rotation: JSON of its own shape. */
export type ChannelMemory = Record<string, unknown>;

/**
 * Which rotations people have to be told about, and what each channel has said already. Losing an entry is repaired by
 * the sweep, which compares records with what was delivered.
 */
export interface Outbox {
  /** Deliver this rotation at `at` or earlier. Repeating keeps the earliest. */
  add(id: string, at: Instant): Promise<void>;
  /** Entries due until then, earliest first. `stamp` tells whether it was added again since. */
  due(until: Instant, limit: number): Promise<{ id: string; stamp: string }[]>;
  /** Delivered: next at `next`, or never; no effect when the entry was added again after `due` showed it. */
  settle(id: string, stamp: string, next: Instant | null): Promise<void>;
  /** null: nothing was said yet. */
  memory(id: string, channel: string): Promise<ChannelMemory | null>;
  remember(id: string, channel: string, memory: ChannelMemory): Promise<void>;
  /** Rotations with a memory whose end was not delivered yet, with the revision delivered last. */
  unfinished(): Promise<{ id: string; revision: number }[]>;
  /** Everything up to this revision was delivered; with `final` the memory may be forgotten after 30 days. */
  delivered(id: string, revision: number, final: boolean): Promise<void>;
}

/** What a channel is given: the record and the facts around it. */
export interface Bulletin {
  rotation: Rotation;
  holds: readonly string[];
  now: Instant;
  /** Whether a process hears what people press; absent: yes. */
  clicksReach?: boolean;
  /** The audit chain's head, shown as an anchor (R18). */
  auditHead: { seq: number; hash: string } | null;
}

/**
 * One way to tell people: renders from the record alone and says only what its memory does not have yet, so repeating it
 * tells nobody twice. `remember` is called after each thing said, before the next.
 * @returns when to look again without a change (a reminder, a retry); null: only at the next change
 */
export interface Channel {
  name: string;
  deliver(
    bulletin: Bulletin,
    memory: ChannelMemory | null,
    remember: (memory: ChannelMemory) => Promise<void>,
  ): Promise<{ nextAt: Instant | null }>;
}
