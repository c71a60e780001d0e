import { randomBytes } from "node:crypto";
import { type Channel, type Json, type Message, type Person, type ResponseUrl, type View, asText } from "./model.ts";

const RESPONSE_USES = 5;
const RESPONSE_MS = 30 * 60_000;
/** A trigger opens one modal within this. */
const TRIGGER_MS = 3000;

/** Three people, of whom two may approve. */
export const PEOPLE: readonly Person[] = [
  { id: "U0ANA", name: "ana", realName: "Ana", email: "ana@example.com", role: "may approve" },
  { id: "U0BEN", name: "ben", realName: "Ben", email: "ben@example.com", role: "may approve" },
  { id: "U0OLGA", name: "olga", realName: "Olga", email: "olga@example.com", role: "outsider: may not" },
];
export const GROUP = { id: "S0APPROVERS", handle: "key-approvers" } as const;
export const CHANNEL = { id: "C0KEYS", name: "api-keys" } as const;
export const TEAM = { id: "T0SANDBOX", domain: "sandbox" } as const;
export const APP_ID = "A0KEYTURN";
export const BOT: Person = {
  id: "U0KEYTURN",
  name: "keyturn",
  realName: "Keyturn",
  email: "",
  role: "app",
  flags: { is_bot: true },
};

export type NewMessage = Pick<Message, "channel" | "text" | "blocks"> & Partial<Message>;

/** What a workspace keeps, in memory. */
export class Workspace {
  readonly people = new Map<string, Person>([...PEOPLE, BOT].map((person) => [person.id, person]));
  readonly groups = new Map<string, string[]>([[GROUP.id, [PEOPLE[0], PEOPLE[1]].flatMap((p) => p?.id ?? [])]]);
  readonly channels = new Map<string, Channel>([[CHANNEL.id, { ...CHANNEL, personId: null }]]);
  readonly messages: Message[] = [];
  readonly responses = new Map<string, ResponseUrl>();
  readonly now: () => number;
  readonly #views = new Map<string, View>();
  readonly #triggers = new Map<string, { personId: string; expiresAt: number; used: boolean }>();
  /** By person and channel: how many messages they have seen. */
  readonly #seen = new Map<string, number>();
  #revision = 0;
  #lastTs = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  /** Grows with every change that a page shows. */
  get revision(): number {
    return this.#revision;
  }

  changed(): void {
    this.#revision += 1;
  }

  /** Seconds with six digits, never the same twice. */
  ts(): string {
    this.#lastTs = Math.max(this.#lastTs + 1, this.now() * 1000);
    return `${Math.floor(this.#lastTs / 1_000_000)}.${String(this.#lastTs % 1_000_000).padStart(6, "0")}`;
  }

  /** @param id a channel's, or a person's for their direct messages */
  channel(id: string): Channel | null {
    if (this.people.has(id)) return this.directMessages(id);
    return this.channels.get(id) ?? null;
  }

  directMessages(personId: string): Channel {
    const id = `D${personId.slice(1)}`;
    const known = this.channels.get(id);
    if (known !== undefined) return known;
    const made = { id, name: this.people.get(personId)?.realName ?? personId, personId };
    this.channels.set(id, made);
    this.changed();
    return made;
  }

  groupName(id: string): string {
    return id === GROUP.id ? GROUP.handle : id;
  }

  /** @param personId null: anybody, so only what is nobody's own */
  mayRead(message: Message, personId: string | null): boolean {
    const owner = this.channels.get(message.channel)?.personId ?? null;
    const forAll = message.onlyFor === null || message.onlyFor === personId;
    return forAll && (owner === null || owner === personId);
  }

  visible(personId: string, channelId: string): Message[] {
    return this.messages.filter((message) => message.channel === channelId && this.mayRead(message, personId));
  }

  /** This person has seen what is there now. */
  seen(personId: string, channelId: string): void {
    this.#seen.set(`${personId} ${channelId}`, this.visible(personId, channelId).length);
  }

  unread(personId: string, channelId: string): number {
    const seen = this.#seen.get(`${personId} ${channelId}`) ?? 0;
    return Math.max(0, this.visible(personId, channelId).length - seen);
  }

  find(channel: string, ts: string): Message | null {
    return this.messages.find((m) => m.channel === channel && m.ts === ts) ?? null;
  }

  post(given: NewMessage): Message {
    const message: Message = {
      ts: this.ts(),
      threadTs: null,
      broadcast: false,
      metadata: null,
      editedTs: null,
      onlyFor: null,
      trouble: null,
      ...given,
    };
    this.messages.push(message);
    this.changed();
    return message;
  }

  remove(message: Message): void {
    const at = this.messages.indexOf(message);
    if (at >= 0) this.messages.splice(at, 1);
    this.changed();
  }

  trigger(personId: string): string {
    const id = `${Math.floor(this.now())}.${randomBytes(8).toString("hex")}`;
    this.#triggers.set(id, { personId, expiresAt: this.now() + TRIGGER_MS, used: false });
    return id;
  }

  /** Uses a trigger up. @returns the person who gets the modal, or Slack's word for what is wrong */
  redeem(id: string): { personId: string } | { error: string } {
    const trigger = this.#triggers.get(id);
    if (trigger === undefined) return { error: "invalid_trigger_id" };
    if (trigger.used) return { error: "exchanged_trigger_id" };
    if (this.now() > trigger.expiresAt) return { error: "expired_trigger_id" };
    trigger.used = true;
    return { personId: trigger.personId };
  }

  /** One modal per person; another one replaces it. */
  show(personId: string, view: Json): View {
    const shown: View = {
      id: `V${randomBytes(6).toString("hex").toUpperCase()}`,
      personId,
      hash: `${Math.floor(this.now() / 1000)}.${randomBytes(4).toString("hex")}`,
      view: withBlockIds(view),
      errors: {},
    };
    this.#views.set(personId, shown);
    this.changed();
    return shown;
  }

  viewOf(personId: string): View | null {
    return this.#views.get(personId) ?? null;
  }

  close(personId: string): void {
    if (this.#views.delete(personId)) this.changed();
  }

  /** The part of an address under which answers are taken. */
  responseUrl(personId: string, channel: string, message: Message | null): string {
    const id = randomBytes(18).toString("base64url");
    const expiresAt = this.now() + RESPONSE_MS;
    this.responses.set(id, { personId, channel, message, usesLeft: RESPONSE_USES, expiresAt });
    return id;
  }
}

/** Blocks and inputs without an id of their own get one, as in Slack. */
export function withBlockIds<T extends Json>(parent: T): T {
  const blocks = Array.isArray(parent["blocks"]) ? (parent["blocks"] as Json[]) : [];
  return {
    ...parent,
    blocks: blocks.map((block) => ({ ...block, block_id: asText(block["block_id"]) || newId() })),
  };
}

const newId = (): string => randomBytes(4).toString("base64url").slice(0, 5);
