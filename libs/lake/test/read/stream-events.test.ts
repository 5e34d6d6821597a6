import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { dayMs } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { makeEvent, noon, temporaryFolder } from '@facet/testing';
import { streamOutcomes } from '../../src/index.ts';
import type { Outcome } from '../../src/index.ts';
import { writeLake } from '../write-lake.ts';

async function lakeOf(events: readonly Event[], erasedUsers: readonly string[] = []): Promise<string> {
  const lake = await temporaryFolder();
  const fields = { sessionHashes: [], requestedAt: noon + 2 * dayMs, requestedBy: 'test' };
  const erasures = erasedUsers.map((userId) => ({ ...fields, erasureId: randomUUID(), userHash: hashUser(userId) }));
  await writeLake(lake, events, { erasures });
  return lake;
}

async function outcomesOf(...args: Parameters<typeof streamOutcomes>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const chunk of streamOutcomes(...args)) outcomes.push(...chunk);
  return outcomes.sort((a, b) => (a.itemId < b.itemId ? -1 : 1));
}

const click = (itemId: string, fields: Partial<Event> = {}): Event =>
  makeEvent({ eventId: `click-${itemId}`, type: 'click', itemId, recommendationId: 'r', ...fields });

it('streams each event of the types with a recommendation, once', async () => {
  const lake = await lakeOf([
    click('a'),
    click('a', { receivedAt: noon + 5_000, recommendationId: 'sent again' }),
    click('b', { type: 'purchase', occurredAt: noon + dayMs }),
    click('of-another-type', { type: 'view' }),
    makeEvent({ eventId: 'of no recommendation', type: 'click' }),
    click('too-early', { occurredAt: noon - 1 }),
    click('too-late', { occurredAt: noon + 2 * dayMs }),
  ]);
  const window = { occurredFrom: noon, occurredBefore: noon + 2 * dayMs };
  expect(await outcomesOf(lake, { ...window, types: ['click', 'purchase'] })).toEqual([
    { recommendationId: 'r', itemId: 'a', type: 'click', occurredAt: noon },
    { recommendationId: 'r', itemId: 'b', type: 'purchase', occurredAt: noon + dayMs },
  ]);
  expect(await outcomesOf(lake, { types: [] })).toEqual([]);
  expect(await outcomesOf(await temporaryFolder(), { types: ['click'] })).toEqual([]);
});

it('leaves out erased events, also of the sessions of the user', async () => {
  const lake = await lakeOf(
    [
      click('a', { userId: 'ada' }),
      click('b', { userId: 'bob' }),
      withoutUser(click('c', { sessionId: 's' })),
      makeEvent({ eventId: 'identify', type: 'identify', userId: 'ada', sessionId: 's', occurredAt: noon + 1 }),
      withoutUser(click('d', { sessionId: 'other' })),
    ],
    ['ada'],
  );
  expect((await outcomesOf(lake, { types: ['click'] })).map(({ itemId }) => itemId)).toEqual(['b', 'd']);
});

function withoutUser(event: Event): Event {
  return Object.fromEntries(Object.entries(event).filter(([field]) => field !== 'userId')) as unknown as Event;
}
