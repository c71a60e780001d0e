import { KeyturnError } from "../rotation/errors.ts";

/**
 * What `work` gives, or INTERRUPTED as soon as the signal aborts. The work itself is not stopped: whoever ends the process
 * next does that, which is safe at any point (P7). `before`: called at the abort, to keep the work from beginning more.
 * @throws INTERRUPTED (75), and what `work` throws before
 */
export async function unlessInterrupted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
  before: () => void = () => undefined,
): Promise<T> {
  if (signal === undefined) return work();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      before();
      reject(new KeyturnError("INTERRUPTED"));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  aborted.catch(() => undefined);
  try {
    if (signal.aborted) return await aborted;
    const working = work();
    // Nobody listens to it any more after an abort.
    working.catch(() => undefined);
    return await Promise.race([working, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
