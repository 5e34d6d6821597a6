import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeRecords, openLakeWriter, streamLake, upsertUsers } from '@facet/lake';
import type { Event } from '@facet/schemas';
import { parsePositiveRule } from '@facet/features';
import { startRedis } from '@facet/local-services';
import { forFile, temporaryFolder } from '@facet/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesOf, fillProfiles, rebuildProfiles } from '../src/index.ts';
import type { ProfileStore, UserProfile } from '../src/index.ts';
import { chosen } from './changes.ts';
import { openMemory, openRedis } from './stores.ts';
import type { ProfileSources } from '../src/fill-profiles.ts';

const redis = forFile(await startRedis());

const rules = { isPositive: parsePositiveRule('purchase or rating >= 4') };
const users = ['ada', 'ben'];
const sessions = ['s1', 's2'];
const everybody = [...users, ...sessions.map((sessionId) => `session:${sessionId}`)];
const noon = Date.UTC(2026, 0, 15, 12);

/** Events with their own eventIds, some of them sent twice. */
const events = fc
  .array(
    fc.record({
      who: fc.oneof(
        fc.record({ userId: fc.constantFrom(...users) }),
        fc.record({ sessionId: fc.constantFrom(...sessions) }),
        fc.record({ userId: fc.constantFrom(...users), sessionId: fc.constantFrom(...sessions) }),
      ),
      type: fc.constantFrom('purchase', 'rating', 'view', 'identify', 'identify'),
      value: fc.constantFrom(3, 5),
      itemId: fc.constantFrom('a', 'b', 'c'),
      minute: fc.integer({ min: 0, max: 3 }),
      delayMs: fc.integer({ min: 0, max: 3 }),
      isSentAgain: fc.boolean(),
    }),
    { maxLength: 25 },
  )
  .map((rows) =>
    rows.flatMap(({ who, type, value, itemId, minute, delayMs, isSentAgain }, index): Event[] => {
      const occurredAt = noon + minute * 60_000;
      const base = { eventId: `e${index}`, occurredAt, receivedAt: occurredAt + delayMs };
      const isIdentify = type === 'identify' && 'userId' in who && 'sessionId' in who;
      const sent = isIdentify
        ? { ...base, ...who, type }
        : { ...base, ...who, type: type === 'identify' ? 'purchase' : type, itemId, value };
      return isSentAgain ? [sent, { ...sent, receivedAt: sent.receivedAt + 1_000 }] : [sent];
    }),
  );

async function createSources(received: readonly Event[]): Promise<ProfileSources> {
  const folder = await temporaryFolder();
  const sources = { lakeFolder: join(folder, 'lake'), catalogFolder: join(folder, 'catalog') };
  await addToLake(sources, received);
  await upsertUsers(sources.catalogFolder, [{ userId: 'ada', attributes: { age: 'young' } }]);
  return sources;
}

async function addToLake({ lakeFolder }: ProfileSources, received: readonly Event[]): Promise<void> {
  if (received.length === 0) return;
  const writer = await openLakeWriter(lakeFolder);
  const source = 'facet.events.v1-0';
  const from = writer.committed(source);
  writer.add(
    source,
    received.map((event, index) => ({ offset: from + index, event })),
    from + received.length,
  );
  await writer.commit();
  await writer.close();
}

/** Returns the profiles by the lake's own join of sessions and users. */
async function lakeProfiles({ lakeFolder }: ProfileSources): Promise<Record<string, UserProfile | undefined>> {
  const profiles: Record<string, UserProfile | undefined> = Object.fromEntries(everybody.map((id) => [id, undefined]));
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) {
      if (!rules.isPositive(event)) continue;
      const { userId, eventId, type, itemId, occurredAt, value } = event;
      const positive = { eventId, type, itemId, occurredAt, ...(value === undefined ? {} : { value }) };
      profiles[userId] = { events: [...(profiles[userId]?.events ?? []), positive], attributes: {} };
    }
  }
  profiles['ada'] = { events: profiles['ada']?.events ?? [], attributes: { age: 'young' } };
  return profiles;
}

async function profilesOf(store: ProfileStore): Promise<Record<string, UserProfile | undefined>> {
  return Object.fromEntries(
    await Promise.all(everybody.map(async (userId) => [userId, await store.read(userId)] as const)),
  );
}

/** Sorts events of one time by id, because sessions of a user have no common order within it. */
function inOrderOfIds(profiles: Record<string, UserProfile | undefined>) {
  return Object.fromEntries(
    Object.entries(profiles).map(([userId, profile]) => [
      userId,
      profile && {
        ...profile,
        events: profile.events.toSorted((a, b) => a.occurredAt - b.occurredAt || (a.eventId < b.eventId ? -1 : 1)),
      },
    ]),
  );
}

const openRebuildable = () => openRedis({ url: redis.url });
const stores = [
  ['memory', async () => openMemory()],
  ['Redis', openRebuildable],
] as const;

it('profiles equal the join of the lake when applied, filled or rebuilt', async () => {
  await fc.assert(
    fc.asyncProperty(events, events, async (received, others) => {
      const sources = await createSources(received);
      const expected = inOrderOfIds(await lakeProfiles(sources));
      for (const [, open] of stores) {
        const [applied, filled] = await Promise.all([open(), open()]);

        await applied.apply([
          ...received.flatMap((event) => changesOf(event, rules.isPositive)),
          { kind: 'attributes', userId: 'ada', attributes: { age: 'young' }, receivedAt: noon },
        ]);
        expect(inOrderOfIds(await profilesOf(applied))).toEqual(expected);

        await fillProfiles(filled, sources, rules);
        expect(inOrderOfIds(await profilesOf(filled))).toEqual(expected);
      }
      const rebuilt = await openRebuildable();
      await rebuilt.apply(
        others.flatMap((event) => changesOf({ ...event, eventId: `other-${event.eventId}` }, rules.isPositive)),
      );
      await rebuildProfiles(rebuilt, sources, rules);
      expect(inOrderOfIds(await profilesOf(rebuilt))).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});

it('profiles stay up to date after a rebuild: a later identify moves the events of the session', async () => {
  const anonymous = { eventId: 'e1', type: 'purchase', itemId: 'a', occurredAt: noon, receivedAt: noon };
  const sources = await createSources([{ ...anonymous, sessionId: 's1' }]);
  const store = await openRebuildable();
  await rebuildProfiles(store, sources, rules);
  const identify = { ...anonymous, eventId: 'e2', type: 'identify', occurredAt: noon + 1, receivedAt: Date.now() };
  await store.apply(changesOf({ ...identify, userId: 'ben', sessionId: 's1' }, rules.isPositive));
  expect((await store.read('ben'))?.events).toEqual([
    { eventId: 'e1', type: 'purchase', itemId: 'a', occurredAt: noon },
  ]);
  expect(await store.read('session:s1')).toBeUndefined();
});

/** Ways to build a store from the lake and the catalog: to fill an empty one, or to rebuild one in Redis. */
function buildsOf(open: (typeof stores)[number][1]): ((sources: ProfileSources) => Promise<ProfileStore>)[] {
  return [
    async (sources) => {
      const store = await open();
      await fillProfiles(store, sources, rules);
      return store;
    },
    async (sources) => {
      const store = await openRebuildable();
      await rebuildProfiles(store, sources, rules);
      return store;
    },
  ];
}

describe.each(stores)('profiles from the lake: %s', (_, open) => {
  it('lost by a store are restored from the time of the loss on', async () => {
    const event = (eventId: string, receivedAt: number): Event => ({
      ...{ eventId, type: 'purchase', userId: 'ben', itemId: eventId, occurredAt: receivedAt, receivedAt },
    });
    const sources = await createSources([event('old', noon), event('new', noon + 1_000)]);
    const store = await open();
    await store.apply([chosen({ userId: 'cleo' }, 'kept', 0)]);
    await fillProfiles(store, sources, rules, { receivedFrom: noon + 1 });
    expect((await store.read('ben'))?.events.map(({ eventId }) => eventId)).toEqual(['new']);
    expect(await store.read('cleo')).toBeDefined();
  });

  it('keep the newest attributes, whether these are in the catalog or arrive after the fill', async () => {
    const sources = await createSources([]);
    const aged = (age: number, receivedAt: number) =>
      [{ kind: 'attributes', userId: 'ben', attributes: { age }, receivedAt }] as const;
    await changeRecords(
      'users',
      sources.catalogFolder,
      new Map([['ben', { userId: 'ben', attributes: { age: 2 } }]]),
      noon,
    );
    for (const build of buildsOf(open)) {
      const store = await build(sources);
      await store.apply(aged(1, noon - 1));
      expect((await store.read('ben'))?.attributes).toEqual({ age: 2 });
      await store.apply(aged(3, noon + 1));
      expect((await store.read('ben'))?.attributes).toEqual({ age: 3 });
    }
  });

  it('keep no attributes of a removed user when an older version arrives after the fill', async () => {
    const sources = await createSources([]);
    await changeRecords(
      'users',
      sources.catalogFolder,
      new Map([['ben', { userId: 'ben', attributes: { age: 1 } }]]),
      noon,
    );
    await changeRecords('users', sources.catalogFolder, new Map([['ben', undefined]]), noon + 20);
    for (const build of buildsOf(open)) {
      const store = await build(sources);
      await store.apply([{ kind: 'attributes', userId: 'ben', attributes: { age: 2 }, receivedAt: noon + 10 }]);
      expect(await store.read('ben')).toBeUndefined();
    }
  });

  it('of a user with tens of thousands of events are applied in portions', { tags: 'full' }, async () => {
    const events = Array.from({ length: 25_000 }, (_, n): Event => ({
      ...{ eventId: `e${n}`, type: 'purchase', userId: 'ada', itemId: `i${n}`, occurredAt: noon + n, receivedAt: noon },
    }));
    const sources = await createSources(events);
    const store = await open();
    const sizes: number[] = [];
    const apply: ProfileStore['apply'] = async (changes) => {
      sizes.push(changes.length);
      await store.apply(changes);
    };
    await fillProfiles({ ...store, apply }, sources, rules);
    expect(Math.max(...sizes)).toBeLessThan(20_001);
    const profile = await store.read('ada');
    expect(profile?.events.at(-1)?.itemId).toBe('i24999');
    expect(profile?.attributes).toEqual({ age: 'young' });
  });

  it('are empty before any event has been collected', async () => {
    const nowhere = { lakeFolder: join(tmpdir(), 'facet-no-lake'), catalogFolder: join(tmpdir(), 'facet-no-catalog') };
    const store = await open();
    await fillProfiles(store, nowhere, rules);
    expect(await store.size()).toBe(0);
    const rebuilt = await openRebuildable();
    expect(await rebuildProfiles(rebuilt, nowhere, rules)).toEqual({ replaced: 0, removed: 0 });
    expect(await rebuilt.size()).toBe(0);
  });
});
