import { join } from 'node:path';
import { readLake } from '@facet/events';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadMemoryProfileStore } from '../src/profiles/memory-profile-store.ts';
import { createHome } from './fixtures.ts';
import type { Home } from './fixtures.ts';

let home: Home;

beforeAll(async () => {
  home = await createHome();
});

afterAll(async () => {
  await home.remove();
});

it.each(['keep', 'first'] as const)('holds what training reads, repeats: %s', async (repeats) => {
  const settings = { positives: 'rating >= 4', repeats, tieSeed: 5 };
  const store = await loadMemoryProfileStore(home, settings);
  const { interactions } = selectInteractions(await readLake(home.lakeFolder), {
    isPositive: parsePositiveRule(settings.positives),
    repeats,
    tieSeed: 5,
  });
  const userIds = new Set(interactions.map(({ userId }) => userId));
  expect(userIds.size).toBe(22);
  for (const userId of userIds) {
    const expected = interactions.filter((interaction) => interaction.userId === userId);
    const profile = await store.read(userId);
    expect(profile!.behaviors).toEqual(expected.map(({ itemId, occurredAt }) => ({ itemId, occurredAt })));
  }
});

it('knows attributes, also of users without a positive', async () => {
  const store = await loadMemoryProfileStore(home, { positives: 'rating >= 4', repeats: 'keep', tieSeed: 1 });
  expect(store.size).toBe(23);
  expect((await store.read('ada'))!.attributes).toEqual({ age: 'young' });
  expect((await store.read('other-1'))!.attributes).toEqual({});
  expect(await store.read('registered-only')).toEqual({ behaviors: [], attributes: { age: 'old' } });
  expect(await store.read('nobody')).toBeUndefined();
  expect(await store.read('constructor')).toBeUndefined();
});

it('is empty where nothing has been collected yet', async () => {
  const nowhere = { lakeFolder: join(home.folder, 'no-lake'), catalogFolder: join(home.folder, 'no-catalog') };
  expect((await loadMemoryProfileStore(nowhere, { positives: 'purchase', repeats: 'keep', tieSeed: 1 })).size).toBe(0);
});
