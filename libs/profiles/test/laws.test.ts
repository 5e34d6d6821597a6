import { startRedis } from '@facet/local-services';
import fc from 'fast-check';
import { forFile } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import type { ProfileChange, ProfileStore, UserProfile } from '../src/index.ts';
import { openMemory, openRedis } from './stores.ts';
import type { OpenStore } from './stores.ts';

const redis = forFile(await startRedis());

const users = ['ada', 'ben', 'cleo'];
const sessions = ['s1', 's2'];
/** Of today, because an erasure leaves no mark in Redis if it is older than `ttlDays`. */
const today = new Date().setUTCHours(0, 0, 0, 0);
const time = fc.integer({ min: today, max: today + 6 });
const everybody = [...users, ...sessions.map((sessionId) => `session:${sessionId}`)];

/** Few ids and times, so that changes interact. */
const event = fc.record({
  eventId: fc.constantFrom('e1', 'e2', '\u{ffe0}', '\u{10000}', '"'),
  type: fc.constantFrom('click', 'purchase'),
  itemId: fc.constantFrom('a', 'b'),
  occurredAt: time,
});
const eventChange = fc
  .tuple(
    fc.oneof(fc.record({ userId: fc.constantFrom(...users) }), fc.record({ sessionId: fc.constantFrom(...sessions) })),
    time,
    event,
  )
  .map(([who, receivedAt, positive]): ProfileChange => ({ kind: 'event', ...who, receivedAt, event: positive }));
const identify = fc
  .record({
    userId: fc.constantFrom(...users),
    sessionId: fc.constantFrom(...sessions),
    occurredAt: time,
    receivedAt: time,
  })
  .map((fields): ProfileChange => ({ kind: 'identify', ...fields }));
/** Of equal receivedAt the last applied wins, so the law holds only for different ones. */
const attributes = time.chain((receivedAt) =>
  fc.constantFrom(...users).map((userId): ProfileChange => ({
    kind: 'attributes',
    userId,
    attributes: receivedAt === today + 3 ? null : { at: receivedAt },
    receivedAt,
  })),
);
const erase = fc
  .record({ userId: fc.constantFrom(...users), before: time })
  .map((fields): ProfileChange => ({ kind: 'erase', ...fields }));
/** One user per session: erasing one of two users depends on what is known at that time. */
const ownIdentify = identify.map((change) =>
  change.kind === 'identify' ? { ...change, userId: change.sessionId === 's1' ? 'ada' : 'ben' } : change,
);

/** Returns the same changes twice: in order, and shuffled with repetitions in batches. */
function arrangements(change: fc.Arbitrary<ProfileChange>) {
  return fc.array(change, { maxLength: 25 }).chain((changes) =>
    fc.record({
      changes: fc.constant(changes),
      shuffled: fc.array(fc.nat({ max: Math.max(0, changes.length - 1) }), { maxLength: 10 }).chain((again) =>
        fc.shuffledSubarray([...changes, ...again.flatMap((position) => changes[position] ?? [])], {
          minLength: changes.length === 0 ? 0 : changes.length + again.length,
        }),
      ),
      cuts: fc.array(fc.nat({ max: 35 }), { maxLength: 5 }),
    }),
  );
}

async function profilesOf(store: ProfileStore): Promise<Record<string, UserProfile | undefined>> {
  return Object.fromEntries(
    await Promise.all(everybody.map(async (userId) => [userId, await store.read(userId)] as const)),
  );
}

async function applyInBatches(store: ProfileStore, changes: readonly ProfileChange[], cuts: readonly number[]) {
  let start = 0;
  for (const end of [...cuts.toSorted((a, b) => a - b), changes.length]) {
    await store.apply(changes.slice(start, end));
    start = Math.max(start, end);
  }
}

const openFreshRedis: OpenStore = (options) => openRedis({ url: redis.url, ...options });

describe.each([
  ['without erasure, for any bound', fc.oneof(eventChange, eventChange, identify, attributes), 3],
  ['with erasure', fc.oneof(eventChange, eventChange, ownIdentify, attributes, erase), 100],
] as const)('a profile follows from the set of its changes: %s', (_, change, eventsMax) => {
  it.each([
    ['memory', openMemory, 1_000],
    ['Redis', openFreshRedis, 100],
  ] as const)('in any order, repeated, in any batches: %s', async (_name, open, numRuns) => {
    await fc.assert(
      fc.asyncProperty(arrangements(change), async ({ changes, shuffled, cuts }) => {
        const [once, again] = await Promise.all([open({ eventsMax }), open({ eventsMax })]);
        await once.apply(changes);
        await applyInBatches(again, shuffled, cuts);
        expect(await profilesOf(again)).toEqual(await profilesOf(once));
        await Promise.all([once.close(), again.close()]);
      }),
      { numRuns },
    );
  });

  it('memory and Redis agree', async () => {
    await fc.assert(
      fc.asyncProperty(arrangements(change), async ({ shuffled, cuts }) => {
        const [memory, stored] = await Promise.all([openMemory({ eventsMax }), openFreshRedis({ eventsMax })]);
        await applyInBatches(memory, shuffled, cuts);
        await applyInBatches(stored, shuffled, cuts);
        expect(await profilesOf(stored)).toEqual(await profilesOf(memory));
        await stored.close();
      }),
      { numRuns: 150 },
    );
  });
});
