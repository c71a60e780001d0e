/** Whether a `serve` is there: it hears clicks and tells people by itself. */
export interface Presence {
  /** Says so for 90 s; repeat it sooner. @throws REDIS_UNAVAILABLE */
  beat(): Promise<void>;
  /** This one goes; others stay. Repeating is safe. @throws REDIS_UNAVAILABLE */
  leave(): Promise<void>;
  /** @throws REDIS_UNAVAILABLE */
  isThere(): Promise<boolean>;
}
