import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import {
  bundleFiles,
  bundleFormat,
  bundleWeights,
  createdDay,
  createdDays,
  launchTables,
  neverSeen,
  recordGoldenVector,
  writeBundle,
} from '@facet/bundles';
import type { BundleInfo, GoldenVector } from '@facet/bundles';
import {
  buildPopularityTimeline,
  createRandom,
  expectedFeaturesOn,
  learnLaunchCurves,
  readLaunches,
  popularityFeatureCount,
  popularityFeatureNames,
} from '@facet/features';
import { createInferenceEngine, indexDim, indexVectors } from '@facet/model';
import type { InferenceEngine } from '@facet/model';
import { AppError } from '@facet/platform';
import { buildChosenIndex, buildTunedIndex, openFaissIndex } from '@facet/retrieval';
import type { BuiltVectorIndex, IndexChoice, IndexProgress, InterestQueries } from '@facet/retrieval';
import type { FacetConfig } from '@facet/config';
import type { Dataset } from '../dataset/dataset.ts';
import type { ComputeOnce, StageWatch } from '../stage.ts';
import { embedCatalog } from '../model/model-spec.ts';
import type { Model } from '../model/model-artifact.ts';
import { projectItems } from './project-items.ts';
import { findPopularLists } from './popular-lists.ts';
import type { PopularitySettings } from './popular-lists.ts';
import { behaviorsOf, userFeaturesOf, sampleInterests } from './sample-interests.ts';

export interface BuildBundleOptions {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly model: Model;
  readonly index: FacetConfig['index'];
  readonly popularity: PopularitySettings;
  /** Metrics to store in the bundle, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Stores the measured choice of an index, so that a killed and repeated stage builds the same bundle. */
  readonly once?: ComputeOnce;
  readonly onProgress?: StageWatch['onProgress'];
}

const goldenUsers = 20;
/** The share of the index in the progress. The rest is the item map. */
const indexShare = 0.9;

/**
 * Item embeddings → Faiss index → bundle. Cold items are embedded by items with similar content. Behaviors and popularity are as of the end
 * of the data.
 *
 * @throws AppError `INDEX_RECALL_TOO_LOW` if no search breadth of the configured kind reaches `index.recallMin`;
 *   `RETRIEVAL_VECTORS_INVALID`, `RETRIEVAL_INDEX_UNWRITABLE`.
 */
export async function buildBundle(options: BuildBundleOptions): Promise<ArtifactRef> {
  const { dataset, model } = options;
  const { spec } = model.info;
  const asOf = dataset.info.window.occurredBefore;
  const embeddings = embedCatalog(spec, model.weights, dataset);
  const timeline = buildPopularityTimeline(dataset.sequences, spec.itemCount, asOf);
  const today = timeline.dayOf(asOf - 1) + 1;
  const popularityNow = timeline.featuresOn(today);
  const launches = readLaunches(timeline, {
    features: dataset.itemFeatures,
    createdOn: createdDays(dataset.items),
  });
  const vectors = indexVectors(spec, model.weights, embeddings, expectedFeaturesOn(launches, today));
  const { tower, itemTables } = bundleWeights(model.weights);
  const engine = createInferenceEngine(spec, tower, embeddings);

  const dim = indexDim(spec);
  const queries = sampleInterests(dataset, engine, asOf);
  const report = (share: number, detail: string): void => options.onProgress?.({ share, detail });
  const { index, choice } = await chooseIndex(vectors.subarray(dim), dim, queries, options, (share, step) =>
    report(indexShare * share, step),
  );
  try {
    const positions = await projectItems(embeddings, spec.config.embeddingDim, {
      onProgress: (share) => report(indexShare + (1 - indexShare) * share, 'item map'),
    });
    const info: BundleInfo = {
      formatVersion: bundleFormat,
      modelId: model.id,
      datasetId: dataset.id,
      spec,
      trainedCount: dataset.info.trainedCount,
      interactions: dataset.info.interactions,
      asOf,
      index: { ...choice, dim },
      metrics: options.metrics,
    };
    return await options.store.put(
      'bundle',
      async (folder) => {
        await writeBundle(folder, {
          info,
          items: dataset.items,
          tower,
          itemTables: { ...itemTables, ...launchTables(learnLaunchCurves(launches, today)) },
          embeddings,
          vectors,
          popularity: recentPopularity(popularityNow, spec.itemCount),
          firstSeen: Int32Array.from(
            dataset.items,
            ({ attributes }, item) => createdDay(attributes) ?? timeline.firstDayOf(item) ?? neverSeen,
          ),
          popularLists: findPopularLists(dataset, asOf, options.popularity),
          golden: sampleGolden(dataset, engine, asOf),
          positions,
          userIds: spec.userCount === undefined ? undefined : dataset.sequences.userIds,
        });
        await saveIndex(index, join(folder, bundleFiles.index));
      },
      { formatVersion: bundleFormat, modelId: model.id, datasetId: dataset.id },
    );
  } finally {
    index.close();
  }
}

/** Builds the index of the stored choice, or tunes and chooses one. */
async function chooseIndex(
  vectors: Float32Array,
  dim: number,
  queries: InterestQueries,
  { index: demand, once = async (_, make) => make() }: BuildBundleOptions,
  onProgress: IndexProgress,
): Promise<{ index: BuiltVectorIndex; choice: IndexChoice }> {
  let built: BuiltVectorIndex | undefined;
  const choice = await once('choice', async () => {
    const tuned = await buildTunedIndex(vectors, dim, queries, { ...demand, onProgress });
    built = tuned.index;
    return tuned.choice;
  });
  if (built?.kind === choice.kind) return { index: built, choice };
  built?.close();
  return { index: await buildChosenIndex(vectors, dim, choice.kind, onProgress), choice };
}

/**
 * Writes and closes the index, then opens the file, because Faiss reports no error if the disk is full at the last bytes.
 *
 * @throws AppError `RETRIEVAL_INDEX_UNWRITABLE`.
 */
async function saveIndex(index: BuiltVectorIndex, path: string): Promise<void> {
  await index.save(path);
  index.close();
  const saved = await openFaissIndex(path).catch((error: unknown) => {
    throw new AppError(`The index in ${path} is incomplete.`, {
      code: 'RETRIEVAL_INDEX_UNWRITABLE',
      category: 'unavailable',
      remedy: 'Free disk space and run the command again.',
      retryable: true,
      cause: error,
    });
  });
  saved.close();
}

/** Returns golden vectors: interests of some users at `asOf`, which serving recomputes and compares. */
function sampleGolden(dataset: Dataset, engine: InferenceEngine, asOf: number): GoldenVector[] {
  const users = Int32Array.from(dataset.sequences.userIds.keys());
  createRandom(0).shuffle(users);
  return Array.from(users.subarray(0, goldenUsers), (user) =>
    recordGoldenVector(engine, behaviorsOf(dataset, engine, user, asOf), userFeaturesOf(dataset, user), user),
  );
}

/** Returns [N + 1] the distinct users of each item per day, summed over the last 30 days. All-time popularity breaks ties. */
function recentPopularity(features: Float32Array, itemCount: number): Float32Array {
  const recentColumn = popularityFeatureNames.indexOf('chosen30Days');
  const everColumn = popularityFeatureNames.indexOf('chosenEver');
  const popularity = new Float32Array(itemCount + 1);
  for (let item = 1; item <= itemCount; item++) {
    const row = item * popularityFeatureCount;
    const recent = Math.expm1(features[row + recentColumn]!);
    const ever = Math.expm1(features[row + everColumn]!);
    popularity[item] = recent + ever / (ever + everScale);
  }
  return popularity;
}

/** Keeps the all-time part below one user of a recent day. */
const everScale = 1000;
