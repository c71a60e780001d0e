import type { CardSlots } from "../ports/card-slots.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/notifier.ts";
import type { Bulletin } from "../ports/outbox.ts";
import type { Leases } from "../ports/rotations.ts";
import type { Approval, Instant, Rotation } from "../rotation/record.ts";
import type { CardSettings } from "./card.ts";
import type { DirectMessages } from "./direct-message.ts";
import type { Notebook } from "./memory.ts";
import type { SlackClient } from "./web-client.ts";

export interface SlackChannelParts extends CardSettings {
  client: SlackClient;
  slots: CardSlots;
  leases: Leases;
  messages: DirectMessages;
  /** The channel of a target; null: of a key that belongs to none. */
  channelOf: (target: string | null) => string;
  cardsAtOnce: number;
  /** When the last scan ended; null: none did. Absent: not asked. */
  lastScan?: () => Promise<Instant | null>;
  escalation: { afterMs: number; channel: string; group: string | null } | null;
  clock: Clock;
  log: Log;
  /** Makes the outbox look at these rotations now: a place for a card is free. Losing the call costs a minute. */
  wake?: (rotation: string) => Promise<void>;
}

/** One delivery: what is said, where, and what was said before. */
export interface Delivery {
  parts: SlackChannelParts;
  bulletin: Bulletin;
  notes: Notebook;
}

/** The person who approved last through Slack, and gets the link; null: nobody. */
export const lastApproverOf = (r: Rotation): Approval | null => r.approvals.findLast((a) => a.via === "slack") ?? null;
