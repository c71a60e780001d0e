import type { Actor } from "./settings.ts";

/**
 * What a click or command is answered with: visible to the person alone. Mrkdwn-free plain text, at most 2,500 characters;
 * people of Slack are named `slack:U…`.
 */
export interface DeskAnswer {
  ok: boolean;
  text: string;
}

/** A decision from a card: which rotation, and the plan that the card showed (first 16 hex digits of its hash). */
export interface CardClick {
  actor: Actor;
  rotation: string;
  planHash: string;
}

/**
 * The desk where people's words from a chat become decisions. Never throws: everything wrong is an answer, and a refusal
 * is on record. Each method returns once the decision is saved.
 */
export interface Desk {
  approve(click: CardClick): Promise<DeskAnswer>;
  reject(click: CardClick, reason: string): Promise<DeskAnswer>;
  /** @param forMs at most 30 days */
  snooze(click: CardClick, forMs: number): Promise<DeskAnswer>;
  retry(click: CardClick): Promise<DeskAnswer>;
  /** Whether this person may decide this card as it stands; asked before a form is opened. Changes nothing. */
  consider(click: CardClick): Promise<DeskAnswer>;
  /** Makes a one-time link for handing the key over and returns it; the earlier link ends. */
  link(actor: Actor, rotation: string): Promise<DeskAnswer & { url?: string; expiresAt?: number }>;
  /** Names somebody else to hand the key over: they get the link. */
  delegate(actor: Actor, rotation: string, to: string): Promise<DeskAnswer>;
  /** `/keyturn …` */
  status(actor: Actor, about: string | null): Promise<DeskAnswer>;
  rotate(actor: Actor, target: string, reason: string | null): Promise<DeskAnswer>;
  /** @param subject a target or key id as the person typed it, after they confirmed `revokeImpact` */
  revoke(actor: Actor, subject: string): Promise<DeskAnswer>;
  /** What revoking it would break, for the question before it. Changes nothing. */
  revokeImpact(actor: Actor, subject: string): Promise<DeskAnswer>;
  hold(actor: Actor, subject: string): Promise<DeskAnswer>;
  unhold(actor: Actor, subject: string): Promise<DeskAnswer>;
}
