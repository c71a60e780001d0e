/** What was seen before, in every process of the installation. */
export interface Replays {
  /**
   * True for exactly one of all callers with this key within `forMs`, whatever the number of processes.
   * @param key a hash or ids; never a signature itself
   * @throws REDIS_UNAVAILABLE: then nobody knows
   */
  firstSight(key: string, forMs: number): Promise<boolean>;
}
