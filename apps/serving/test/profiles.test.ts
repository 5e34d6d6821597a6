import { join } from 'node:path';
import { readLake } from '@facet/lake';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import { createLogger } from '@facet/platform';
import { readRequester } from '@facet/recommendations';
import type { Requester } from '@facet/recommendations';
import { expect, it } from 'vitest';
import { LiveBundle } from '../src/bundle/live-bundle.ts';
import type { Loaded } from '../src/bundle/live-bundle.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { homeOfFile, now, openLive } from './fixtures.ts';
import type { Home } from './fixtures.ts';

const deps = { metrics: createMetrics(), logger: createLogger({ name: 'test', level: 'silent' }) };

const home = await homeOfFile();

const readUser = ({ bundle, profiles }: Loaded, fields: { readonly userId?: string }): Promise<Requester> =>
  readRequester(fields, { bundle, readProfile: profiles.read, now });

async function withLoaded(folders: Partial<Home>, work: (loaded: Loaded) => Promise<void>): Promise<void> {
  const live = new LiveBundle();
  const opened = await openLive({ ...home, ...folders }, { live, ...deps });
  try {
    await work(live.require());
  } finally {
    await opened.close();
  }
}

it.each(['keep', 'first'] as const)('reads the behaviors of training, repeats: %s', async (repeats) => {
  await withLoaded({}, async ({ bundle, ...rest }) => {
    const interactions = { ...bundle.info.interactions, repeats, tieSeed: 5 };
    const loaded = { ...rest, bundle: { ...bundle, info: { ...bundle.info, interactions } } };
    const trained = selectInteractions(await readLake(home.lakeFolder), {
      isPositive: parsePositiveRule('rating >= 4'),
      repeats,
      tieSeed: 5,
    }).interactions;
    const userIds = new Set(trained.map(({ userId }) => userId));
    expect(userIds.size).toBe(22);
    for (const userId of userIds) {
      const expected = trained.filter((interaction) => interaction.userId === userId);
      const { behaviors } = await readUser(loaded, { userId });
      expect(behaviors).toEqual(expected.map(({ itemId, occurredAt }) => ({ itemId, occurredAt })));
    }
  });
});

it('reads attributes, also without positive events', async () => {
  await withLoaded({}, async (loaded) => {
    expect(loaded.profiles.count).toBe(23);
    expect(await readUser(loaded, { userId: 'ada' })).toMatchObject({ attributes: { age: 'young' } });
    expect(await readUser(loaded, { userId: 'other-1' })).toMatchObject({ attributes: {} });
    expect(await readUser(loaded, { userId: 'registered-only' })).toEqual({
      userId: 'registered-only',
      now,
      behaviors: [],
      events: [],
      attributes: { age: 'old' },
      isUnknown: false,
      isProfileMissing: false,
    });
    for (const userId of ['stranger', 'constructor']) {
      expect(await readUser(loaded, { userId })).toMatchObject({ behaviors: [], isUnknown: true });
    }
    expect(await readUser(loaded, {})).toMatchObject({ isUnknown: false, isProfileMissing: false });
  });
});

it('treats every user as unknown before the first event', async () => {
  const nowhere = { lakeFolder: join(home.folder, 'no-lake'), catalogFolder: join(home.folder, 'no-catalog') };
  await withLoaded(nowhere, async (loaded) => {
    expect(loaded.profiles.count).toBe(0);
    expect(await readUser(loaded, { userId: 'ada' })).toMatchObject({ isUnknown: true });
  });
});
