import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Bundle, BundleView } from '@facet/bundles';
import { recommend } from '@facet/recommendations';
import type { RecentRequest } from './recent-requests.ts';

export interface Warming {
  readonly requests: number;
  readonly rounds: number;
  /** Mean of a request, in the first and in the last round. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A swap waits for it. */
const timeMaxMs = 2_000;
const roundsMax = 10;
/** A round that is not faster than the one before by more than this shows that times have settled. */
const gainMin = 0.1;
/** Of what users of the bundle chose when it was built, where too few requests have been recorded. */
const requestsMin = 16;

/**
 * Asks a bundle the last requests of others before it answers anybody, round after round until they get no faster: pages of
 * mapped files come into memory, and what is made at first use is made. One at a time, beside the requests that the
 * former bundle answers.
 *
 * @param bundle whose golden users are asked for where there are too few requests.
 */
export async function warm(
  view: BundleView,
  bundle: Bundle,
  recent: readonly RecentRequest[],
  clock: () => number = () => performance.now(),
): Promise<Warming> {
  const requests = recent.length >= requestsMin ? recent : [...recent, ...requestsOfGoldenUsers(bundle)];
  const start = clock();
  const means: number[] = [];
  if (requests.length === 0) return { requests: 0, rounds: 0, firstMs: 0, lastMs: 0 };
  while (means.length < roundsMax && clock() - start < timeMaxMs) {
    const before = clock();
    let asked = 0;
    for (const request of requests) {
      if (asked > 0 && clock() - start >= timeMaxMs) break;
      await ask(view, request);
      asked++;
      await yieldToEventLoop();
    }
    means.push((clock() - before) / asked);
    if (means.length > 1 && means.at(-1)! > (1 - gainMin) * means.at(-2)!) break;
  }
  return { requests: requests.length, rounds: means.length, firstMs: means[0]!, lastMs: means.at(-1)! };
}

async function ask(view: BundleView, { itemIds, limit }: RecentRequest): Promise<void> {
  const { asOf } = view.info;
  const behaviors = itemIds.map((itemId, position) => ({ itemId, occurredAt: asOf + position }));
  await recommend(view, { behaviors, limit });
}

function requestsOfGoldenUsers({ golden, idOf }: Bundle): RecentRequest[] {
  return golden
    .slice(0, requestsMin)
    .map(({ items }) => ({ itemIds: items.filter((item) => item > 0).map(idOf), limit: 100 }));
}
