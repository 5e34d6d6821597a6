import { openSmallBundles, asOf } from '@facet/bundles/testing';
import { afterAll, expect, it } from 'vitest';
import { respondWithExampleUsers, respondWithUsers } from '../src/index.ts';

const { bundles, close } = await openSmallBundles();
afterAll(close);

it('a list leaves out users of whom nothing is stored', async () => {
  const directory = {
    bundle: bundles.facet,
    readProfile: async () => ({ profile: undefined, isAvailable: true }),
    listUserIds: async () => ({ userIds: ['erased'], isComplete: true }),
    now: asOf,
  };
  expect(await respondWithUsers({ query: '', limit: 5 }, directory)).toMatchObject({ users: [] });
});

it('a list of users is refused while the profile store does not respond, although the ids are known', async () => {
  const directory = {
    bundle: bundles.facet,
    readProfile: async () => ({ profile: undefined, isAvailable: false }),
    listUserIds: async () => ({ userIds: ['ada', 'ben'], isComplete: true }),
    now: asOf,
  };
  const unreachable = { code: 'PROFILES_UNREACHABLE', retryable: true };
  await expect(respondWithUsers({ query: '', limit: 5 }, directory)).rejects.toMatchObject(unreachable);
  await expect(respondWithUsers({ query: 'ada', limit: 5 }, directory)).rejects.toMatchObject(unreachable);
  await expect(respondWithExampleUsers({ limit: 5 }, directory)).rejects.toMatchObject(unreachable);
});
