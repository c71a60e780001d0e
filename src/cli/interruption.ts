import { untilSignal } from "./shutdown.ts";

/**
 * For commands that work for a while and end by themselves: SIGTERM or SIGINT asks them to end soon, a second one ends
 * the process. As process 1 of a container nothing else would: the system's own reaction is missing there.
 * @param run gets the signal that aborts when asked to end
 */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const asked = new AbortController();
  const over = new AbortController();
  void untilSignal({ ended: over.signal, impatient: () => process.exit(1) }).then((how) => {
    if (how !== "ended") asked.abort();
  });
  try {
    return await run(asked.signal);
  } finally {
    over.abort();
  }
}
