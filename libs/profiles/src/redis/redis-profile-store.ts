import { randomUUID } from 'node:crypto';
import { dayMs, isAppError } from '@facet/platform';
import type { Attributes } from '@facet/schemas';
import {
  assembleProfile,
  assembleSessionProfile,
  decodeEvents,
  decodeIdentities,
  encodeEvent,
  erasedEvents,
  groupByOwner,
  noSessionChanges,
  noUserChanges,
  ownPart,
  receivedAtOf,
} from '../profile/owner-changes.ts';
import type { OwnerChanges, StoredSession, StoredUser } from '../profile/owner-changes.ts';
import { eventsMaxDefault, sessionIdOf } from '../profile/profile-store.ts';
import type { OwnedChanges, ProfileStore, RebuildResult } from '../profile/profile-store.ts';
import { hostOf, keysPerScan, RedisConnection } from './redis-connection.ts';
import type { RedisConnectionOptions } from './redis-connection.ts';
import {
  createRedisKeys,
  isErasureMark,
  nameOfKey,
  sessionKeys,
  sessionWrite,
  tripsOf,
  userKeys,
  userWrite,
} from './redis-writes.ts';
import type { RedisCommand, RedisWrite, WriteOptions } from './redis-writes.ts';

export interface RedisProfileStoreOptions extends RedisConnectionOptions {
  /** Prefix of all keys. */
  readonly prefix?: string;
  /** Newest interactions kept per user. */
  readonly eventsMax?: number;
  /** Users and sessions without a write for this long expire. */
  readonly ttlDays?: number;
}

/** A key of Redis that contains the id of a user. */
interface KeyOfUser {
  readonly key: string;
  /** Epoch milliseconds; undefined if it does not expire. */
  readonly expiresAt: number | undefined;
}

/** State of storing the whole lake. An emptied store has none. */
interface ProfileFill {
  readonly fillId: string;
  readonly hasEnded: boolean;
}

export interface RedisProfileStore extends ProfileStore {
  /**
   * Replaces everything received before a time. Each user switches from the old to the new profile atomically. Later
   * changes and erasure marks stay.
   *
   * @param owners All users and sessions that remain, each once.
   * @param options.receivedBefore Changes received from this time on stay, in epoch milliseconds.
   */
  rebuild(owners: AsyncIterable<OwnedChanges>, options: { readonly receivedBefore: number }): Promise<RebuildResult>;
  /**
   * Reads what identifies the Redis process, or those of a cluster. When it changes, apply the changes of the last seconds again: a
   * restarted or promoted server has lost writes that were not on its disk. Empty if the user may not run INFO.
   */
  generation(): Promise<string>;
  /** Returns undefined if no fill has begun since the store was last empty. */
  readFill(): Promise<ProfileFill | undefined>;
  /** Returns the current fill, or begins one. Several processes may carry out the same fill. */
  beginFill(): Promise<ProfileFill>;
  /** Records that everything is stored. Returns false if the store was emptied since that fill began. */
  endFill(fillId: string): Promise<boolean>;
  /**
   * Returns the keys that contain the id of a user: the keys of the user, including the mark of an erasure, and of sessions that
   * were identified as the user. Reads all sessions.
   *
   * @param options.until epoch milliseconds; leaves out keys with only data received after this time. Also leaves out the mark of the
   *   erasure if the user has such data
   * @param options.onProgress called with the number of sessions read so far
   */
  findUser(
    userId: string,
    options?: { readonly until?: number | undefined; readonly onProgress?: (sessions: number) => void },
  ): Promise<KeyOfUser[]>;
  /** The id of the installation that uses the store. */
  readonly installation: {
    /** The server and the key, for messages. */
    readonly location: string;
    read(): Promise<string | undefined>;
    /** Writes the id if the store has none, and returns the id that the store has then. */
    claim(installationId: string): Promise<string | undefined>;
    write(installationId: string): Promise<void>;
  };
  /** Returns a sentence for each unsafe setting of the server. */
  checkSettings(): Promise<string[]>;
}

/** Owners gathered before a rebuild writes them. */
const ownersPerWrite = 1_000;

/**
 * Opens a profile store in Redis. Resolves after the first attempt to connect, successful or not: the store keeps
 * reconnecting, and calls fail fast meanwhile.
 *
 * @throws AppError `PROFILES_URL_INVALID`. The methods throw `PROFILES_UNREACHABLE` and `PROFILES_REFUSED`; both are
 *   retryable.
 */
export async function openRedisProfileStore(options: RedisProfileStoreOptions): Promise<RedisProfileStore> {
  const { prefix = 'facet', eventsMax = eventsMaxDefault, ttlDays = 180 } = options;
  const connection = new RedisConnection(options);
  const keys = createRedisKeys(prefix);
  const applied: WriteOptions = { eventsMax, ttlMs: ttlDays * dayMs, replacedBefore: 0 };
  await connection.open();

  const readSessions = async (
    sessionIds: readonly string[],
    ask: 'read' | 'write' = 'read',
  ): Promise<StoredSession[]> => {
    if (sessionIds.length === 0) return [];
    const replies = (await connection[ask](
      sessionIds.flatMap((sessionId) => {
        const { events, identities } = sessionKeys(keys.session(sessionId));
        return [allOf(events), allOf(identities)];
      }),
    )) as string[][];
    return sessionIds.map((_, position) => ({
      events: decodeEvents(replies[2 * position] ?? []),
      identities: decodeIdentities(replies[2 * position + 1] ?? []),
    }));
  };

  const readUser = async (userId: string): Promise<{ user: StoredUser; sessionIds: string[] }> => {
    const { events, sessions, attributes, erased } = userKeys(keys.user(userId));
    const [eventTexts, sessionIds, attributesText, erasedText] = (await connection.read([
      allOf(events),
      allOf(sessions),
      ['get', attributes],
      ['get', erased],
    ])) as [string[], string[], string | null, string | null];
    const user = {
      events: decodeEvents(eventTexts),
      attributes: attributesText === null ? undefined : decodeAttributes(attributesText),
      erasedBefore: erasedText === null ? undefined : Number(erasedText),
    };
    return { user, sessionIds };
  };

  /** A generator, because the commands of a batch take several times its memory. */
  function* writesOf(changes: OwnerChanges, writeOptions: WriteOptions): Generator<RedisWrite> {
    for (const [userId, change] of changes.users) yield userWrite(keys.user(userId), change, writeOptions);
    for (const [sessionId, change] of changes.sessions) {
      yield sessionWrite(keys.session(sessionId), change, writeOptions);
    }
  }

  const send = async (writes: Iterable<RedisWrite>): Promise<void> => {
    for (const trip of tripsOf(writes)) await connection.write(trip.map(({ command }) => command));
  };

  /** Runs after the user's keys are written. Erasing again completes an interrupted erasure. */
  const eraseFromSessions = async (userId: string, erasedBefore: number): Promise<void> => {
    const { sessions } = userKeys(keys.user(userId));
    const [sessionIds] = (await connection.write([allOf(sessions)])) as [string[]];
    const stored = await readSessions(sessionIds, 'write');
    await connection.write(
      stored.flatMap((session, position) => {
        const texts = erasedEvents(session, userId, erasedBefore).map((event) => encodeEvent(event).text);
        return texts.length === 0 ? [] : [['zrem', sessionKeys(keys.session(sessionIds[position]!)).events, ...texts]];
      }),
    );
    // Last, because the list of sessions is what repeats an interrupted erasure.
    await connection.write([['zremrangebyscore', sessions, '-inf', erasedBefore]]);
  };

  const beginFill = async (): Promise<ProfileFill> => {
    const [, mark] = await connection.write([
      ['set', keys.fill, `begun:${randomUUID()}`, 'NX'],
      ['get', keys.fill],
    ]);
    return parseFill(mark as string);
  };
  const endFill = async (fillId: string): Promise<boolean> => {
    const [isSame] = await connection.write([['facetEndFill', keys.fill, fillId]]);
    return isSame === 1;
  };

  const namesOf = async (pattern: string): Promise<Set<string>> => {
    const names = new Set<string>();
    for await (const found of connection.scan(pattern)) {
      for (const key of found) if (!isErasureMark(key)) names.add(nameOfKey(key));
    }
    return names;
  };

  return {
    async read(userId) {
      const sessionId = sessionIdOf(userId);
      if (sessionId !== undefined) {
        const [session] = await readSessions([sessionId]);
        return assembleSessionProfile(session!, eventsMax);
      }
      const { user, sessionIds } = await readUser(userId);
      return assembleProfile(userId, user, await readSessions(sessionIds), eventsMax);
    },

    async apply(changes) {
      const grouped = groupByOwner(changes);
      await send(writesOf(grouped, applied));
      for (const [userId, { erasedBefore }] of grouped.users) {
        if (erasedBefore !== undefined) await eraseFromSessions(userId, erasedBefore);
      }
    },

    async rebuild(owners, { receivedBefore }) {
      const { fillId } = await beginFill();
      const replacing = { ...applied, replacedBefore: receivedBefore };
      const written = new Set<string>();
      const waiting: RedisWrite[] = [];
      let replaced = 0;
      for await (const owner of owners) {
        for (const write of writesOf(ownPart(owner), replacing)) {
          written.add(write.name);
          waiting.push(write);
        }
        replaced++;
        if (waiting.length >= ownersPerWrite) await send(waiting.splice(0));
      }
      await send(waiting);
      let removed = 0;
      for (const [pattern, empty] of [
        [keys.patterns.users, (name: string) => userWrite(name, noUserChanges(), replacing)],
        [keys.patterns.sessions, (name: string) => sessionWrite(name, noSessionChanges(), replacing)],
      ] as const) {
        const gone = [...(await namesOf(pattern))].filter((name) => !written.has(name));
        await send(gone.map(empty));
        const left = await namesOf(pattern);
        removed += gone.filter((name) => !left.has(name)).length;
      }
      await endFill(fillId);
      return { replaced, removed };
    },

    async listUserIds(keysMax) {
      const names = new Set<string>();
      let steps = 0;
      for await (const found of connection.scan(keys.patterns.users)) {
        for (const key of found) if (!isErasureMark(key)) names.add(nameOfKey(key));
        if (++steps * keysPerScan > keysMax) return { userIds: Array.from(names, keys.userOf), isComplete: false };
      }
      return { userIds: Array.from(names, keys.userOf), isComplete: true };
    },

    async findUser(userId, { until = Infinity, onProgress } = {}) {
      const { events, sessions: sessionsKey, attributes, erased } = userKeys(keys.user(userId));
      const [eventTexts, earlySessions, allSessions, attributesText] = (await connection.write([
        allOf(events),
        ['zcount', sessionsKey, '-inf', until === Infinity ? '+inf' : until],
        ['zcard', sessionsKey],
        ['get', attributes],
      ])) as [string[], number, number, string | null];
      const [attributesAt, values] = JSON.parse(attributesText ?? '[null,null]') as [number | null, Attributes | null];
      const hasReturned =
        eventTexts.some((text) => receivedAtOf(text) > until) ||
        allSessions > earlySessions ||
        (values !== null && attributesAt! > until);
      const found = hasReturned ? [] : [erased];
      if (eventTexts.some((text) => receivedAtOf(text) <= until)) found.push(events);
      if (earlySessions > 0) found.push(sessionsKey);
      if (attributesAt !== null && attributesAt <= until) found.push(attributes);
      let sessions = 0;
      for await (const portion of connection.scan(keys.patterns.sessions)) {
        const identities = [...new Set(portion)].filter((key) => key.endsWith(':identities'));
        if (identities.length === 0) continue;
        const replies = (await connection.write(identities.map(allOf))) as string[][];
        identities.forEach((key, position) => {
          const identified = decodeIdentities(replies[position] ?? []);
          if (identified.some((one) => one.userId === userId && one.receivedAt <= until)) found.push(key);
        });
        onProgress?.((sessions += identities.length));
      }
      const names = [...new Set(found)];
      const remainingMs = (await connection.write(names.map((key) => ['pttl', key]))) as number[];
      return names.flatMap((key, position) => {
        const leftMs = remainingMs[position]!;
        // -2: the key does not exist. -1: it does not expire.
        return leftMs === -2 ? [] : [{ key, expiresAt: leftMs === -1 ? undefined : Date.now() + leftMs }];
      });
    },

    size: async () => (await namesOf(keys.patterns.users)).size,

    async clear() {
      await connection.write([['unlink', keys.fill]]);
      for (const pattern of [keys.patterns.users, keys.patterns.sessions]) {
        for await (const found of connection.scan(pattern)) {
          await connection.write(found.map((key) => ['unlink', key]));
        }
      }
    },

    async generation() {
      const servers = await connection.infoOfMasters('server').catch((error: unknown) => {
        if (isAppError(error, 'PROFILES_REFUSED')) return [];
        throw error;
      });
      const ids = servers.flatMap((info) => /^run_id:(\w+)/m.exec(info)?.[1] ?? []);
      return ids.toSorted().join('+');
    },
    async readFill() {
      const [mark] = (await connection.read([['get', keys.fill]])) as [string | null];
      return mark === null ? undefined : parseFill(mark);
    },
    beginFill,
    endFill,
    installation: {
      location: `the profile store in Redis at ${hostOf(options.url)} (key ${keys.installation})`,
      async read() {
        const [installationId] = (await connection.read([['get', keys.installation]])) as [string | null];
        return installationId ?? undefined;
      },
      async claim(installationId) {
        const [, stored] = (await connection.write([
          ['set', keys.installation, installationId, 'NX'],
          ['get', keys.installation],
        ])) as [unknown, string | null];
        return stored ?? undefined;
      },
      write: async (installationId) => void (await connection.write([['set', keys.installation, installationId]])),
    },
    async checkSettings() {
      const servers = await connection.infoOfMasters('memory', 'persistence');
      return [...new Set(servers.flatMap(settingWarnings))];
    },
    close: () => connection.close(),
  };
}

const allOf = (key: string): RedisCommand => ['zrange', key, 0, -1];

/** Removed attributes are stored as null, so that older attributes do not return. */
function decodeAttributes(text: string): Attributes | undefined {
  return (JSON.parse(text) as [number, Attributes | null])[1] ?? undefined;
}

function parseFill(mark: string): ProfileFill {
  return { fillId: mark.slice('begun:'.length), hasEnded: mark.startsWith('ended:') };
}

/** Returns a sentence for each unsafe setting in the sections `memory` and `persistence` of INFO. */
function settingWarnings(info: string): string[] {
  const valueOf = (name: string): string | undefined => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1];
  const warnings: string[] = [];
  const policy = valueOf('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `maxmemory-policy is ${policy}: Redis evicts profiles and erasure marks when its memory is full. Set it to noeviction.`,
    );
  }
  if (valueOf('aof_enabled') === '0') {
    warnings.push('appendonly is no: a restart of Redis loses profiles. Set appendonly yes and appendfsync everysec.');
  }
  return warnings;
}
