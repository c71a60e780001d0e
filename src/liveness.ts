export interface Liveness {
  /** False when only a restart helps. */
  alive(): boolean;
  /** Asks Redis once. Never throws. */
  look(): Promise<void>;
}

/** An idle worker asks Redis every 10 s at most, and a step ends within minutes (milliseconds). */
const SILENT_MS = 5 * 60_000;

/**
 * Whether the worker still works. It counts as dead when it has neither asked for work nor begun or ended a step for
 * 5 minutes during which Redis answered this very process: then its connection hangs for good, as after some failovers
 * (bullmq#4378, #4585). While Redis is away, and for 5 minutes after it came back, nothing is held against it: a restart
 * would not bring Redis back. Time is counted, not read from a clock that may jump (R24).
 */
export function createLiveness(given: {
  /** Milliseconds since the worker was seen; null: it has not started. */
  silentForMs: () => number | null;
  /** Rejects when Redis does not answer. */
  ping: () => Promise<unknown>;
  /** True when this process' own connection has ended for good. */
  ended: () => boolean;
  /** Milliseconds that only go forward. */
  elapsed?: () => number;
}): Liveness {
  const elapsed = given.elapsed ?? (() => performance.now());
  let answersSince: number | null = null;
  return {
    alive: () => {
      if (given.ended()) return false;
      const silent = given.silentForMs();
      if (silent === null || answersSince === null) return true;
      return Math.min(silent, elapsed() - answersSince) < SILENT_MS;
    },
    look: async () => {
      const asked = elapsed();
      try {
        await given.ping();
        answersSince ??= asked;
      } catch {
        answersSince = null;
      }
    },
  };
}
