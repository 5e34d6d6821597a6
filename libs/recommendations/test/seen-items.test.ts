import { asOf, itemCount, openSmallBundles } from '@facet/bundles/testing';
import { dayMs } from '@facet/platform';
import { Value } from 'typebox/value';
import { afterAll, expect, it } from 'vitest';
import { respondWithRecommendations, RecommendationsRequest } from '../src/index.ts';
import type { RecommendationsResponse } from '../src/index.ts';

const {
  bundles: { facet: bundle },
  close,
} = await openSmallBundles();
afterAll(close);

/** @param bundleDays the age of the bundle's data at the time of the request. */
const ask = async (request: RecommendationsRequest, bundleDays: number): Promise<RecommendationsResponse> =>
  respondWithRecommendations(
    { limit: itemCount, ...request },
    {
      bundle,
      readProfile: async () => ({ profile: undefined, isAvailable: true }),
      settings: { merge: { by: 'max' }, excludeSeen: true, filters: {} },
      recommendationId: 'id',
      now: asOf + bundleDays * dayMs,
    },
  );
const idsOf = ({ items }: RecommendationsResponse): string[] => items.map(({ itemId }) => itemId);

it('counts a behavior without a time as seen within any number of days, however old the bundle is', async () => {
  const excludeSeen = { withinDays: 1 };
  const justNow = await ask({ behaviors: ['item1', { itemId: 'item2' }], excludeSeen }, 200);
  expect(justNow.removed.seen).toBe(2);
  for (const itemId of ['item1', 'item2']) expect(idsOf(justNow)).not.toContain(itemId);
  const old = { itemId: 'item3', occurredAt: asOf + 198 * dayMs };
  const mixed = await ask({ behaviors: ['item1', old, 'item2'], excludeSeen }, 200);
  expect(mixed.removed.seen).toBe(2);
  expect(idsOf(mixed)).toContain('item3');
});

it('gives the model no clock', async () => {
  const request = { behaviors: ['item1', { itemId: 'item2', type: 'purchase' }, 'item30'], explain: true };
  expect(await ask(request, 400)).toEqual(await ask(request, 0));
});

it('refuses a rule with an unknown field', () => {
  const isRequest = (excludeSeen: unknown): boolean => Value.Check(RecommendationsRequest, { excludeSeen });
  expect(isRequest({ types: ['purchase'], withinDays: 90 })).toBe(true);
  expect(isRequest({ type: ['purchase'] })).toBe(false);
  expect(isRequest({ types: ['purchase'], days: 90 })).toBe(false);
});
