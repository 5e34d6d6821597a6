import type { ChainableCommander } from 'ioredis';
import type { Entry } from '../entry.ts';
import { identitiesMax, sessionsMax } from '../limits.ts';
import type { SessionChanges, UserChanges } from '../owner-changes.ts';
import { sessionKeys, userKeys } from './redis-keys.ts';

export interface WriteOptions {
  readonly eventsMax: number;
  readonly ttlMs: number;
  /** What was received before it goes before the change is made; 0 when nothing does. */
  readonly replacedBefore: number;
}

/** The change of one user or session: one command. */
export interface RedisWrite {
  /** What the names of the keys begin with. */
  readonly name: string;
  /** How many entries it carries, for portions of even size. */
  readonly size: number;
  addTo(pipeline: ChainableCommander): void;
}

export function userWrite(name: string, change: UserChanges, options: WriteOptions): RedisWrite {
  const { events, sessions, attributes, erased } = userKeys(name);
  const args = [
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
  return {
    name,
    size: change.sessions.size + change.events.length,
    addTo: (pipeline) => void pipeline.facetChangeUser(...args),
  };
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
  return {
    name,
    size: change.identities.length + change.events.length,
    addTo: (pipeline) => void pipeline.facetChangeSession(...args),
  };
}

function membersOf(entries: readonly Entry[]): (string | number)[] {
  return entries.flatMap(({ occurredAt, text }) => [occurredAt, text]);
}

/** Commands and entries of one round trip: enough to hide its time, little enough to leave other clients their turn. */
const commandsPerTrip = 500;
const entriesPerTrip = 5_000;

/** Parts writes into round trips. */
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
