import type { Redis, Result } from 'ioredis';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    /** {@link changeUserScript} */
    facetChangeUser(...args: readonly (string | number)[]): Result<null, Context>;
    /** {@link changeSessionScript} */
    facetChangeSession(...args: readonly (string | number)[]): Result<null, Context>;
    /** {@link endFillScript} */
    facetEndFill(key: string, fillId: string): Result<0 | 1, Context>;
  }
}

/** Entries have the moment that they were received at as their second field. */
const helpers = `
local function dropReceivedBefore(key, limit)
  if limit <= 0 then return end
  for _, text in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if cjson.decode(text)[2] < limit then redis.call('ZREM', key, text) end
  end
end
-- In portions: the stack of Lua holds no more. Nothing may be written before it, or a full memory refuses it no more.
local function add(key, first, last)
  for from = first, last, 2000 do
    redis.call('ZADD', key, 'GT', unpack(ARGV, from, math.min(from + 1999, last)))
  end
end
local function keepNewest(key, count)
  if redis.call('ZCARD', key) > count then redis.call('ZREMRANGEBYRANK', key, 0, -count - 1) end
end
`;

/**
 * Changes one user, all or nothing.
 *
 * KEYS: events, sessions, attributes, erased.
 * ARGV: ttlMs, eventsMax, sessionsMax, replacedBefore (0: nothing is replaced), erasedBefore ('' without erasure),
 * receivedAt of the attributes ('' without any), attributes as JSON, the number of sessions, and then pairs of score and
 * member: those of the sessions, those of the events.
 */
const changeUserScript = `${helpers}
local events, sessions, attributes, erased = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ttlMs, eventsMax, sessionsMax, replacedBefore = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local firstSession, firstEvent = 9, 9 + 2 * tonumber(ARGV[8])

local erasedBefore = tonumber(redis.call('GET', erased) or -1)
if ARGV[5] ~= '' and tonumber(ARGV[5]) > erasedBefore then
  erasedBefore = tonumber(ARGV[5])
  redis.call('SET', erased, ARGV[5])
end

if replacedBefore > 0 then
  dropReceivedBefore(events, replacedBefore)
  redis.call('ZREMRANGEBYSCORE', sessions, '-inf', '(' .. ARGV[4])
end
if firstEvent > firstSession then
  add(sessions, firstSession, firstEvent - 1)
  keepNewest(sessions, sessionsMax)
end
add(events, firstEvent, #ARGV)
-- Before the newest are chosen: what is erased must not take the places of others.
dropReceivedBefore(events, erasedBefore + 1)
keepNewest(events, eventsMax)

if ARGV[6] ~= '' or ARGV[5] ~= '' or replacedBefore > 0 then
  local known = redis.call('GET', attributes)
  local knownAt = known and cjson.decode(known)[1] or -1
  if knownAt < replacedBefore then knownAt = -1 end
  if ARGV[6] ~= '' and tonumber(ARGV[6]) >= knownAt then
    knownAt = tonumber(ARGV[6])
    redis.call('SET', attributes, '[' .. ARGV[6] .. ',' .. ARGV[7] .. ']')
  end
  if knownAt <= erasedBefore then redis.call('DEL', attributes) end
end

for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttlMs) end
`;

/**
 * Changes one session, all or nothing.
 *
 * KEYS: events, identities.
 * ARGV: ttlMs, eventsMax, identitiesMax, replacedBefore (0: nothing is replaced), the number of identities, and then pairs
 * of score and member: those of the identities, those of the events.
 */
const changeSessionScript = `${helpers}
local events, identities = KEYS[1], KEYS[2]
local ttlMs, eventsMax, identitiesMax, replacedBefore = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local firstIdentity, firstEvent = 6, 6 + 2 * tonumber(ARGV[5])

dropReceivedBefore(events, replacedBefore)
dropReceivedBefore(identities, replacedBefore)
add(identities, firstIdentity, firstEvent - 1)
keepNewest(identities, identitiesMax)
add(events, firstEvent, #ARGV)
keepNewest(events, eventsMax)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttlMs) end
`;

/** Says whether the fill that began under an id is the one that ends. KEYS: fill. ARGV: id. */
const endFillScript = `
local begun, ended = 'begun:' .. ARGV[1], 'ended:' .. ARGV[1]
local mark = redis.call('GET', KEYS[1])
if mark ~= begun and mark ~= ended then return 0 end
redis.call('SET', KEYS[1], ended)
return 1
`;

/** Teaches a client the scripts; it loads them into the server when that does not know them. */
export function defineScripts(redis: Redis): void {
  redis.defineCommand('facetChangeUser', { numberOfKeys: 4, lua: changeUserScript });
  redis.defineCommand('facetChangeSession', { numberOfKeys: 2, lua: changeSessionScript });
  redis.defineCommand('facetEndFill', { numberOfKeys: 1, lua: endFillScript });
}
