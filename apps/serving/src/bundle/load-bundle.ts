import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { AppError, dot } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { recommend, searchParameters } from '@facet/recommendations';
import type { Behavior } from '@facet/recommendations';
import { allItems, countFound } from '@facet/retrieval';
import type { SearchResult, VectorIndex } from '@facet/retrieval';
import type { Peers } from '../processes/peers.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RecentRequest } from './recent-requests.ts';

export interface LoadDeps {
  readonly store: ArtifactStore;
  readonly logger: Pick<Logger, 'info'>;
  /** Requests for warming the bundle; absent: those of its golden users. */
  readonly recent?: { readonly all: readonly RecentRequest[] } | undefined;
  /** Returns the index that searches a loaded bundle. Closing it closes the index of the bundle. Absent: the index of the bundle is searched. */
  readonly openIndex?: ((bundle: Bundle) => VectorIndex) | undefined;
}

/** What a process needs to load bundles in turn with the other processes. */
export interface LoadInTurnDeps extends LoadDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Waits until no other process loads a bundle. Absent: this is the only process. */
  readonly acquireLoadSlot?: Peers['acquireLoadSlot'];
}

/**
 * Loads a bundle, checks its search results, warms it, and opens its index.
 *
 * @throws AppError those of `loadBundle` for a bundle that is missing, corrupt or drifted; those of `checkSearches`.
 */
export async function loadCheckedBundle(
  ref: ArtifactRef,
  { store, logger, recent, openIndex }: LoadDeps,
): Promise<Bundle> {
  const bundle = await loadBundle(store, ref);
  try {
    await checkSearches(bundle);
    const warmUp = await warm(bundle, recent?.all ?? []);
    logger.info({ bundleId: ref.id, ...warmUp }, 'bundle loaded, checked and warmed');
    if (openIndex === undefined) return bundle;
    const index = openIndex(bundle);
    const close = (): void => {
      index.close();
      bundle.close();
    };
    return { ...bundle, index, close };
  } catch (error) {
    bundle.close();
    throw error;
  }
}

/** Golden users whose interests are searched. */
const checkedUsersMax = 4;
const depthMax = 50;
/**
 * Far below the tuned recall of any index: recall varies with few queries, and the check is for graphs and clusters that are
 * damaged or belong to other vectors.
 */
const recallMin = 0.5;
/** Relative. An index may store its vectors with fewer bits. */
const scoreTolerance = 0.02;

/**
 * Searches the interests of golden users and compares the results with an exact scan.
 *
 * @throws AppError `BUNDLE_SEARCHES_WRONG` with the first problem.
 */
export async function checkSearches(bundle: Bundle): Promise<void> {
  const { golden, index, id } = bundle;
  const queries = golden
    .slice(0, checkedUsersMax)
    .flatMap(({ interests }) => interests)
    .filter((interest) => interest.some((value) => value !== 0));
  if (queries.length === 0 || index.size === 0) return;
  const flat = Float32Array.from(queries.flat());
  const found = await index.search(flat, Math.min(depthMax, index.size), searchParameters(bundle));
  const problem = findWrongItem(bundle, flat, found) ?? (await findRecallProblem(bundle, flat, found));
  if (problem === undefined) return;
  throw new AppError(`The searches of bundle ${id} are wrong: ${problem}.`, {
    code: 'BUNDLE_SEARCHES_WRONG',
    category: 'artifact',
    remedy: 'Rebuild the bundle with facet index.',
    context: { bundleId: id },
  });
}

function findWrongItem({ index, vectors }: Bundle, queries: Float32Array, found: SearchResult): string | undefined {
  const { k, ids, scores } = found;
  const { dim } = index;
  for (let query = 0; query < ids.length / k; query++) {
    if (ids[query * k] === -1) return `the golden interest ${query} finds no item`;
    for (let position = query * k; position < (query + 1) * k && ids[position] !== -1; position++) {
      const [item, score] = [ids[position]!, scores[position]!];
      if (!(item >= 1 && item <= index.size)) return `item ${item} is not one of the ${index.size} items`;
      const exact = dot(queries, query * dim, vectors, item * dim, dim);
      if (!(Math.abs(score - exact) <= scoreTolerance * Math.max(1, Math.abs(exact)))) {
        return `item ${item} scores ${score} in the index, ${exact} by its vector`;
      }
    }
  }
  return undefined;
}

async function findRecallProblem(
  { index }: Bundle,
  queries: Float32Array,
  found: SearchResult,
): Promise<string | undefined> {
  const { k } = found;
  const { hits, wanted } = countFound(await index.scan(queries, k, allItems(index.size)), found);
  const recall = hits / wanted;
  return recall >= recallMin ? undefined : `the index finds ${(100 * recall).toFixed(0)} % of the nearest ${k} items`;
}

/** A swap waits for the warm-up. */
const timeMaxMs = 2_000;
const roundsMax = 10;
/** A round that gains less than this share over the round before shows that times have settled. */
const gainMin = 0.1;
/** With fewer recent requests, requests of golden users are added. */
const requestsMin = 16;

/**
 * Repeats recent requests on a new bundle until they get no faster: pages of mapped files come into memory, and caches fill.
 * Runs one request at a time, while the previous bundle serves.
 *
 * @returns `firstMs` and `lastMs`: the mean time per request in the first and in the last round.
 */
export async function warm(
  bundle: Bundle,
  recent: readonly RecentRequest[],
  clock: () => number = () => performance.now(),
) {
  const golden = goldenHistories(bundle).slice(0, requestsMin);
  const requests =
    recent.length >= requestsMin ? recent : [...recent, ...golden.map((itemIds) => ({ itemIds, limit: 100 }))];
  const start = clock();
  const means: number[] = [];
  if (requests.length === 0) return { requests: 0, rounds: 0, firstMs: 0, lastMs: 0 };
  while (means.length < roundsMax && clock() - start < timeMaxMs) {
    const before = clock();
    let done = 0;
    for (const { itemIds, limit } of requests) {
      if (done > 0 && clock() - start >= timeMaxMs) break;
      const now = bundle.info.asOf;
      await recommend(bundle, { behaviors: datedFrom(now, itemIds), now, limit });
      done++;
      await yieldToEventLoop();
    }
    means.push((clock() - before) / done);
    if (means.length > 1 && means.at(-1)! > (1 - gainMin) * means.at(-2)!) break;
  }
  return { requests: requests.length, rounds: means.length, firstMs: means[0]!, lastMs: means.at(-1)! };
}

/** Returns the behaviors of the golden users that the bundle knows. */
export function goldenHistories({ golden, idOf }: Bundle): readonly string[][] {
  return golden.map(({ items }) => items.filter((item) => item > 0).map(idOf));
}

/** Dates behaviors one millisecond apart. */
export function datedFrom(start: number, itemIds: readonly string[]): Behavior[] {
  return itemIds.map((itemId, position) => ({ itemId, occurredAt: start + position }));
}
