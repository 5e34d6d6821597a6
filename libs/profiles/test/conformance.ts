import { describe, expect, it } from 'vitest';
import type { ProfileChange, ProfileStore, RedisProfileStore } from '../src/index.ts';
import { chosen, identified, noon } from './changes.ts';
import type { OpenStore } from './stores.ts';
import type { OwnedChanges } from '../src/profile/profile-store.ts';

const ada = { userId: 'ada' };
const visit = { sessionId: 'visit' };

export async function itemsOf(store: ProfileStore, userId: string): Promise<string[] | undefined> {
  return (await store.read(userId))?.events.map(({ itemId }) => itemId);
}

async function* stream(owners: readonly OwnedChanges[]): AsyncGenerator<OwnedChanges> {
  yield* owners;
}

/** Behavior that every profile store must have. */
export function describeProfileStore(name: string, open: OpenStore): void {
  describe(`${name}: what is stored of a user`, () => {
    it('contains the interactions, oldest to newest, and the attributes', async () => {
      const store = await open();
      await store.apply([
        chosen(ada, 'b', 2, { value: 4.5 }),
        { kind: 'attributes', userId: 'ada', attributes: { age: 'young', likes: ['ä', '"'] }, receivedAt: noon },
        chosen(ada, 'a', 1),
      ]);
      expect(await store.read('ada')).toEqual({
        events: [
          { eventId: 'a-1', type: 'purchase', itemId: 'a', occurredAt: noon + 60_000 },
          { eventId: 'b-2', type: 'purchase', itemId: 'b', occurredAt: noon + 120_000, value: 4.5 },
        ],
        attributes: { age: 'young', likes: ['ä', '"'] },
      });
      expect(await store.size()).toBe(1);
    });

    it('is undefined for an unknown user', async () => {
      const store = await open();
      for (const userId of ['eve', 'constructor', '', 'session:none', '\ud800']) {
        expect(await store.read(userId)).toBeUndefined();
      }
      await store.apply([]);
      expect(await store.size()).toBe(0);
    });

    it('is kept apart for unusual ids', async () => {
      const store = await open();
      const ids = ['a', 'a}', '{a}', '}', '%7D', 'a:events', 'a*', 'ä', '𐀀', '\n"\\', 'x'.repeat(256)];
      await store.apply(ids.map((userId) => chosen({ userId }, `of ${userId}`, 1, { eventId: userId })));
      await store.apply(ids.map((sessionId) => chosen({ sessionId }, `in ${sessionId}`, 1, { eventId: sessionId })));
      for (const id of ids) {
        expect(await itemsOf(store, id)).toEqual([`of ${id}`]);
        expect(await itemsOf(store, `session:${id}`)).toEqual([`in ${id}`]);
      }
      expect(await store.size()).toBe(ids.length);
      const { userIds, isComplete } = await store.listUserIds(100_000);
      expect(userIds.toSorted()).toEqual(ids.toSorted());
      expect(isComplete).toBe(true);
    });

    it('contains the newest eventsMax events by time, then eventId', async () => {
      const store = await open({ eventsMax: 3 });
      await store.apply([4, 2, 5].map((minute) => chosen(ada, 'x', minute)));
      await store.apply([chosen(ada, 'late', 1), chosen(ada, 'same', 4, { eventId: 'a' })]);
      await store.apply([chosen(ada, 'same', 4, { eventId: 'z' })]);
      expect((await store.read('ada'))!.events.map(({ eventId }) => eventId)).toEqual(['x-4', 'z', 'x-5']);
    });

    it('counts an event once that was sent twice', async () => {
      const store = await open();
      const event = chosen(ada, 'a', 1);
      await store.apply([event, event]);
      await store.apply([event, chosen(ada, 'a', 1, { receivedAt: noon + 3_600_000 })]);
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
    });

    it('stores thousands of events of one user in one batch', async () => {
      const store = await open({ eventsMax: 500 });
      await store.apply(Array.from({ length: 9_000 }, (_, minute) => chosen(ada, `item-${minute}`, minute)));
      const items = await itemsOf(store, 'ada');
      expect(items).toHaveLength(500);
      expect(items!.at(-1)).toBe('item-8999');
    });

    it('has the attributes received last', async () => {
      const store = await open();
      const attributes = (age: string | null, receivedAt: number): ProfileChange => ({
        kind: 'attributes',
        userId: 'ada',
        attributes: age === null ? null : { age },
        receivedAt,
      });
      await store.apply([attributes('new', 20)]);
      await store.apply([attributes('old', 10)]);
      expect((await store.read('ada'))!.attributes).toEqual({ age: 'new' });
      await store.apply([attributes('last of its moment', 20)]);
      expect((await store.read('ada'))!.attributes).toEqual({ age: 'last of its moment' });
      await store.apply([attributes(null, 30)]);
      await store.apply([attributes('old', 10)]);
      expect(await store.read('ada')).toBeUndefined();
    });
  });

  describe(`${name}: an anonymous session`, () => {
    it('has its own profile until a user is identified', async () => {
      const store = await open();
      await store.apply([chosen(visit, 'a', 1)]);
      expect(await itemsOf(store, 'session:visit')).toEqual(['a']);
      await store.apply([identified('ada', 'visit', 2)]);
      expect(await store.read('session:visit')).toBeUndefined();
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
    });

    it("belongs to its user after the identify, among the user's own events", async () => {
      const store = await open();
      await store.apply([identified('ada', 'visit', 2), chosen(ada, 'own', 3)]);
      await store.apply([chosen(visit, 'after', 4), chosen(visit, 'before', 1)]);
      expect(await itemsOf(store, 'ada')).toEqual(['before', 'own', 'after']);
    });

    it('identified by two users shows each only their own events', async () => {
      const store = await open();
      await store.apply([
        chosen(visit, 'a', 1),
        chosen(visit, 'b', 3),
        chosen(visit, 'c', 5),
        identified('ada', 'visit', 2),
      ]);
      expect(await itemsOf(store, 'ada')).toEqual(['a', 'b', 'c']);
      await store.apply([identified('ben', 'visit', 4)]);
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
      expect(await itemsOf(store, 'ben')).toEqual(['b', 'c']);
      // Of two identifies at one time, the one received last counts.
      await store.apply([identified('cleo', 'visit', 4, noon + 3_600_000)]);
      expect(await store.read('ben')).toBeUndefined();
      expect(await itemsOf(store, 'cleo')).toEqual(['b', 'c']);
    });

    it('belongs to the identified user at the time of an identify', async () => {
      const store = await open();
      await store.apply([chosen(visit, 'a', 2), identified('ada', 'visit', 2), identified('ben', 'visit', 4)]);
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
      expect(await store.read('ben')).toBeUndefined();
    });

    it('contributes its events to the newest of its user', async () => {
      const store = await open({ eventsMax: 2 });
      await store.apply([chosen(ada, 'own', 1), chosen(visit, 'b', 2), chosen(visit, 'c', 3)]);
      await store.apply([identified('ada', 'visit', 4)]);
      expect(await itemsOf(store, 'ada')).toEqual(['b', 'c']);
    });
  });

  describe(`${name}: erasure`, () => {
    it('removes what was received until then, and refuses it afterwards', async () => {
      const store = await open();
      const before = [
        chosen(ada, 'own', 1),
        chosen(visit, 'anonymous', 1),
        identified('ada', 'visit', 2),
        { kind: 'attributes', userId: 'ada', attributes: { age: 'young' }, receivedAt: noon },
      ] as const;
      await store.apply(before);
      await store.apply([{ kind: 'erase', userId: 'ada', before: noon + 600_000 }]);
      expect(await store.read('ada')).toBeUndefined();
      expect(await store.read('session:visit')).toBeUndefined();
      await store.apply(before);
      expect(await store.read('ada')).toBeUndefined();
      expect(await store.read('session:visit')).toBeUndefined();
    });

    it('keeps what is received later, and other users', async () => {
      const store = await open({ eventsMax: 2 });
      const erasedAt = noon + 600_000;
      await store.apply([chosen(ada, 'a', 8), chosen(ada, 'b', 9), chosen({ userId: 'ben' }, 'c', 1)]);
      await store.apply([{ kind: 'erase', userId: 'ada', before: erasedAt }]);
      // Late events too: erased events do not displace them.
      await store.apply([
        chosen(ada, 'a', 8),
        chosen(ada, 'b', 9),
        chosen(ada, 'late', 1, { receivedAt: erasedAt + 1 }),
        { kind: 'attributes', userId: 'ada', attributes: { age: 'old' }, receivedAt: erasedAt + 1 },
      ]);
      expect(await itemsOf(store, 'ada')).toEqual(['late']);
      expect((await store.read('ada'))!.attributes).toEqual({ age: 'old' });
      expect(await itemsOf(store, 'ben')).toEqual(['c']);
    });

    it('of one of two users in a session keeps the events of the other', async () => {
      const store = await open();
      await store.apply([
        chosen(visit, 'a', 1),
        chosen(visit, 'b', 3),
        identified('ada', 'visit', 2),
        identified('ben', 'visit', 4),
      ]);
      await store.apply([{ kind: 'erase', userId: 'ada', before: noon + 600_000 }]);
      expect(await store.read('ada')).toBeUndefined();
      expect(await itemsOf(store, 'ben')).toEqual(['b']);
    });

    it('also erases identifies: later events of the session have no user until the next identify', async () => {
      const store = await open();
      const erasedAt = noon + 600_000;
      await store.apply([identified('ada', 'visit', 2)]);
      await store.apply([{ kind: 'erase', userId: 'ada', before: erasedAt }]);
      await store.apply([chosen(visit, 'a', 11)]);
      expect(await store.read('ada')).toBeUndefined();
      await store.apply([identified('ada', 'visit', 12)]);
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
    });
  });

  it(`${name}: clear removes everything, also marks of erasure`, async () => {
    const store = await open();
    await store.apply([
      chosen(ada, 'a', 1),
      chosen(visit, 'b', 1),
      { kind: 'erase', userId: 'ben', before: noon + 600_000 },
    ]);
    await store.clear();
    expect(await store.size()).toBe(0);
    expect(await store.read('session:visit')).toBeUndefined();
    await store.apply([chosen({ userId: 'ben' }, 'c', 1)]);
    expect(await itemsOf(store, 'ben')).toEqual(['c']);
  });
}

/** Behavior of each Redis store. */
export function describeRebuild(name: string, open: () => Promise<RedisProfileStore>): void {
  describe(`${name}: rebuild`, () => {
    const cut = noon + 600_000;
    const owner = (id: string, ...changes: ProfileChange[]): OwnedChanges => ({ owner: id, changes });

    it('replaces what was received before, and removes users without content', async () => {
      const store = await open();
      await store.apply([
        chosen(ada, 'wrong', 1),
        { kind: 'attributes', userId: 'ada', attributes: { age: 'wrong' }, receivedAt: noon },
        chosen({ userId: 'gone' }, 'x', 1),
        { kind: 'attributes', userId: 'gone', attributes: { age: 'x' }, receivedAt: noon },
        chosen({ sessionId: 'gone' }, 'x', 1),
        chosen(visit, 'wrong', 1),
        identified('ben', 'visit', 2),
      ]);
      const identify = identified('ada', 'visit', 2);
      const result = await store.rebuild(
        stream([
          owner('ada', chosen(ada, 'right', 3), identify),
          owner('session:visit', chosen(visit, 'anonymous', 1), identify),
        ]),
        { receivedBefore: cut },
      );
      expect(result).toEqual({ replaced: 2, removed: 3 });
      expect(await itemsOf(store, 'ada')).toEqual(['anonymous', 'right']);
      expect((await store.read('ada'))!.attributes).toEqual({});
      for (const userId of ['gone', 'ben', 'session:gone', 'session:visit']) {
        expect(await store.read(userId)).toBeUndefined();
      }
      expect(await store.size()).toBe(1);
    });

    it('keeps what was received since, and erasure marks', async () => {
      const store = await open();
      await store.apply([
        { kind: 'erase', userId: 'ben', before: noon + 300_000 },
        chosen(ada, 'old', 1),
        chosen(ada, 'since', 11),
        { kind: 'attributes', userId: 'ada', attributes: { age: 'since' }, receivedAt: cut },
        chosen(visit, 'since', 11),
        identified('cleo', 'visit', 12),
      ]);
      await store.apply([identified('cleo', 'visit', 2)]);
      await store.rebuild(stream([owner('ada', chosen(ada, 'new', 2))]), { receivedBefore: cut });
      expect(await itemsOf(store, 'ada')).toEqual(['new', 'since']);
      expect((await store.read('ada'))!.attributes).toEqual({ age: 'since' });
      expect(await itemsOf(store, 'cleo')).toEqual(['since']);
      await store.apply([chosen({ userId: 'ben' }, 'erased', 1)]);
      expect(await store.read('ben')).toBeUndefined();
    });

    it('can be repeated', async () => {
      const store = await open();
      const owners = [owner('ada', chosen(ada, 'a', 1)), owner('session:visit', chosen(visit, 'b', 1))];
      await store.rebuild(stream(owners), { receivedBefore: cut });
      expect(await store.rebuild(stream(owners), { receivedBefore: cut })).toEqual({ replaced: 2, removed: 0 });
      expect(await itemsOf(store, 'ada')).toEqual(['a']);
      expect(await itemsOf(store, 'session:visit')).toEqual(['b']);
    });
  });
}
