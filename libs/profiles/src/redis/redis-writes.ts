import type { Cluster, Redis } from 'ioredis';
import type { Entry, SessionChanges, UserChanges } from '../profile/owner-changes.ts';
import { identitiesMax, sessionsMax } from '../profile/profile-store.ts';

/**
 * Returns the names of keys. All keys of one user or session share the text in braces, which places them on one node of a
 * cluster.
 */
export function createRedisKeys(prefix: string) {
  const escaped = prefix.replace(/[*?[\]\\]/g, '\\$&');
  return {
    /** Returns the prefix of a user's keys. */
    user: (userId: string) => `${prefix}:user:{${encodeId(userId)}}`,
    /** Returns the user of a prefix that `user` returned. */
    userOf: (name: string) => decodeURIComponent(name.slice(`${prefix}:user:{`.length, -1)),
    /** Returns the prefix of a session's keys. */
    session: (sessionId: string) => `${prefix}:session:{${encodeId(sessionId)}}`,
    /** Key that records whether the whole lake has been stored. */
    fill: `${prefix}:fill`,
    /** Key with the id of the installation that uses the store. */
    installation: `${prefix}:installation`,
    /** Patterns for SCAN. */
    patterns: { users: `${escaped}:user:{*`, sessions: `${escaped}:session:{*` },
  };
}

const erasedSuffix = ':erased';

/** Returns whether a key of a user holds the time of an erasure. */
export function isErasureMark(key: string): boolean {
  return key.endsWith(erasedSuffix);
}

/** Returns the keys of a user. */
export const userKeys = (name: string) => ({
  /** Sorted set of interactions by `occurredAt`. */
  events: `${name}:events`,
  /** Sorted set of sessions identified as the user, by the time when the last identify was received. */
  sessions: `${name}:sessions`,
  /** Text: `[receivedAt, attributes]`. */
  attributes: `${name}:attributes`,
  /** Text: everything received until this time is erased. */
  erased: `${name}${erasedSuffix}`,
});

/** Returns the keys of a session. */
export const sessionKeys = (name: string) => ({
  /** Sorted set of interactions by `occurredAt`. */
  events: `${name}:events`,
  /** Sorted set of identified users by `occurredAt` of the identify. */
  identities: `${name}:identities`,
});

/** Returns the prefix of a key, as `user` and `session` return it. */
export function nameOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(':'));
}

/** Braces in an id would change the cluster node of its keys. */
function encodeId(id: string): string {
  return id.replace(/[%{}]/g, encodeURIComponent);
}

export interface WriteOptions {
  readonly eventsMax: number;
  readonly ttlMs: number;
  /**
   * Removes what was received before this time, in epoch milliseconds, before applying the change; 0 removes nothing.
   */
  readonly replacedBefore: number;
}

/** A command: its name and its arguments, which begin with a key. */
export type RedisCommand = readonly [name: string, ...args: (string | number)[]];

/** The change of one user or session, as one command. */
export interface RedisWrite {
  /** Prefix of the keys. */
  readonly name: string;
  /** Number of entries, which limits the size of a round trip. */
  readonly size: number;
  readonly command: RedisCommand;
}

export function userWrite(name: string, change: UserChanges, options: WriteOptions): RedisWrite {
  const { events, sessions, attributes, erased } = userKeys(name);
  const args: (string | number)[] = [
    ...[events, sessions, attributes, erased],
    ...[options.ttlMs, options.eventsMax, sessionsMax, options.replacedBefore],
    change.erasedBefore ?? '',
    ...(change.attributes === undefined
      ? ['', '']
      : [change.attributes.receivedAt, JSON.stringify(change.attributes.attributes)]),
    change.sessions.size,
    ...[...change.sessions].flatMap(([sessionId, receivedAt]) => [receivedAt, sessionId]),
    ...membersOf(change.events),
  ];
  return { name, size: change.sessions.size + change.events.length, command: ['facetChangeUser', ...args] };
}

export function sessionWrite(name: string, change: SessionChanges, options: WriteOptions): RedisWrite {
  const { events, identities } = sessionKeys(name);
  const args = [
    ...[events, identities],
    ...[options.ttlMs, options.eventsMax, identitiesMax, options.replacedBefore],
    change.identities.length,
    ...membersOf(change.identities),
    ...membersOf(change.events),
  ];
  return { name, size: change.identities.length + change.events.length, command: ['facetChangeSession', ...args] };
}

function membersOf(entries: readonly Entry[]): (string | number)[] {
  return entries.flatMap(({ occurredAt, text }) => [occurredAt, text]);
}

/**
 * Limits of one round trip: enough commands to amortize its latency, few enough for other clients to get their turn.
 */
const commandsPerTrip = 500;
const entriesPerTrip = 5_000;

/** Groups writes into round trips. */
export function* tripsOf(writes: Iterable<RedisWrite>): Generator<readonly RedisWrite[]> {
  let trip: RedisWrite[] = [];
  let entries = 0;
  for (const write of writes) {
    if (trip.length === commandsPerTrip || (trip.length > 0 && entries + write.size > entriesPerTrip)) {
      yield trip;
      trip = [];
      entries = 0;
    }
    trip.push(write);
    entries += write.size;
  }
  if (trip.length > 0) yield trip;
}

/** The second field of an entry is its `receivedAt`. */
const helpers = `
local function dropReceivedBefore(key, limit)
  if limit <= 0 then return end
  for _, text in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if cjson.decode(text)[2] < limit then redis.call('ZREM', key, text) end
  end
end
-- In portions, because the Lua stack limits unpack. Must precede all other writes: with full memory, Redis refuses a
-- script only before its first write.
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
 * Changes one user atomically.
 *
 * KEYS: events, sessions, attributes, erased.
 * ARGV: ttlMs, eventsMax, sessionsMax, replacedBefore (0: replaces nothing), erasedBefore ('' without an erasure),
 * receivedAt of the attributes ('' without attributes), attributes as JSON, number of sessions, then pairs of score and
 * member: sessions first, events after.
 */
const changeUserScript = `${helpers}
local events, sessions, attributes, erased = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ttlMs, eventsMax, sessionsMax, replacedBefore = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local firstSession, firstEvent = 9, 9 + 2 * tonumber(ARGV[8])

local erasedBefore = tonumber(redis.call('GET', erased) or -1)
if ARGV[5] ~= '' and tonumber(ARGV[5]) > erasedBefore then
  erasedBefore = tonumber(ARGV[5])
  local time = redis.call('TIME')
  local leftMs = erasedBefore + ttlMs - (time[1] * 1000 + math.floor(time[2] / 1000))
  -- An old erasure comes again after its mark has expired.
  if leftMs > 0 then redis.call('SET', erased, ARGV[5], 'PX', string.format('%.0f', leftMs)) end
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
-- Erase before trimming, so that erased events do not displace others.
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

-- Not the mark of the erasure: it expires even if the user comes back.
for _, key in ipairs({ events, sessions, attributes }) do redis.call('PEXPIRE', key, ttlMs) end
`;

/**
 * Changes one session atomically.
 *
 * KEYS: events, identities.
 * ARGV: ttlMs, eventsMax, identitiesMax, replacedBefore (0: replaces nothing), number of identities, then pairs of
 * score and member: identities first, events after.
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

/** Marks a fill as ended if it is the current one. Returns 1 if so. KEYS: fill. ARGV: fillId. */
const endFillScript = `
local begun, ended = 'begun:' .. ARGV[1], 'ended:' .. ARGV[1]
local mark = redis.call('GET', KEYS[1])
if mark ~= begun and mark ~= ended then return 0 end
redis.call('SET', KEYS[1], ended)
return 1
`;

/** Registers the scripts with a client, which loads them into the server when needed. */
export function defineScripts(redis: Redis | Cluster): void {
  redis.defineCommand('facetChangeUser', { numberOfKeys: 4, lua: changeUserScript });
  redis.defineCommand('facetChangeSession', { numberOfKeys: 2, lua: changeSessionScript });
  redis.defineCommand('facetEndFill', { numberOfKeys: 1, lua: endFillScript });
}
