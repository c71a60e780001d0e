import type { Clock } from "../ports/clock.ts";

/** So many subjects are remembered; more than this at once are counted together. */
const MOST_SUBJECTS = 10_000;
const MINUTE = 60_000;

/** Says whether one more try is allowed now. In this process only: several replicas allow that many times as much. */
export interface Limit {
  allows(subject: string): boolean;
}

/**
 * At most so many in a minute, by subject (an address, the hash of a link) and, with `all`, together. A brake against
 * floods in this process alone, never what keeps a token safe: that is its random bits. Time is the given clock's.
 */
export function perMinute(most: { each: number; all?: number }, clock: Pick<Clock, "now">): Limit {
  let began = Number.NEGATIVE_INFINITY;
  let total = 0;
  const counts = new Map<string, number>();
  return {
    allows: (subject) => {
      const now = clock.now();
      if (now - began >= MINUTE || now < began) {
        [began, total] = [now, 0];
        counts.clear();
      }
      const name = counts.has(subject) || counts.size < MOST_SUBJECTS ? subject : "others";
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count > most.each) return false;
      total += 1;
      return most.all === undefined || total <= most.all;
    },
  };
}
