import { ifUsable, openArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { bootstrapInterval, byMetric, metrics, metricsOf, pairedBootstrap, truthSize } from '@facet/evaluation';
import type { MetricOf, RankedUser } from '@facet/evaluation';
import { sampleByHash } from '@facet/features';
import { AppError } from '@facet/platform';
import { compareBundles, respondWithRecommendations } from '@facet/recommendations';
import type { RecommendationsRequest } from '@facet/recommendations';
import { openDataset, behaviorsBetween, heldOutWindow } from '@facet/stages';
import type { Dataset, HeldOutSequenceUser } from '@facet/stages';
import type { ComparedSide, CompareOptions, SampleComparison } from './run-job.ts';

type Truth = RankedUser['truth'];

type ComparedUser = SampleComparison['users'][number];
type ComparedMetric = SampleComparison['metrics'][number];
type MetricValues = Readonly<Record<MetricOf<'comparison'>, number>>;

interface UserComparison extends ComparedUser {
  readonly before: MetricValues;
  readonly after: MetricValues;
}

const comparedMetrics = metricsOf('comparison');
const movedMax = 50;
const bootstrap = { seed: 1 };
/** The limit of a request. No model reads this many behaviors. */
const behaviorsMax = 10_000;

/**
 * Compares the recommendations of two sides for a sample of users at the start of a held-out window, on which neither bundle was trained. The
 * sample stays the same from day to day while the users are in the data. The truth are the items that are new to the user, because lists leave
 * out seen items.
 *
 * @throws AppError `COMPARISON_NO_DATASET`, `COMPARISON_NO_USERS`; as `loadBundle`.
 */
export async function compareSample(options: CompareOptions): Promise<SampleComparison> {
  const store = openArtifactStore(options.artifactsFolder);
  const before = await loadBundle(store, { kind: 'bundle', id: options.before.bundleId });
  try {
    const isSame = options.after.bundleId === before.id;
    const after = isSame ? before : await loadBundle(store, { kind: 'bundle', id: options.after.bundleId });
    try {
      return await compareSides(before, after, await openNewest(store, before, after), options);
    } finally {
      if (!isSame) after.close();
    }
  } finally {
    before.close();
  }
}

interface HeldOutData {
  readonly dataset: Dataset;
  /** Neither bundle was trained on events from this time on. */
  readonly from: number;
}

/**
 * Opens the dataset with the newer window. Both datasets bound the window, because the split may have changed: without one of them, a bundle
 * may have been trained on the window.
 */
async function openNewest(store: ArtifactStore, before: Bundle, after: Bundle): Promise<HeldOutData> {
  const [newer, older] = [before, after].sort((a, b) => b.info.asOf - a.info.asOf) as [Bundle, Bundle];
  const dataset = await ifUsable(() => openDataset(store, newer.info.datasetId));
  const isSame = older.info.datasetId === newer.info.datasetId;
  const other = isSame ? dataset : await ifUsable(() => openDataset(store, older.info.datasetId));
  if (dataset === undefined || other === undefined) throw noDataset();
  return { dataset, from: Math.max(dataset.split.testFrom, other.split.testFrom) };
}

export function noDataset(): AppError {
  return new AppError('The dataset of a bundle is pruned, so its test window is unknown.', {
    code: 'COMPARISON_NO_DATASET',
    category: 'artifact-missing',
    remedy: 'Use a newer bundle, or raise artifacts.keep in facet.yaml.',
  });
}

async function compareSides(
  before: Bundle,
  after: Bundle,
  { dataset, from }: HeldOutData,
  options: CompareOptions,
): Promise<SampleComparison> {
  const sampled = sampleUsers(dataset, from, options.usersMax)
    .map((user) => ({ user, truth: truthOf(user) }))
    .filter(({ truth }) => truthSize(truth) > 0);
  const respond = createResponder(dataset, from, options);
  const compared: UserComparison[] = [];
  const distinct = { before: new Set<string>(), after: new Set<string>() };
  const fallbacks = { before: 0, after: 0 };
  const { gained, lost } = await compareBundles(before, after, sampled, {
    respond: (bundle, { user }, side) => respond(bundle, options[side], user),
    onCompared({ request: { user, truth }, overlap, ...responses }) {
      const measure = (side: 'before' | 'after'): MetricValues => {
        const { items, source } = responses[side];
        if (source.kind === 'popular') fallbacks[side]++;
        for (const { itemId } of items) distinct[side].add(itemId);
        // Unknown items map to an index outside the catalog.
        const ranking = Int32Array.from(
          items,
          ({ itemId }) => dataset.vocabulary.indexOf(itemId) ?? dataset.items.length,
        );
        return byMetric(comparedMetrics, (name) => metrics[name].at(ranking, truth, options.limit));
      };
      const [before, after] = [measure('before'), measure('after')];
      compared.push({
        userId: dataset.sequences.userIds[user.userIndex]!,
        overlap,
        ndcgBefore: before.ndcg,
        ndcgAfter: after.ndcg,
        before,
        after,
      });
      if (compared.length % 10 === 0) options.onProgress?.(compared.length / sampled.length);
    },
  });
  if (compared.length === 0) {
    throw new AppError('No user of the held-out window has a history and chose an item that was new to them.', {
      code: 'COMPARISON_NO_USERS',
      category: 'input',
      remedy: 'Increase split.testDays or split.testShare in facet.yaml.',
    });
  }
  return {
    window: { from, before: dataset.info.window.occurredBefore },
    users: compared.map(({ userId, overlap, ndcgBefore, ndcgAfter }) => ({ userId, overlap, ndcgBefore, ndcgAfter })),
    overlap: bootstrapInterval(
      compared.map(({ overlap }) => overlap),
      bootstrap,
    ),
    metrics: comparedMetrics.map((name) => compareMetric(name, compared)),
    distinctItems: { before: distinct.before.size, after: distinct.after.size },
    fallbacks,
    gained: gained.slice(0, movedMax),
    lost: lost.slice(0, movedMax),
  };
}

function compareMetric(name: ComparedMetric['name'], users: readonly UserComparison[]): ComparedMetric {
  const [old, fresh] = [users.map(({ before }) => before[name]), users.map(({ after }) => after[name])];
  const { mean, low, high } = pairedBootstrap(fresh, old, bootstrap);
  return {
    name,
    before: bootstrapInterval(old, bootstrap),
    after: bootstrapInterval(fresh, bootstrap),
    difference: { mean, low, high },
  };
}

function sampleUsers(dataset: Dataset, from: number, usersMax: number): readonly HeldOutSequenceUser[] {
  const { users } = heldOutWindow(dataset, from, Number.POSITIVE_INFINITY);
  return sampleByHash(users, usersMax, ({ userIndex }) => dataset.sequences.userIds[userIndex]!);
}

/** Returns the items of the window that are new to the user. */
function truthOf({ history, truth }: HeldOutSequenceUser): Truth {
  const seen = new Set(history);
  return { items: truth.items.filter((item) => !seen.has(item)), absent: truth.absent };
}

/** Returns a function that makes the response of one side for a user at the start of the window. */
function createResponder(dataset: Dataset, from: number, options: CompareOptions) {
  const { sequences, userAttributes } = dataset;
  return async (bundle: Bundle, side: ComparedSide, { userIndex, start, end }: HeldOutSequenceUser) => {
    return respondWithRecommendations(
      {
        userId: sequences.userIds[userIndex]!,
        behaviors: behaviorsBetween(dataset, start, end).slice(-behaviorsMax),
        profile: userAttributes[userIndex] as RecommendationsRequest['profile'],
        limit: options.limit,
      },
      {
        bundle,
        readProfile: async () => ({ profile: undefined, isAvailable: true }),
        settings: options.settings,
        // Seeds the positions of explored items.
        recommendationId: sequences.userIds[userIndex]!,
        now: from,
        overrides: side.overrides,
      },
    );
  };
}
