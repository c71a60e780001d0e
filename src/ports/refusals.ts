/** What is known of a refused request; never anything of its body but ids. */
export interface Refused {
  /** `slack:U…` where Slack's signature proves it; null: nobody proved anything. */
  actor: string | null;
  rotation?: string | null;
  evidence?: Record<string, unknown>;
}

/** Puts requests on record that never became a decision (P10). */
export interface Refusals {
  /**
   * Never throws. The first of a kind within a minute is recorded, the rest is counted and told later: of a known person
   * each reason and rotation is a kind of its own, at most 120 entries a minute in all; of nobody known, the reason alone.
   */
  note(reason: string, what: Refused): Promise<void>;
  /** Records what is counted and not told yet. Never throws. */
  close(): Promise<void>;
}
