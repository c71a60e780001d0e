/** A budget as numbers: `burst` at once, and `perMinute` in the long run. */
export interface BucketSize {
  perMinute: number;
  burst: number;
}

/** The bucket of one process, for as long as the shared one cannot be asked. All times in milliseconds of one clock. */
export function createLocalBucket(size: BucketSize, now: () => number) {
  const perMs = size.perMinute / 60_000;
  let tokens = size.burst;
  let at = now();
  let pausedUntil = 0;
  const refill = () => {
    tokens = Math.min(size.burst, tokens + Math.max(0, now() - at) * perMs);
    at = now();
  };
  return {
    /** 0: taken. Else how long to wait before asking again. `floor` tokens are left for others. */
    take: (requests: number, floor: number): number => {
      refill();
      if (pausedUntil > now()) return pausedUntil - now();
      if (tokens - requests < floor) return Math.ceil((requests + floor - tokens) / perMs);
      tokens -= requests;
      return 0;
    },
    /** What was taken of the shared bucket counts here too, so that a failing Redis gives nobody a second burst. */
    note: (requests: number): void => {
      refill();
      tokens = Math.max(0, tokens - requests);
    },
    pause: (ms: number): void => {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
  };
}
