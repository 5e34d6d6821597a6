import { expect, it } from 'vitest';
import { describeProfileStore } from './conformance.ts';
import { openMemory } from './stores.ts';

describeProfileStore('memory', openMemory);

it('does not list a user whose attributes were removed', async () => {
  const store = await openMemory();
  const removed = { kind: 'attributes', userId: 'ada', attributes: null, receivedAt: 1 } as const;
  await store.apply([removed]);
  expect(await store.listUserIds(10)).toMatchObject({ userIds: [] });
  expect(await store.size()).toBe(0);
});
