/** How often something may happen within a minute; `allow` counts and answers. */
export interface Limit {
  allow(subject: string): boolean;
}

const WINDOW_MS = 60_000;
/** Subjects remembered at a time; beyond that the oldest is forgotten, so that memory stays bounded. */
const SUBJECTS = 5000;

/**
 * A fixed window per subject, in this process alone: a brake against floods, not what keeps a link safe. That is its 256
 * random bits, and the attempts counted in Redis.
 */
export function perMinute(times: number, now: () => number): Limit {
  const windows = new Map<string, { since: number; count: number }>();
  return {
    allow: (subject) => {
      const at = now();
      const known = windows.get(subject);
      if (known !== undefined && at - known.since < WINDOW_MS && at >= known.since) {
        known.count += 1;
        return known.count <= times;
      }
      windows.delete(subject);
      const [oldest] = windows.keys();
      if (windows.size >= SUBJECTS && oldest !== undefined) windows.delete(oldest);
      windows.set(subject, { since: at, count: 1 });
      return times >= 1;
    },
  };
}
