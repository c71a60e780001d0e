/**
 * How long to wait after that many failures in a row (milliseconds): doubles from the first to the longest, and lies
 * somewhere in the upper half of that, so that many who failed together do not come back together. Pure.
 * @param attempts 1 after the first failure
 * @param random 0 ≤ random < 1
 */
export function pauseAfter(attempts: number, random: number, first = 1000, longest = 5 * 60_000): number {
  const full = Math.min(longest, first * 2 ** Math.min(Math.max(attempts, 1) - 1, 30));
  return Math.ceil(full / 2 + (full / 2) * random);
}
