import type { Bundle } from '@facet/bundles';
import type { SwapMetrics } from '@facet/bundles/guardrails';
import { interestSimilarity } from '@facet/evaluation';
import type { UserInterests } from '@facet/evaluation';
import { compareBundles, inferUser, recommend } from '@facet/recommendations';
import type { Behavior } from '@facet/recommendations';
import type { RecentRequest } from '../bundle/recent-requests.ts';

/** Length of the compared lists, as in the gate. */
const limit = 50;
/** Longer comparisons end early: they share the processor with requests. */
const timeMaxMs = 2_000;

/**
 * Sends the same requests to a bundle and to its successor: recent ones, and the golden users of the previous bundle. Sends one request
 * at a time, while the new bundle serves. Requests without interests in the previous bundle do not count.
 */
export async function measureSwap(
  previous: Bundle,
  bundle: Bundle,
  recent: readonly RecentRequest[],
  clock: () => number = () => performance.now(),
): Promise<SwapMetrics> {
  const start = clock();
  const histories = [...listGoldenHistories(previous), ...recent.map(({ itemIds }) => itemIds)];
  const interests: { readonly before: UserInterests[]; readonly after: UserInterests[] } = { before: [], after: [] };
  // Both bundles must see behaviors of the same age.
  const asOf = Math.max(previous.info.asOf, bundle.info.asOf);
  const requests = histories.map((itemIds) =>
    itemIds.map((itemId, position): Behavior => ({ itemId, occurredAt: asOf + position })),
  );
  const { compared, overlap } = await compareBundles(previous, bundle, requests, {
    isOver: () => clock() - start >= timeMaxMs,
    async respond(of, behaviors, side) {
      const result = await recommend(of, { behaviors, limit, explain: false });
      const isComparable = result.source.kind === 'model' && result.items.length > 0;
      return side === 'after' || isComparable ? result : undefined;
    },
    onCompared({ request: behaviors }) {
      interests.before.push(inferUser(previous, { behaviors }).interests);
      interests.after.push(inferUser(bundle, { behaviors }).interests);
    },
  });
  return {
    compared,
    changedShare: 1 - overlap,
    interestCosine: {
      before: interestSimilarity(interests.before, previous.index.dim).meanCosine,
      after: interestSimilarity(interests.after, bundle.index.dim).meanCosine,
    },
  };
}

function listGoldenHistories({ golden, idOf }: Bundle): string[][] {
  return golden.map(({ items }) => items.filter((item) => item > 0).map(idOf));
}
