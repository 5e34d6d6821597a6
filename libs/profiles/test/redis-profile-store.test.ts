import { setTimeout as delay } from 'node:timers/promises';
import { startRedis } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { Redis } from 'ioredis';
import { forFile, forTest } from '@facet/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chosen, identified, noon } from './changes.ts';
import { describeProfileStore, describeRebuild, itemsOf } from './conformance.ts';
import type { ProfileChange } from '../src/index.ts';
import { openRedis } from './stores.ts';

const redis = forFile(await startRedis());

describeProfileStore('Redis', (options) => openRedis({ url: redis.url, ...options }));
describeRebuild('Redis', () => openRedis({ url: redis.url }));

const ada = { userId: 'ada' };

function connect(): Redis {
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  return client;
}

describe('what is stored in Redis', () => {
  it('finds the keys with the id of a user, also in sessions, and when they expire', async () => {
    const store = await openRedis({ url: redis.url, prefix: 'find', ttlDays: 2 });
    await store.apply([
      chosen(ada, 'a', 1),
      identified('ada', 'visit', 1),
      identified('ben', 'visit', 2),
      identified('ben', 'other', 2),
    ]);
    const found = await store.findUser('ada');
    expect(found.map(({ key }) => key).toSorted()).toEqual([
      'find:session:{visit}:identities',
      'find:user:{ada}:events',
      'find:user:{ada}:sessions',
    ]);
    for (const { expiresAt } of found) expect(expiresAt).toBeGreaterThan(Date.now() + dayMs);
    expect(await store.findUser('eve')).toEqual([]);
    const erasedAt = noon + 60_000 + 1_000;
    await store.apply([{ kind: 'attributes', userId: 'ada', attributes: {}, receivedAt: erasedAt }]);
    expect(await store.findUser('ada', { until: erasedAt - 1 })).toEqual([]);
    expect(await store.findUser('ada', { until: erasedAt })).toHaveLength(4);
    await store.apply([{ kind: 'erase', userId: 'ada', before: erasedAt }]);
    const left = ['find:user:{ada}:erased', 'find:session:{visit}:identities'];
    expect((await store.findUser('ada', { until: erasedAt })).map(({ key }) => key)).toEqual(left);
    await store.apply([chosen(ada, 'b', 2), identified('ada', 'new', 2)]);
    expect(await store.findUser('ada')).toHaveLength(5);
  });

  it.each<[string, ProfileChange[], string[]]>([
    ['events', [chosen(ada, 'b', 2)], []],
    ['sessions', [identified('ada', 'new', 2)], []],
    ['attributes', [{ kind: 'attributes', userId: 'ada', attributes: { age: 37 }, receivedAt: noon + 120_000 }], []],
    [
      'removed attributes',
      [{ kind: 'attributes', userId: 'ada', attributes: null, receivedAt: noon + 120_000 }],
      ['returned:user:{ada}:erased'],
    ],
  ])('leaves out the mark of the erasure of a user with later data: %s', async (_, changes, found) => {
    const store = await openRedis({ url: redis.url, prefix: 'returned' });
    await store.clear();
    const erase: ProfileChange = { kind: 'erase', userId: 'ada', before: noon + 90_000 };
    await store.apply([chosen(ada, 'a', 1), erase]);
    await store.apply(changes);
    expect((await store.findUser('ada', { until: noon + 90_000 })).map(({ key }) => key)).toEqual(found);
  });

  it('expires the mark of an erasure ttlDays after the erasure, also for a user who comes back', async () => {
    const client = connect();
    const store = await openRedis({ url: redis.url, prefix: 'mark', ttlDays: 2 });
    const key = 'mark:user:{ada}:erased';
    const erase: ProfileChange = { kind: 'erase', userId: 'ada', before: Date.now() - dayMs };
    await store.apply([erase]);
    expect(await client.pttl(key)).toBeGreaterThan(dayMs - 60_000);
    expect(await client.pttl(key)).toBeLessThanOrEqual(dayMs);
    // The sink repeats the erasure with each identify.
    await client.del(key);
    await store.apply([identified('ada', 'new', 2), erase]);
    expect(await client.pttl(key)).toBeLessThanOrEqual(dayMs);
    await store.apply([{ ...erase, before: Date.now() }]);
    expect(await client.pttl(key)).toBeGreaterThan(2 * dayMs - 60_000);
  });

  it('sets no mark for an erasure that is older than ttlDays, but erases', async () => {
    const store = await openRedis({ url: redis.url, prefix: 'old', ttlDays: 2 });
    const before = Date.now() - 2 * dayMs - 60_000;
    await store.apply([chosen(ada, 'a', 1, { receivedAt: before })]);
    await store.apply([{ kind: 'erase', userId: 'ada', before }]);
    expect(await connect().keys('old:*')).toEqual([]);
  });

  it('expires ttlDays after the last write of a user or session; a write extends all of its keys', async () => {
    const client = connect();
    const store = await openRedis({ url: redis.url, prefix: 'ttl', ttlDays: 2 });
    await store.apply([
      chosen(ada, 'a', 1),
      identified('ada', 'visit', 1),
      chosen({ sessionId: 'visit' }, 'b', 1),
      { kind: 'attributes', userId: 'ada', attributes: {}, receivedAt: 1 },
      { kind: 'erase', userId: 'ben', before: Date.now() },
    ]);
    const keys = await client.keys('ttl:*');
    expect(keys.toSorted()).toEqual([
      'ttl:session:{visit}:events',
      'ttl:session:{visit}:identities',
      'ttl:user:{ada}:attributes',
      'ttl:user:{ada}:events',
      'ttl:user:{ada}:sessions',
      'ttl:user:{ben}:erased',
    ]);
    const twoDaysMs = 2 * dayMs;
    for (const key of keys) {
      const ttlMs = await client.pttl(key);
      expect(ttlMs).toBeGreaterThan(twoDaysMs - 60_000);
      expect(ttlMs).toBeLessThanOrEqual(twoDaysMs);
      await client.pexpire(key, 1_000);
    }
    await store.apply([chosen(ada, 'c', 2)]);
    expect(await client.pttl('ttl:user:{ada}:attributes')).toBeGreaterThan(twoDaysMs - 60_000);
    expect(await client.pttl('ttl:session:{visit}:events')).toBeLessThanOrEqual(1_000);
  });

  it('is bounded', async () => {
    const client = connect();
    const store = await openRedis({ url: redis.url, prefix: 'bounded', eventsMax: 10 });
    await store.apply(
      Array.from({ length: 300 }, (_, n) => [
        chosen(ada, `item-${n}`, n),
        chosen({ sessionId: 'visit' }, `item-${n}`, n),
        identified('ada', `visit-${n}`, n),
        identified('ada', 'visit', n),
      ]).flat(),
    );
    const [events, sessions, anonymous, identities] = await Promise.all([
      client.zcard('bounded:user:{ada}:events'),
      client.zcard('bounded:user:{ada}:sessions'),
      client.zcard('bounded:session:{visit}:events'),
      client.zcard('bounded:session:{visit}:identities'),
    ]);
    expect({ events, sessions, anonymous, identities }).toEqual({
      events: 10,
      sessions: 100,
      anonymous: 10,
      identities: 100,
    });
  });

  it('is written to a server that has lost the scripts', async () => {
    const store = await openRedis({ url: redis.url });
    await store.apply([chosen(ada, 'a', 1)]);
    await connect().script('FLUSH');
    await store.apply([chosen(ada, 'b', 2)]);
    expect(await itemsOf(store, 'ada')).toEqual(['a', 'b']);
  });
});

describe('the settings of Redis', () => {
  it('that can lose profiles cause warnings', async () => {
    const client = connect();
    const store = await openRedis({ url: redis.url });
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await store.checkSettings()).toEqual([
      expect.stringContaining('maxmemory-policy is allkeys-lru'),
      expect.stringContaining('appendonly is no'),
    ]);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'appendonly', 'yes');
    expect(await store.checkSettings()).toEqual([]);
    await client.config('SET', 'appendonly', 'no');
  });

  it('that are not a Redis URL are refused without printing it', async () => {
    await expect(openRedis({ url: 'http://user:secret@host' })).rejects.toMatchObject({
      code: 'PROFILES_URL_INVALID',
      message: expect.not.stringContaining('secret'),
    });
  });
});

it('stores the id of the first installation, also when it is emptied, because a queue may have the same key', async () => {
  const { installation, clear } = await openRedis({ url: redis.url, prefix: 'installed' });
  expect(installation.location).toBe(
    `the profile store in Redis at ${new URL(redis.url).host} (key installed:installation)`,
  );
  expect(await installation.read()).toBeUndefined();
  expect(await installation.claim('an id')).toBe('an id');
  expect(await installation.claim('another id')).toBe('an id');
  await installation.write('another id');
  await clear();
  expect(await installation.read()).toBe('another id');
});

describe('a fill of Redis', () => {
  it('is shared by all processes until the store is emptied', async () => {
    const store = await openRedis({ url: redis.url, prefix: 'fill' });
    expect(await store.readFill()).toBeUndefined();
    const { fillId } = await store.beginFill();
    expect(await store.beginFill()).toEqual({ fillId, hasEnded: false });
    expect(await store.endFill(fillId)).toBe(true);
    expect(await store.beginFill()).toEqual({ fillId, hasEnded: true });
    expect(await store.endFill(fillId)).toBe(true);

    await store.clear();
    expect(await store.endFill(fillId)).toBe(false);
    expect(await store.readFill()).toBeUndefined();
    const next = await store.beginFill();
    expect(next).toEqual({ fillId: expect.not.stringMatching(fillId), hasEnded: false });
    expect(await store.endFill(fillId)).toBe(false);
    expect(await store.readFill()).toEqual(next);
  });

  it('has ended after a rebuild', async () => {
    const store = await openRedis({ url: redis.url, prefix: 'rebuilt' });
    await store.rebuild((async function* () {})(), { receivedBefore: 1 });
    expect(await store.readFill()).toMatchObject({ hasEnded: true });
  });
});

describe('a Redis that fails', () => {
  const unreachable = { code: 'PROFILES_UNREACHABLE', retryable: true, remedy: expect.any(String) };

  it('fails fast when Redis was never there', async () => {
    const url = 'redis://:secret@127.0.0.1:1';
    const store = await openRedis({ url, connectTimeoutMs: 50, writeRetriesMax: 1 });
    await expect(store.generation()).rejects.toMatchObject(unreachable);
    await expect(store.read('ada')).rejects.toMatchObject(unreachable);
    await expect(store.apply([chosen(ada, 'a', 1)])).rejects.toMatchObject(unreachable);
    await expect(store.checkSettings()).rejects.toThrow(expect.objectContaining({ code: 'PROFILES_UNREACHABLE' }));
    await expect(store.read('ada')).rejects.not.toThrow('secret');
  });

  it('reports what was refused, such as a write to full memory', async () => {
    const client = connect();
    const store = await openRedis({ url: redis.url, writeRetriesMax: 0 });
    await client.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await client.config('SET', 'maxmemory', '0')));
    await expect(store.apply([chosen(ada, 'a', 1)])).rejects.toMatchObject({
      code: 'PROFILES_REFUSED',
      retryable: true,
      message: expect.stringContaining('OOM'),
    });
  });

  it('has no generation if the user may not run INFO', async () => {
    const client = connect();
    await client.acl('SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const store = await openRedis({ url: redis.url.replace('//', '//limited:secret@') });
    expect(await store.generation()).toBe('');
    await store.apply([chosen(ada, 'a', 1)]);
    expect(await itemsOf(store, 'ada')).toEqual(['a']);
  });

  it('does not delay reads when it responds late, and is used again when it responds', async () => {
    const store = await openRedis({ url: redis.url, readTimeoutMs: 50, writeTimeoutMs: 200, writeRetriesMax: 0 });
    await store.apply([chosen(ada, 'a', 1)]);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expect(store.read('ada')).rejects.toMatchObject(unreachable);
      await expect(store.apply([chosen(ada, 'b', 2)])).rejects.toMatchObject(unreachable);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    await eventually(async () => expect(await itemsOf(store, 'ada')).toContain('a'));
    await store.apply([chosen(ada, 'b', 2)]);
    expect(await itemsOf(store, 'ada')).toEqual(['a', 'b']);
  });

  it('has another generation after a crash, in which unsynced writes are lost; writes wait for it', async () => {
    const mortal = forTest(await startRedis());
    const store = await openRedis({ url: mortal.url, connectTimeoutMs: 5_000 });
    const before = await store.generation();
    expect(before).toMatch(/^[0-9a-f]{40}$/);
    await store.apply([chosen(ada, 'lost', 1)]);
    await mortal.kill();
    await expect(store.read('ada')).rejects.toMatchObject(unreachable);
    const applied = store.apply([chosen(ada, 'waited', 2)]);
    await mortal.start();
    await applied;
    expect(await itemsOf(store, 'ada')).toEqual(['waited']);
    expect(await store.generation()).not.toBe(before);
    await store.apply([chosen(ada, 'lost', 1)]);
    expect(await itemsOf(store, 'ada')).toEqual(['lost', 'waited']);
  });
});

describe('the users in Redis', () => {
  it('are listed at the same cost, however many they are', async () => {
    const client = connect();
    const scans = async (): Promise<number> =>
      Number(/_scan:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
    const store = await openRedis({ url: redis.url, prefix: 'many' });
    const listed = [];
    for (const last of [500, 40_000]) {
      const stored = Array.from({ length: last }, (_, user) => [`many:user:{u${user}}:attributes`, '[1,{}]']);
      await client.mset(stored.flat());
      const before = await scans();
      const { userIds, isComplete } = await store.listUserIds(5_000);
      listed.push({ isComplete, count: userIds.length });
      expect(new Set(userIds).size).toBe(userIds.length);
      expect(await store.read(userIds[0]!)).toBeDefined();
      expect((await scans()) - before).toBeLessThanOrEqual(6);
    }
    expect(listed[0]).toEqual({ isComplete: true, count: 500 });
    expect(listed[1]!.isComplete).toBe(false);
    expect(listed[1]!.count).toBeGreaterThan(2_000);
  });
});

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 100) throw error;
      await delay(50);
    }
  }
}
