import type { Log } from "../ports/notifier.ts";
import { asKeyturnError } from "../rotation/errors.ts";

/** One part of a running process, in the order in which it ends. */
export interface ClosingStep {
  name: string;
  /** Gets the milliseconds that are left in all. */
  close(leftMs: number): Promise<unknown>;
}

/** What of `process` is used; tests give their own. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  removeListener(signal: NodeJS.Signals, listener: () => void): unknown;
}

/**
 * Resolves at SIGTERM or SIGINT, or when `ended` aborts. A second signal calls `impatient`: whoever presses Ctrl-C
 * twice does not want to wait.
 */
export function untilSignal(given: {
  signals?: SignalSource;
  ended?: AbortSignal;
  impatient: () => void;
}): Promise<string> {
  const source = given.signals ?? process;
  return new Promise((resolve) => {
    let received = false;
    const listeners = (["SIGTERM", "SIGINT"] as const).map((signal) => {
      const listener = () => {
        if (received) return given.impatient();
        received = true;
        resolve(signal);
      };
      source.on(signal, listener);
      return () => source.removeListener(signal, listener);
    });
    const ended = () => {
      for (const remove of listeners) remove();
      resolve("ended");
    };
    if (given.ended?.aborted) ended();
    else given.ended?.addEventListener("abort", ended, { once: true });
  });
}

/**
 * Ends the parts one after another within `deadlineMs` in all. Never throws: what fails or takes too long is logged
 * and left behind, which is safe at any point (P7). @returns whether everything ended in time
 */
export async function closeInOrder(
  steps: readonly ClosingStep[],
  given: { deadlineMs: number; log: Log },
): Promise<boolean> {
  const end = Date.now() + given.deadlineMs;
  let clean = true;
  for (const step of steps) {
    const outcome = await closeWithin(step, Math.max(0, end - Date.now()));
    if (outcome === "closed") continue;
    clean = false;
    given.log.warn(
      { event: "shutdown.incomplete", part: step.name, ...outcome },
      "A part of the process did not end in time",
    );
  }
  return clean;
}

async function closeWithin(step: ClosingStep, leftMs: number): Promise<"closed" | { code: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ code: string }>((resolve) => {
    timer = setTimeout(() => resolve({ code: "LATE" }), leftMs);
  });
  try {
    return await Promise.race([step.close(leftMs).then(() => "closed" as const), late]);
  } catch (error) {
    return { code: asKeyturnError(error).code };
  } finally {
    clearTimeout(timer);
  }
}
