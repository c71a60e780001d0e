/** Whether a `serve` is there: it hears clicks and tells people by itself. */
export interface Presence {
  /** Says so for 90 s; repeat it sooner. @throws REDIS_UNAVAILABLE */
  beat(): Promise<void>;
  /** @throws REDIS_UNAVAILABLE */
  isThere(): Promise<boolean>;
}
