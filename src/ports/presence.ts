/** Whether a process is there that hears clicks and tells people by itself: a `serve`, or a `run-once` that waits. */
export interface Presence {
  /** Says so for 90 s, or for so many milliseconds; repeat it sooner. @throws REDIS_UNAVAILABLE */
  beat(forMs?: number): Promise<void>;
  /** This one goes; others stay. Repeating is safe. @throws REDIS_UNAVAILABLE */
  leave(): Promise<void>;
  /** @throws REDIS_UNAVAILABLE */
  isThere(): Promise<boolean>;
}
