import type { Instant } from "../rotation/record.ts";

/** A rotation that waits for a place among the undecided cards of its channel. */
export interface Waiting {
  rotation: string;
  /** What it is called in the list: target or key. */
  label: string;
  why: string;
  since: Instant;
  /** When it stops waiting by itself: an entry of a lost record is dropped then. */
  until: Instant;
}

/** The message that lists what waits. `at`: last edit. */
export interface Digest {
  ts: string | null;
  hash: string;
  at: Instant;
}

/**
 * At most so many undecided cards stand in a channel at a time, whatever the number of processes; the others wait in
 * order of age. Repeating any call changes nothing more. @throws REDIS_UNAVAILABLE
 */
export interface CardSlots {
  /**
   * Takes a place for this rotation, or puts it among the waiting. One that is older goes first.
   * @param counted cards that came before this take no place any more: a scan has run since
   * @param limit places in the channel; null: takes one in any case (urgent, or its card stands there already)
   */
  take(channel: string, card: Waiting, limit: number | null, now: Instant, counted?: Instant): Promise<boolean>;
  /** Gives the place up, or stops waiting. @returns whether it had either, and who may come next, oldest first */
  release(
    channel: string,
    rotation: string,
    limit: number,
    counted?: Instant,
  ): Promise<{ had: boolean; next: string[] }>;
  /** Oldest first. */
  waiting(channel: string, now: Instant): Promise<Waiting[]>;
  digest(channel: string): Promise<Digest | null>;
  saveDigest(channel: string, digest: Digest): Promise<void>;
}
