import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Bundle } from '@facet/bundles';
import type { SwapMetrics } from '@facet/bundles/guardrails';
import { interestSimilarity } from '@facet/evaluation';
import type { UserInterests } from '@facet/evaluation';
import { inferUser, recommend } from '@facet/recommendations';
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
export async function compareBundles(
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
  let compared = 0;
  let changed = 0;
  for (const itemIds of histories) {
    if (clock() - start >= timeMaxMs) break;
    await yieldToEventLoop();
    const behaviors = itemIds.map((itemId, position): Behavior => ({
      itemId,
      occurredAt: asOf + position,
    }));
    const before = await recommend(previous, { behaviors, limit, explain: false });
    if (before.source.kind !== 'model' || before.items.length === 0) continue;
    const after = await recommend(bundle, { behaviors, limit, explain: false });
    const known = new Set(before.items.map(({ itemId }) => itemId));
    const kept = after.items.filter(({ itemId }) => known.has(itemId)).length;
    compared++;
    changed += 1 - kept / Math.max(before.items.length, after.items.length);
    interests.before.push(inferUser(previous, { behaviors }).interests);
    interests.after.push(inferUser(bundle, { behaviors }).interests);
  }
  return {
    compared,
    changedShare: compared === 0 ? 0 : changed / compared,
    interestCosine: {
      before: interestSimilarity(interests.before, previous.index.dim).meanCosine,
      after: interestSimilarity(interests.after, bundle.index.dim).meanCosine,
    },
  };
}

function listGoldenHistories({ golden, idOf }: Bundle): string[][] {
  return golden.map(({ items }) => items.filter((item) => item > 0).map(idOf));
}
