import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles, bundleWeights, recordGoldenVector, writeBundle } from '@facet/bundles';
import type { BundleInfo, GoldenVector } from '@facet/bundles';
import {
  buildPopularityTimeline,
  createBehaviorRows,
  createRandom,
  popularityFeatureCount,
  popularityFeatureNames,
  writeBehaviorSequence,
} from '@facet/features';
import { createUserKernel, embedItems, indexDim, indexVectors } from '@facet/model';
import type { UserKernel } from '@facet/model';
import { buildExactIndex, buildFaissIndex, chooseIndexKind, measureIndexRecall } from '@facet/retrieval';
import type { BuiltVectorIndex, FaissIndexOptions, SearchParameters } from '@facet/retrieval';
import { AppError } from '@facet/platform';
import type { FacetConfig } from '../config.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Model } from '../training/model-artifact.ts';

export interface BuildBundleOptions {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly model: Model;
  readonly index: FacetConfig['index'];
  /** Held-out metrics to carry along, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly onProgress?: (rowsDone: number, rows: number) => void;
}

const goldenUsers = 20;
const recallQueryUsers = 100;
const recallDepth = 200;
/** Search breadths tried in turn until an approximate index reaches its recall. */
const breadths = [16, 32, 64, 128, 200, 300, 400, 600, 1000];

/**
 * Item embeddings → Faiss index → bundle. Items without interactions are in it through their side features. Behaviors
 * and popularity are those of the end of the data.
 *
 * @throws AppError `INDEX_RECALL_TOO_LOW` when no search breadth reaches `index.recallMin`.
 */
export async function buildBundle(options: BuildBundleOptions): Promise<ArtifactRef> {
  const { dataset, model } = options;
  const { spec } = model.info;
  const asOf = dataset.info.window.occurredBefore;
  const embeddings = embedItems(spec, model.weights, {
    itemCount: spec.itemCount,
    trainedCount: dataset.info.trainedCount,
    features: dataset.itemFeatures,
  });
  const timeline = buildPopularityTimeline(dataset.sequences, spec.itemCount, asOf);
  const popularityNow = timeline.featuresOn(timeline.dayOf(asOf - 1) + 1);
  const vectors = indexVectors(spec, model.weights, embeddings, popularityNow);
  const { tower, itemTables } = bundleWeights(model.weights);
  const kernel = createUserKernel(spec, tower, embeddings);
  const sample = sampleUsers(dataset, kernel, asOf);

  const dim = indexDim(spec);
  const rows = vectors.subarray(dim);
  const { faiss, reason } = kindOf(options.index, spec.itemCount);
  const index = await buildFaissIndex(rows, dim, faiss, (done) => options.onProgress?.(done, spec.itemCount));
  try {
    const { parameters, recall } = await tuneSearch(index, rows, dim, sample.queries, options.index.recallMin);
    const info: BundleInfo = {
      formatVersion: 1,
      modelId: model.id,
      datasetId: dataset.id,
      spec,
      trainedCount: dataset.info.trainedCount,
      interactions: dataset.info.interactions,
      asOf,
      index: { kind: index.kind, reason, dim, ...parameters, recall, recallAt: Math.min(recallDepth, spec.itemCount) },
      metrics: options.metrics,
    };
    return await options.store.put(
      'bundle',
      async (folder) => {
        await writeBundle(folder, {
          info,
          items: dataset.items,
          tower,
          itemTables,
          embeddings,
          vectors,
          popularity: recentPopularity(popularityNow, spec.itemCount),
          golden: sample.golden,
        });
        await index.save(join(folder, bundleFiles.index));
      },
      { formatVersion: 1, modelId: model.id, datasetId: dataset.id },
    );
  } finally {
    index.close();
  }
}

function kindOf(index: FacetConfig['index'], itemCount: number): { faiss: FaissIndexOptions; reason: string } {
  if (index.kind !== 'auto') return { faiss: { kind: index.kind }, reason: 'set by index.kind' };
  const { options, reason } = chooseIndexKind(itemCount);
  return { faiss: options, reason };
}

/** Raises the search breadth until the index finds what an exact scan finds. */
async function tuneSearch(
  index: BuiltVectorIndex,
  rows: Float32Array,
  dim: number,
  queries: Float32Array,
  recallMin: number,
): Promise<{ parameters: SearchParameters; recall: number }> {
  if (index.kind === 'flat' || queries.length === 0) return { parameters: {}, recall: 1 };
  const exact = buildExactIndex(rows, dim);
  const depth = Math.min(recallDepth, index.size);
  let recall = 0;
  for (const breadth of breadths) {
    const parameters = index.kind === 'hnsw' ? { efSearch: breadth } : { nprobe: breadth };
    recall = await measureIndexRecall(index, exact, queries, depth, parameters);
    if (recall >= recallMin) return { parameters, recall };
  }
  throw new AppError(
    `The ${index.kind} index reaches an index recall@${depth} of ${recall.toFixed(3)}, not ${recallMin}.`,
    {
      code: 'INDEX_RECALL_TOO_LOW',
      remedy: 'Set index.kind to flat, or lower index.recallMin.',
    },
  );
}

/** Some users' interests at `asOf`: as golden vectors, and as queries [Q, dim] to measure the index with. */
function sampleUsers(
  dataset: Dataset,
  kernel: UserKernel,
  asOf: number,
): { golden: GoldenVector[]; queries: Float32Array } {
  const { sequences } = dataset;
  const users = Int32Array.from(sequences.userIds.keys());
  createRandom(0).shuffle(users);
  const golden: GoldenVector[] = [];
  const queries: number[] = [];
  for (const user of users.subarray(0, recallQueryUsers)) {
    const rows = createBehaviorRows(1, kernel.sequenceLength);
    const window = { ...sequences, start: sequences.offsets[user]!, end: sequences.offsets[user + 1]! };
    writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: kernel.distinctBehaviors });
    const recorded = recordGoldenVector(
      kernel,
      rows,
      dataset.profiles.map(({ rows: table }) => table[user]!),
    );
    if (golden.length < goldenUsers) golden.push(recorded);
    queries.push(...recorded.interests.flat());
  }
  return { golden, queries: Float32Array.from(queries) };
}

/** [N + 1] users who chose an item in the last 30 days; all earlier ones decide between equals. */
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

/** Keeps the part of all-time popularity below one recent choice. */
const everScale = 1000;
