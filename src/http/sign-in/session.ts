import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../ports/clock.ts";
import type { Sessions, Word } from "../../ports/sessions.ts";
import type { Actor } from "../../ports/settings.ts";
import { SESSION_COOKIE, cookie, idIn, noCookie } from "./cookies.ts";

/** Who sent a request. */
export interface SignedIn {
  actor: Actor;
  csrf: string;
  /** Names the session; worthless as a cookie. */
  idHash: string;
  expiresAt: number;
}

/** Makes, finds and ends the sessions behind the cookie. */
export interface SessionKeeper {
  /** null: nobody is signed in. @throws REDIS_UNAVAILABLE: then nobody knows, and nothing is allowed */
  sessionOf(request: IncomingMessage): Promise<SignedIn | null>;
  /** A new session with a new id; the one that the browser had ends. @returns the cookie */
  begin(request: IncomingMessage, actor: Actor, by: string): Promise<string>;
  /** Ends it for every copy of the cookie. @returns the cookie that removes the cookie */
  end(request: IncomingMessage): Promise<string>;
  say(who: SignedIn, word: Word): Promise<void>;
  hear(who: SignedIn): Promise<Word | null>;
}

export const newId = (): string => randomBytes(32).toString("base64url");
export const hashOf = (id: string): string => createHash("sha256").update(id).digest("hex");

/** @param stillValid whether the token or issuer that let a session in is the one that is configured now */
export function sessionKeeper(given: {
  sessions: Sessions;
  clock: Clock;
  sessionForMs: number;
  stillValid: (by: string) => boolean;
}): SessionKeeper {
  const { sessions, clock } = given;
  const endOf = async (request: IncomingMessage) => {
    const id = idIn(request, SESSION_COOKIE);
    if (id !== null) await sessions.end(hashOf(id));
  };
  return {
    sessionOf: async (request) => {
      const id = idIn(request, SESSION_COOKIE);
      if (id === null) return null;
      const idHash = hashOf(id);
      const session = await sessions.look(idHash, clock.now());
      if (session === null || !given.stillValid(session.by)) return null;
      return { actor: session.actor, csrf: session.csrf, idHash, expiresAt: session.expiresAt };
    },
    begin: async (request, actor, by) => {
      await endOf(request);
      const id = newId();
      const createdAt = clock.now();
      const expiresAt = createdAt + given.sessionForMs;
      await sessions.start(hashOf(id), { actor, csrf: newId(), createdAt, expiresAt, by });
      return cookie(SESSION_COOKIE, id, "Strict", given.sessionForMs);
    },
    end: async (request) => {
      await endOf(request);
      return noCookie(SESSION_COOKIE);
    },
    say: (who, word) => sessions.say(who.idHash, word),
    hear: (who) => sessions.hear(who.idHash),
  };
}
