import { script } from "./script.ts";

/**
 * Lua 5.1, run by the server as one step. Two habits keep a script all-or-nothing: every check comes before the
 * first write, and the first write is one that a full server refuses (XADD, HSET), since HDEL would still pass.
 * JSON is passed through as text: cjson would turn empty arrays into objects.
 */

/**
 * Shared by all scripts that touch the chain. `first` is the index among ARGV of: a token of this very call, the new
 * head, the expected head; then id and entry in turn. A client may send a script again when a connection breaks. The
 * token tells that from another process that writes the same words in the same millisecond.
 */
const CHAIN = `
local function written(stream, first)
  local last = #ARGV
  if last <= first + 2 then return false end
  local found = redis.call('XRANGE', stream, ARGV[last - 1], ARGV[last - 1])
  return #found == 1 and found[1][2][4] == ARGV[first]
end
local function moved(head, first)
  if #ARGV == first + 2 then return nil end
  local now = redis.call('GET', head) or ''
  if now == ARGV[first + 2] then return nil end
  return {'HEAD', now}
end
local function appendEntries(stream, head, first)
  if #ARGV == first + 2 then return end
  for i = first + 3, #ARGV, 2 do
    redis.call('XADD', stream, ARGV[i], 'entry', ARGV[i + 1], 'by', ARGV[first])
  end
  redis.call('SET', head, ARGV[first + 1])
end
`;

/** KEYS stream, head. ARGV as CHAIN says. */
export const APPEND = script(`${CHAIN}
if written(KEYS[1], 1) then return {'OK'} end
local other = moved(KEYS[2], 1)
if other then return other end
appendEntries(KEYS[1], KEYS[2], 1)
return {'OK'}
`);

/**
 * Record, locks, indexes, aftermath and audit chain together.
 * KEYS record, locks, open, all, ids, due, aftermath, stream, head.
 * ARGV id, expected revision, revision, record, createdAt, open (1/0), wakeAt or '', locks (JSON), aftermath targets
 * (JSON), aftermath value ('' clears), then as CHAIN says.
 */
export const COMMIT = script(`${CHAIN}
local id = ARGV[1]
local stored = redis.call('HMGET', KEYS[1], 'revision', 'locks', 'by')
local revision = stored[1] or '0'
if stored[3] == ARGV[11] then return {'OK'} end
if revision ~= ARGV[2] then return {'CONFLICT', revision} end
local wanted = cjson.decode(ARGV[8])
local keep = {}
for _, name in ipairs(wanted) do
  local holder = redis.call('HGET', KEYS[2], name)
  if holder and holder ~= id then return {'LOCKED', name, holder} end
  keep[name] = true
end
local other = moved(KEYS[9], 11)
if other then return other end

redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'record', ARGV[4], 'locks', ARGV[8], 'by', ARGV[11])
appendEntries(KEYS[8], KEYS[9], 11)
for _, name in ipairs(wanted) do redis.call('HSET', KEYS[2], name, id) end
for _, name in ipairs(cjson.decode(stored[2] or '[]')) do
  if not keep[name] and redis.call('HGET', KEYS[2], name) == id then redis.call('HDEL', KEYS[2], name) end
end
redis.call('ZADD', KEYS[4], ARGV[5], id)
redis.call('ZADD', KEYS[5], 0, id)
if ARGV[6] == '1' then redis.call('ZADD', KEYS[3], ARGV[5], id) else redis.call('ZREM', KEYS[3], id) end
if ARGV[7] == '' then redis.call('ZREM', KEYS[6], id) else redis.call('ZADD', KEYS[6], ARGV[7], id) end
for _, target in ipairs(cjson.decode(ARGV[9])) do
  if ARGV[10] == '' then redis.call('HDEL', KEYS[7], target) else redis.call('HSET', KEYS[7], target, ARGV[10]) end
end
return {'OK'}
`);

/** KEYS stream, head, holds. ARGV subject, value ('' removes), then as CHAIN says. */
export const HOLD = script(`${CHAIN}
if written(KEYS[1], 3) then return {'OK'} end
local other = moved(KEYS[2], 3)
if other then return other end
appendEntries(KEYS[1], KEYS[2], 3)
if ARGV[2] == '' then redis.call('HDEL', KEYS[3], ARGV[1]) else redis.call('HSET', KEYS[3], ARGV[1], ARGV[2]) end
return {'OK'}
`);

/** KEYS hash. ARGV sink, epoch, seq. Moves a position forwards only. */
export const NOTE_SHIPPED = script(`
local was = redis.call('HGET', KEYS[1], ARGV[1])
if was then
  local epoch, seq = string.match(was, '^(%d+)-(%d+)$')
  epoch, seq = tonumber(epoch), tonumber(seq)
  if epoch > tonumber(ARGV[2]) or (epoch == tonumber(ARGV[2]) and seq >= tonumber(ARGV[3])) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '-' .. ARGV[3])
return 1
`);

/** KEYS lease. ARGV token, milliseconds. */
export const RENEW = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`);

/** KEYS lease. ARGV token. */
export const RELEASE = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/**
 * KEYS configs. ARGV hash, mtime, holds (JSON text), server time, forget before. A modification time in the future
 * counts as now (R24). Entries not seen for a while are dropped, the newest never.
 */
export const ANNOUNCE = script(`
local mtime = math.min(tonumber(ARGV[2]), tonumber(ARGV[4]))
local known = redis.call('HGET', KEYS[1], ARGV[1])
-- What a newer version adds to the entry stays in it.
local own = known and cjson.decode(known) or {}
if known then mtime = math.max(mtime, own.mtime) end
own.mtime, own.seenAt, own.holds = mtime, tonumber(ARGV[4]), ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(own))
local all = redis.call('HGETALL', KEYS[1])
local newest = -1
for i = 2, #all, 2 do newest = math.max(newest, cjson.decode(all[i]).mtime) end
for i = 1, #all, 2 do
  local entry = cjson.decode(all[i + 1])
  if entry.mtime < newest and entry.seenAt < tonumber(ARGV[5]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1
`);
