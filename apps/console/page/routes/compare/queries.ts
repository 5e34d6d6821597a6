import { queryOptions } from '@tanstack/react-query';
import { apiQuery, dataOf, serving } from '../../api/fetch-api.ts';
import { recoverAfter } from '../../api/queries.ts';
import type { Side } from '@facet/client/serving-api';

const followMs = 1_000;
const listLimit = 20;

export const bundlesQuery = apiQuery(['compare', 'bundles'], (signal) => serving.GET('/v1/bundles', { signal }), {
  refetchInterval: 10_000,
});

export const armsQuery = apiQuery(['compare', 'arms'], (signal) => serving.GET('/v1/arms', { signal }), {
  staleTime: Number.POSITIVE_INFINITY,
});

export const promotionsQuery = apiQuery(['compare', 'promotions'], (signal) =>
  serving.GET('/v1/promotions', { signal }),
);

export const bundleQuery = (bundleId: string) =>
  apiQuery(['compare', 'bundle', bundleId], (signal) =>
    serving.GET('/v1/bundles/{bundleId}', { params: { path: { bundleId } }, signal }),
  );

export const attributesQuery = queryOptions({
  queryKey: ['compare', 'attributes'],
  queryFn: async () => {
    const { attributes } = await dataOf(serving.GET('/v1/item-map'));
    return attributes.filter(({ type }) => type === 'text' || type === 'list').map(({ name }) => name);
  },
  staleTime: Number.POSITIVE_INFINITY,
});

/** Recommends items to a user by one side. */
export const previewQuery = (userId: string, { bundleId, arm, merge }: Side) => {
  const body = { userId, limit: listLimit, explain: true, bundleId, arm, merge };
  return apiQuery(['compare', 'preview', body], (signal) =>
    serving.POST('/v1/recommendations:preview', { body, signal }),
  );
};

/** Compares two sides over a sample of users, and asks again until the result is there. */
export const comparisonQuery = (before: Side, after: Side, users: number) =>
  queryOptions({
    queryKey: ['compare', 'sample', before, after, users],
    queryFn: () => dataOf(serving.POST('/v1/comparisons', { body: { before, after, users } })),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? followMs : recoverAfter(state)),
    staleTime: Number.POSITIVE_INFINITY,
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
