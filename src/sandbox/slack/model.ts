/** A block, an element or an option, as the wire has them: checked by `block-limits.ts`, read by `blocks-html.ts`. */
export type Json = Record<string, unknown>;

export interface Person {
  id: string;
  /** As in `@name`. */
  name: string;
  realName: string;
  email: string;
  /** What the page says beside the name. */
  role: string;
  /** `deleted`, `is_bot`, `is_restricted` …: false where absent. */
  flags?: Readonly<Record<string, boolean>>;
}

export interface Channel {
  id: string;
  name: string;
  /** The person whose direct messages these are; null: a channel. */
  personId: string | null;
}

export interface Message {
  channel: string;
  ts: string;
  threadTs: string | null;
  /** Shown in the channel too. */
  broadcast: boolean;
  text: string;
  blocks: Json[];
  metadata: Json | null;
  /** The time of the last change; null: never changed. */
  editedTs: string | null;
  /** Seen by this person alone; null: by everyone in the channel. */
  onlyFor: string | null;
  /** What a click on it came to, when that was no success: the warning sign of a chat. */
  trouble: string | null;
}

export interface View {
  id: string;
  personId: string;
  hash: string;
  view: Json;
  /** By block id, from the last refused submission. */
  errors: Record<string, string>;
}

/** Where an answer to a click or command may be posted: five times within 30 minutes. */
export interface ResponseUrl {
  personId: string;
  channel: string;
  message: Message | null;
  usesLeft: number;
  expiresAt: number;
}

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const asText = (value: unknown): string => (typeof value === "string" ? value : "");
export const asObjects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
