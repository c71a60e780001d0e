/**
 * Runs work one at a time per name. While one runs, at most one more waits: whoever asks after that is served by the
 * one that waits, because it starts after they asked.
 */
export function createOneAtATime() {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();

  const start = (name: string, work: () => Promise<void>): Promise<void> => {
    const run = work().finally(() => running.delete(name));
    running.set(name, run);
    return run;
  };
  return {
    /** Rejects as `work` does. */
    run(name: string, work: () => Promise<void>): Promise<void> {
      const current = running.get(name);
      if (current === undefined) return start(name, work);
      const next = waiting.get(name);
      if (next !== undefined) return next;
      const queued = current
        .catch(() => undefined)
        .then(() => {
          waiting.delete(name);
          return start(name, work);
        });
      waiting.set(name, queued);
      return queued;
    },
    isRunning: (name: string): boolean => running.has(name),
    count: (): number => running.size,
  };
}
