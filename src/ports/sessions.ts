import type { Instant } from "../rotation/record.ts";
import type { Actor } from "./settings.ts";

/** A signed-in person, as the server keeps it; the browser has only a random id. */
export interface Session {
  actor: Actor;
  /** Stands in every form of ours, so that a page of somebody else cannot send one. */
  csrf: string;
  createdAt: Instant;
  /** However busy the session is. */
  expiresAt: Instant;
  /** Names the token or issuer that let the person in: when it is replaced, its sessions end. */
  by: string;
}

/** One line that the next page shows once. */
export interface Word {
  ok: boolean;
  text: string;
}

/** What an answer of the issuer is held against; never leaves the server. */
export interface LoginChecks {
  state: string;
  nonce: string;
  /** PKCE. */
  verifier: string;
}

/** A sign-in that is under way at the issuer. */
export interface PendingLogin {
  checks: LoginChecks;
  /** Path to go on to. */
  returnTo: string;
  expiresAt: Instant;
}

/** Sessions and sign-ins, by the SHA-256 of the id in the cookie: whoever reads the store cannot use them. */
export interface Sessions {
  start(idHash: string, session: Session): Promise<void>;
  /** null: unknown, ended or expired. */
  look(idHash: string, now: Instant): Promise<Session | null>;
  /** Ends it for every copy of the cookie. Safe to repeat. */
  end(idHash: string): Promise<void>;
  /** Kept for at most 5 minutes; a later one replaces it. */
  say(idHash: string, word: Word): Promise<void>;
  /** Given once. */
  hear(idHash: string): Promise<Word | null>;
  beginLogin(idHash: string, login: PendingLogin, now: Instant): Promise<void>;
  /** Given to exactly one of several callers; null for all others, and when it expired. */
  takeLogin(idHash: string, now: Instant): Promise<PendingLogin | null>;
}
