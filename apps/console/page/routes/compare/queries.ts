import { queryOptions } from '@tanstack/react-query';
import { dataOf, serving, servingQuery } from '../../api/fetch-api.ts';
import { recoverAfter } from '../../api/queries.ts';
import type { Side } from '@facet/client/serving-api';

const followMs = 1_000;
const listLimit = 20;

export const bundlesQuery = servingQuery('/v1/bundles', {}, { refetchInterval: 10_000 });
export const armsQuery = servingQuery('/v1/arms', {}, { staleTime: Infinity });
export const promotionsQuery = servingQuery('/v1/promotions', {});
export const bundleQuery = (bundleId: string) => servingQuery('/v1/bundles/{bundleId}', { path: { bundleId } });

/** The names of the attributes that a merge can compare. */
export const attributesQuery = queryOptions({
  ...servingQuery('/v1/item-map', {}, { staleTime: Infinity }),
  select: ({ attributes }) =>
    attributes.filter(({ type }) => type === 'text' || type === 'list').map(({ name }) => name),
});

/** Recommends items to a user by one side. */
export const previewQuery = (userId: string, { bundleId, arm, merge }: Side) => {
  const body = { userId, limit: listLimit, bundleId, arm, merge };
  return queryOptions({
    queryKey: ['serving', 'preview', body],
    queryFn: ({ signal }) => dataOf(serving.POST('/v1/recommendations:preview', { body, signal })),
  });
};

/** Compares two sides over a sample of users, and asks again until the result is there. */
export const comparisonQuery = (before: Side, after: Side, users: number) =>
  queryOptions({
    queryKey: ['serving', 'sample', before, after, users],
    queryFn: () => dataOf(serving.POST('/v1/comparisons', { body: { before, after, users } })),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? followMs : recoverAfter(state)),
    staleTime: Infinity,
  });

/** Runs the gate, and asks again until it has decided. */
export async function runGate(bundleId: string, onProgress: (share: number) => void): Promise<void> {
  for (;;) {
    const { state, progress } = await dataOf(
      serving.POST('/v1/bundles/{bundleId}/gate', { params: { path: { bundleId } } }),
    );
    if (state !== 'running') return;
    onProgress(progress);
    await new Promise((resolve) => setTimeout(resolve, followMs));
  }
}

export const promote = (bundleId: string, reason: string) =>
  dataOf(serving.POST('/v1/bundles/{bundleId}/promote', { params: { path: { bundleId } }, body: { reason } }));

export const rollBack = (reason: string) => dataOf(serving.POST('/v1/refs/rollback', { body: { reason } }));
