/**
 * How far down a request may empty the budget: `urgent` (a destructive call and what belongs to it) to the ground,
 * `step` (what a rotation's next step reads) leaves a quarter of the burst, `scan` (lists and usage reports) half.
 */
export type Urgency = "urgent" | "step" | "scan";

/** What all processes of an installation together may ask of the Admin API. */
export interface AdminBudget {
  /**
   * Resolves when `requests` may be sent, and counts them. Bounded in time. What is not sent in the end stays counted.
   * @throws ADMIN_UNAVAILABLE with `retryAfterMs` when there is no room within the urgency's patience, or the reason of
   * `signal`. Never because Redis is away: then this process counts for itself.
   */
  take(requests: number, urgency: Urgency, signal?: AbortSignal): Promise<void>;
  /** The API said 429 and when to come back: nobody asks until then, 30 s at most. Never throws. */
  pause(retryAfterMs: number): void;
}
