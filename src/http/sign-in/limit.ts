import type { Clock } from "../../ports/clock.ts";

/** So many addresses are remembered; more than this at once are counted together. */
const MOST_ADDRESSES = 10_000;
const MINUTE = 60_000;

/** Says whether one more try is allowed now. In this process only: several replicas allow that many times as much. */
export interface Limit {
  allows(address: string): boolean;
}

/** At most so many in a minute, by address and by all together. Time is the given clock's. */
export function perMinute(most: { each: number; all: number }, clock: Clock): Limit {
  let began = Number.NEGATIVE_INFINITY;
  let total = 0;
  const counts = new Map<string, number>();
  return {
    allows: (address) => {
      const now = clock.now();
      if (now - began >= MINUTE || now < began) {
        [began, total] = [now, 0];
        counts.clear();
      }
      const name = counts.has(address) || counts.size < MOST_ADDRESSES ? address : "others";
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count > most.each) return false;
      total += 1;
      return total <= most.all;
    },
  };
}
