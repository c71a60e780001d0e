import type { ChannelMemory } from "../ports/outbox.ts";
import type { Instant } from "../rotation/record.ts";
import type { Place } from "./direct-message.ts";

/** What the channel remembers of one rotation. Never a link. */
export interface SlackMemory {
  /** The card, once Slack confirmed it. */
  card: (Place & { hash: string }) | null;
  /** Set before a card is posted, cleared when it is certain what became of it. */
  posting: Instant | null;
  /** When cards were posted of which nobody knows whether they stand. */
  doubts: readonly Instant[];
  /** When the first card came: nobody is reminded of what was just said. */
  postedAt: Instant | null;
  /** A card may stand in the channel that we do not know. */
  older: boolean;
  /** The newest entry of the history that was told. */
  told: { at: Instant; event: string } | null;
  /** The place among the undecided cards was given up, or never needed. */
  released: boolean;
  /** The digest lists it, or may still do so. */
  listed: boolean;
  /** Of which wait, by when it began: reminded, announced elsewhere, link sent. */
  remindedOf: Instant | null;
  escalation: (Place & { of: Instant; open: boolean }) | null;
  linkFor: Instant | null;
  handover: (Place & { open: boolean }) | null;
}

const NOTHING: SlackMemory = {
  card: null,
  posting: null,
  doubts: [],
  postedAt: null,
  older: false,
  told: null,
  released: false,
  listed: false,
  remindedOf: null,
  escalation: null,
  linkFor: null,
  handover: null,
};

/** Of our own writing; what a later version added is absent in it. */
export const readMemory = (memory: ChannelMemory | null): SlackMemory => ({
  ...NOTHING,
  ...(memory as Partial<SlackMemory> | null),
});

/** The memory under way: each change is saved before the next thing is said. */
export class Notebook {
  #now: SlackMemory;
  readonly #remember: (memory: ChannelMemory) => Promise<void>;

  constructor(memory: ChannelMemory | null, remember: (memory: ChannelMemory) => Promise<void>) {
    this.#now = readMemory(memory);
    this.#remember = remember;
  }
  get memory(): Readonly<SlackMemory> {
    return this.#now;
  }
  async note(change: Partial<SlackMemory>): Promise<void> {
    this.#now = { ...this.#now, ...change };
    await this.#remember({ ...this.#now });
  }
}
