import { createRandom } from '@facet/features';
import type { BehaviorRows, EncodedFeature, Examples } from '@facet/features';
import type { ModelSpec, Weights } from '@facet/model';
import type { TrainingData } from '@facet/model/batches';
import { createExampleReader, createBatchTower, embedByTower } from '@facet/model/training';

/** A model and the items that it was trained on. */
export interface GraphModel {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly itemFeatures: readonly EncodedFeature[];
  readonly trainedCount: number;
}

/** B examples as the training reads them, with their interests. */
export interface GraphInterests {
  /** [B, L] */
  readonly behaviors: BehaviorRows;
  /** For each example, a table row per user feature. */
  readonly userFeatures: readonly (readonly number[])[];
  /** K'u of each example. */
  readonly counts: readonly number[];
  /** [B, K, D], zero where inactive. */
  readonly interests: readonly (readonly (readonly number[])[])[];
}

/** Returns the interests of examples by TensorFlow's item and user tower, without dropout and with fixed routing logits. */
export function graphInterests(model: GraphModel, data: TrainingData, examples: Examples): GraphInterests {
  const { spec, weights, itemFeatures, trainedCount } = model;
  const { interests: K, embeddingDim: D } = spec.config;
  const all = Int32Array.from({ length: examples.count }, (_, example) => example);
  const rows = createExampleReader(spec, data)(examples, all, createRandom(1));
  const embeddings = embedByTower(weights, { itemCount: spec.itemCount, trainedCount, features: itemFeatures });
  const tower = createBatchTower(spec, weights, embeddings);
  const values = tower.interests(rows);
  tower.dispose();
  const vectorOf = (example: number, k: number): number[] => [
    ...values.subarray((example * K + k) * D, (example * K + k + 1) * D),
  ];
  return {
    behaviors: rows.behaviors,
    userFeatures: Array.from(all, (example) => rows.userFeatures.map((ofFeature) => ofFeature[example]!)),
    counts: Array.from(all, (example) =>
      rows.active.subarray(example * K, (example + 1) * K).reduce((sum, one) => sum + one, 0),
    ),
    interests: Array.from(all, (example) => Array.from({ length: K }, (_, k) => vectorOf(example, k))),
  };
}
