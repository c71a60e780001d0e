import type { Clock } from "../../ports/clock.ts";
import { type Check, type Finding, fail, trouble } from "./finding.ts";

/** Of one check, in milliseconds, unless it asks for more. */
export const CHECK_MS = 10_000;

/**
 * Runs all checks side by side; the lines come in the order of the checks. One that throws, is late or says nothing never
 * hides another. What is late goes on in the background and its answer is dropped.
 */
export async function runChecks(checks: readonly Check[], clock: Clock): Promise<Finding[]> {
  return (await Promise.all(checks.map((check) => linesOf(check, clock)))).flat();
}

async function linesOf(check: Check, clock: Clock): Promise<readonly Finding[]> {
  const limitMs = check.withinMs ?? CHECK_MS;
  try {
    const lines = await within(limitMs, clock, check.run());
    if (lines !== LATE) return lines;
    const late = fail(check.name, `no answer within ${limitMs / 1000} s`, "Check the network between here and there.");
    return [{ ...late, level: check.onTrouble ?? "fail" }];
  } catch (error) {
    return [trouble(check.name, error, check.onTrouble)];
  }
}

export const LATE: unique symbol = Symbol("late");

/** The result of `work`, or LATE after so many milliseconds. @throws what `work` throws in time */
export async function within<T>(ms: number, clock: Clock, work: Promise<T>): Promise<T | typeof LATE> {
  const done = new AbortController();
  work.catch(() => undefined);
  const isLate = (): typeof LATE => LATE;
  const late = clock.sleep(ms, done.signal).then(isLate, isLate);
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
