import type { IntakeLink, IntakeLinks, LinkState } from "../ports/intake-links.ts";
import type { RedisClient } from "./client.ts";
import { keysOf } from "./keys.ts";
import { run, script } from "./script.ts";

/** An ended link is remembered for so long, so that its holder is told why it no longer works (milliseconds). */
const REMEMBER_MS = 3_600_000;

/**
 * Ends the rotation's earlier link and makes the new one valid. A submission that is under way with the earlier one may
 * finish, but a refused one does not give that link back.
 */
const ISSUE = script(`
local before = redis.call('GET', KEYS[2])
if before then
  local earlier = ARGV[4] .. before
  local state = redis.call('HGET', earlier, 'state')
  if state == 'open' or state == 'busy' then redis.call('HSET', earlier, 'state', 'replaced') end
end
redis.call('HSET', KEYS[1], 'link', ARGV[1], 'state', 'open', 'until', '0', 'left', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[3])
return 1`);

/** Takes an open link, or one whose taker is gone. Returns the state it found; "open" means: taken by this call. */
const BEGIN = script(`
local found = redis.call('HMGET', KEYS[1], 'link', 'state', 'until', 'left')
if not found[1] then return {'unknown'} end
local now = tonumber(ARGV[1])
local state = found[2]
if state == 'busy' and tonumber(found[3]) <= now then state = 'open' end
if state == 'open' and tonumber(cjson.decode(found[1]).expiresAt) <= now then state = 'expired' end
if state == 'open' and ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'state', 'busy', 'until', ARGV[2]) end
return {state, found[1], found[4]}`);

const NEWEST = script(`
local hash = redis.call('GET', KEYS[1])
if not hash then return nil end
local found = redis.call('HMGET', ARGV[1] .. hash, 'link', 'state', 'left')
if not found[1] or found[2] == 'replaced' then return nil end
return {found[1], found[3]}`);

/** Only a taken link can be ended; a link that was replaced meanwhile stays so. */
const END = script(`
if redis.call('HGET', KEYS[1], 'state') ~= 'busy' then return 0 end
local state = 'open'
if ARGV[1] == 'used' then state = 'used' end
if ARGV[1] == 'refused' and redis.call('HINCRBY', KEYS[1], 'left', -1) <= 0 then state = 'exhausted' end
redis.call('HSET', KEYS[1], 'state', state, 'until', '0')
return 1`);

const REVOKE = script(`
local hash = redis.call('GET', KEYS[1])
if hash and redis.call('EXISTS', ARGV[1] .. hash) == 1 and redis.call('HGET', ARGV[1] .. hash, 'state') ~= 'used' then
  redis.call('HSET', ARGV[1] .. hash, 'state', 'replaced')
end
return 1`);

/** One-time links in Redis: each step is one script, so that two processes never both take a link. */
export function createRedisIntakeLinks(given: { redis: RedisClient; install: string }): IntakeLinks {
  const { redis } = given;
  const keys = keysOf(given.install);
  const look = async (tokenHash: string, now: number, until: string): Promise<LinkState> => {
    const answer = (await run(redis, BEGIN, [keys.intakeLink(tokenHash)], [now, until])) as string[];
    const [state, json, left] = answer;
    if (state === undefined || json === undefined || state === "unknown") return { state: "unknown" };
    const link = { ...(JSON.parse(json) as IntakeLink), attemptsLeft: Number(left) };
    return { state: state as Exclude<LinkState["state"], "unknown">, link };
  };
  return {
    issue: async (tokenHash, link) => {
      const ttl = Math.max(1, link.expiresAt - link.issuedAt) + REMEMBER_MS;
      const both = [keys.intakeLink(tokenHash), keys.intakeOf(link.rotation)];
      await run(redis, ISSUE, both, [JSON.stringify(link), link.attemptsLeft, ttl, keys.intakeLink(""), tokenHash]);
    },
    newest: async (rotation) => {
      const found = (await run(redis, NEWEST, [keys.intakeOf(rotation)], [keys.intakeLink("")])) as string[] | null;
      if (found?.[0] === undefined) return null;
      return { ...(JSON.parse(found[0]) as IntakeLink), attemptsLeft: Number(found[1]) };
    },
    look: (tokenHash, now) => look(tokenHash, now, ""),
    begin: (tokenHash, now, until) => look(tokenHash, now, String(until)),
    end: async (tokenHash, outcome) => void (await run(redis, END, [keys.intakeLink(tokenHash)], [outcome])),
    revoke: async (rotation) => {
      await run(redis, REVOKE, [keys.intakeOf(rotation)], [keys.intakeLink("")]);
    },
  };
}
