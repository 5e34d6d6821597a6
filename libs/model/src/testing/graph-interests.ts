import { createRandom } from '@facet/features';
import type { BehaviorRows, EncodedFeature, Examples } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { createItemTower } from '../layers/item-tower.ts';
import { userTower } from '../layers/user-tower.ts';
import { tf } from '../tf.ts';
import type { Variable } from '../tf.ts';
import { createBatchBuilder } from '../training/batch.ts';
import type { TrainingData } from '../training/batch.ts';
import { toTensors } from '../training/batch-tensors.ts';
import { competitionOf } from '../training/competition.ts';
import type { Weights } from '../weights.ts';

/** A model and the items that it was trained on. */
export interface GraphModel {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly itemFeatures: readonly EncodedFeature[];
  readonly trainedCount: number;
}

/** What the training makes of examples; B of them. */
export interface GraphInterests {
  /** [B, L] */
  readonly behaviors: BehaviorRows;
  /** Table rows of each example's user, one a user feature. */
  readonly profiles: readonly (readonly number[])[];
  /** K'u of each. */
  readonly counts: readonly number[];
  /** [B, K, D], zero where inactive. */
  readonly interests: readonly (readonly (readonly number[])[])[];
}

/**
 * The interests of examples as a training step computes them: the same batch, tensors and TensorFlow graph, without dropout and
 * with the fixed routing logits, as a trained model is asked. For tests that hold others to it.
 */
export function graphInterests(model: GraphModel, data: TrainingData, examples: Examples): GraphInterests {
  const { spec, weights } = model;
  const { interests: K } = spec.config;
  const all = Int32Array.from({ length: examples.count }, (_, example) => example);
  const batch = createBatchBuilder(spec, data)(examples, all, createRandom(1));
  const itemTower = createItemTower({ ...model, itemCount: spec.itemCount, features: model.itemFeatures });
  const variables: Record<string, Variable> = {};
  for (const [name, { shape, data: values }] of Object.entries(weights)) {
    variables[name] = tf.tidy(() => tf.variable(tf.tensor(values.slice(), [...shape])));
  }
  try {
    const interests = tf.tidy(() => {
      const { users } = toTensors(spec, batch, competitionOf(data, spec.itemCount), undefined);
      return userTower(variables, spec, itemTower.embed(variables), users).arraySync();
    });
    return {
      behaviors: batch.behaviors,
      profiles: Array.from(all, (example) => batch.profile.map((rows) => rows[example]!)),
      counts: Array.from(all, (example) =>
        batch.active.subarray(example * K, (example + 1) * K).reduce((sum, one) => sum + one, 0),
      ),
      interests,
    };
  } finally {
    itemTower.dispose();
    tf.dispose(variables);
  }
}
