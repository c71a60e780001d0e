import type { PendingLogin, Session, Sessions, Word } from "../ports/sessions.ts";
import type { RedisClient } from "./client.ts";
import { asking } from "./errors.ts";
import { keysOf } from "./keys.ts";
import { run, script } from "./script.ts";

/** A line for the next page is of no interest later (milliseconds). */
const WORD_MS = 5 * 60_000;

/** Reads and removes in one step, so that of two callers one gets it. */
const TAKE = script(`
local found = redis.call('GET', KEYS[1])
if found then redis.call('DEL', KEYS[1]) end
return found`);

/** A line is kept only for a session that is still there. */
const SAY = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 1`);

/** Sessions in Redis; all of them expire there by themselves. */
export function createRedisSessions(given: { redis: RedisClient; install: string }): Sessions {
  const { redis } = given;
  const keys = keysOf(given.install);
  const take = async (key: string): Promise<unknown> => {
    const text = (await run(redis, TAKE, [key], [])) as string | null;
    return text === null ? null : (JSON.parse(text) as unknown);
  };
  return {
    start: async (idHash, session) => {
      const ttl = Math.max(1, Math.ceil(session.expiresAt - session.createdAt));
      await asking(() => redis.set(keys.session(idHash), JSON.stringify(session), "PX", ttl));
    },
    look: async (idHash, now) => {
      const text = await asking(() => redis.get(keys.session(idHash)));
      if (text === null) return null;
      const session = JSON.parse(text) as Session;
      return session.expiresAt > now ? session : null;
    },
    end: async (idHash) => {
      await asking(() => redis.del(keys.session(idHash), keys.sessionWord(idHash)));
    },
    say: async (idHash, word) => {
      const both = [keys.session(idHash), keys.sessionWord(idHash)];
      await run(redis, SAY, both, [JSON.stringify(word), WORD_MS]);
    },
    hear: async (idHash) => (await take(keys.sessionWord(idHash))) as Word | null,
    beginLogin: async (idHash, login, now) => {
      const ttl = Math.max(1, Math.ceil(login.expiresAt - now));
      await asking(() => redis.set(keys.login(idHash), JSON.stringify(login), "PX", ttl));
    },
    takeLogin: async (idHash, now) => {
      const login = (await take(keys.login(idHash))) as PendingLogin | null;
      return login !== null && login.expiresAt > now ? login : null;
    },
  };
}
