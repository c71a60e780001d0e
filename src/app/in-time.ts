import { setTimeout as pause } from "node:timers/promises";

/** How long people and emergencies wait for a secrets manager, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * What `work` gives; null when it fails or takes too long, after which it goes on unheard. A wait for a network, not for a time:
 * not of the clock that tests turn.
 */
export async function inTime<T>(work: Promise<T>): Promise<T | null> {
  const over = new AbortController();
  const late = pause(PATIENCE_MS, null, { signal: over.signal, ref: false }).catch(() => null);
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    over.abort();
  }
}
