import { createRandom } from '@facet/features';
import type { EncodedFeature, Examples, Random } from '@facet/features';
import { AppError } from '@facet/platform/errors';
import { tf } from '../tf.ts';
import type { Scalar, Tensor1D, Variable } from '../tf.ts';
import type { ModelSpec } from '../config.ts';
import { createItemTower } from '../layers/item-tower.ts';
import { createLogUniformSampler } from '../loss/negative-sampler.ts';
import type { NegativeSampler } from '../loss/negative-sampler.ts';
import { frozenWeights, repeatFeatureCount } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { buildBatch, positionsOf } from './batch.ts';
import type { TrainingBatch, TrainingData } from './batch.ts';
import { objective } from './objective.ts';
import type { BatchTensors } from './objective.ts';

/** Adam (Kingma and Ba) whose learning rate follows a schedule. */
class ScheduledAdam extends tf.AdamOptimizer {
  setLearningRate(learningRate: number): void {
    this.learningRate = learningRate;
  }
}

/** Everything a training run must keep to go on later as if it had never stopped. */
export interface TrainingState {
  readonly weights: Weights;
  /** Adam's step count and moments, by the optimizer's own names. */
  readonly optimizer: Weights;
}

/**
 * A model in training: owns its variables, its optimizer and the tensors of its items, until `dispose`.
 * The seam between model, step and loop: another way of running a step only has to offer this.
 */
export interface TrainingSession {
  /** One step of the optimizer on the examples at positions `chosen`; returns the batch's loss before the step. */
  step(examples: Examples, chosen: Int32Array, learningRate: number, random: Random): number;
  weights(): Weights;
  state(): Promise<TrainingState>;
  restore(state: TrainingState): Promise<void>;
  dispose(): void;
}

export interface SessionOptions {
  readonly spec: ModelSpec;
  readonly initialWeights: Weights;
  /** Side features of the items, rows [N + 1, slots]. */
  readonly itemFeatures: readonly EncodedFeature[];
  readonly trainedCount: number;
  readonly data: TrainingData;
}

/** @throws AppError `MODEL_UNSUPPORTED` for a combination that has no loss. */
export function createTrainingSession(options: SessionOptions): TrainingSession {
  const { spec, data } = options;
  const { config } = spec;
  if (config.negatives !== 'all' && (config.popularityPrior || config.repeatBonus)) {
    throw new AppError('A popularity prior or repeat bonus needs the full softmax.', {
      code: 'MODEL_UNSUPPORTED',
      remedy: 'Set model.negatives to all, or popularityPrior and repeatBonus to false.',
    });
  }
  const variables: Record<string, Variable> = {};
  for (const [name, weight] of Object.entries(options.initialWeights)) {
    const tensor = tf.tensor(weight.data.slice(), [...weight.shape]);
    variables[name] = tf.variable(tensor, !frozenWeights.has(name));
    tensor.dispose();
  }
  const trainable = Object.values(variables).filter((variable) => variable.trainable);
  const itemTower = createItemTower({
    itemCount: spec.itemCount,
    trainedCount: options.trainedCount,
    features: options.itemFeatures,
  });
  const optimizer = new ScheduledAdam(0, 0.9, 0.999, 1e-8);
  const sampler = createLogUniformSampler(options.trainedCount);
  const candidatePosition = positionsOf(data.candidates, spec.itemCount);
  const noise = createNoisePool(config.dropout, config.sequenceLength * config.embeddingDim);

  const weights = (): Weights =>
    Object.fromEntries(
      Object.entries(variables).map(([name, variable]) => [
        name,
        { shape: variable.shape, data: Float32Array.from(variable.dataSync()) },
      ]),
    );

  return {
    step(examples, chosen, learningRate, random) {
      const batch = buildBatch(spec, data, examples, chosen, random);
      if (batch.labels.length === 0) return 0;
      optimizer.setLearningRate(learningRate);
      return tf.tidy(() => {
        const negatives = config.negatives === 'all' ? undefined : sampler.draw(config.negatives, random);
        const tensors = toTensors(spec, variables, batch, { data, negatives, sampler, candidatePosition });
        const users =
          noise === undefined ? tensors.users : { ...tensors.users, inputNoise: noise.draw(batch.size, spec, random) };
        const loss = optimizer.minimize(
          () => objective(variables, spec, itemTower, { ...tensors, users }),
          true,
          trainable,
        );
        return (loss as Scalar).dataSync()[0]!;
      });
    },
    weights,
    async state() {
      const moments = await optimizer.getWeights();
      const saved = Object.fromEntries(
        moments.map(({ name, tensor }, position) => [
          `${position}/${name}`,
          { shape: tensor.shape, data: Float32Array.from(tensor.dataSync()) },
        ]),
      );
      return { weights: weights(), optimizer: saved };
    },
    async restore(state) {
      for (const [name, { shape, data: values }] of Object.entries(state.weights)) {
        tf.tidy(() => variables[name]!.assign(tf.tensor(values.slice(), [...shape])));
      }
      const moments = Object.entries(state.optimizer)
        .map(([key, weight]) => ({ position: Number.parseInt(key, 10), name: key.slice(key.indexOf('/') + 1), weight }))
        .sort((a, b) => a.position - b.position)
        .map(({ name, weight }) => ({ name, tensor: tf.tensor(weight.data.slice(), [...weight.shape]) }));
      if (moments.length > 0) await optimizer.setWeights(moments);
    },
    dispose() {
      tf.dispose(Object.values(variables));
      itemTower.dispose();
      noise?.dispose();
      optimizer.dispose();
    },
  };
}

interface TensorContext {
  readonly data: TrainingData;
  readonly negatives: Int32Array | undefined;
  readonly sampler: NegativeSampler;
  readonly candidatePosition: Int32Array;
}

/** The tensors of a batch; the caller tidies them up. */
export function toTensors(
  spec: ModelSpec,
  variables: Readonly<Record<string, Variable>>,
  batch: TrainingBatch,
  context: TensorContext,
): BatchTensors {
  const { interests: K, sequenceLength: L } = spec.config;
  const B = batch.size;
  const int1d = (values: Int32Array): Tensor1D => tf.tensor1d(values, 'int32');
  const { negatives, sampler } = context;
  const candidates = negatives ?? context.data.candidates;
  const logExpected = (items: Int32Array): Tensor1D =>
    tf.tensor1d(Float32Array.from(items, (item) => sampler.logExpectedCount(item, candidates.length)));
  return {
    users: {
      behaviors: tf.tensor2d(batch.behaviors.items, [B, L], 'int32'),
      ages: tf.tensor2d(batch.behaviors.ages, [B, L], 'int32'),
      mask: tf.tensor2d(
        Float32Array.from(batch.behaviors.items, (item) => (item === 0 ? 0 : 1)),
        [B, L],
      ),
      active: tf.tensor2d(batch.active, [B, K]),
      profile: batch.profile.map(int1d),
      logits:
        batch.logits === undefined
          ? variables['routing/logits']!.reshape([1, K, L])
          : tf.tensor3d(batch.logits, [B, K, L]),
    },
    labelRows: int1d(batch.labelRows),
    labels: int1d(batch.labels),
    labelWeights: tf.tensor1d(batch.labelWeights),
    candidates: int1d(candidates),
    labelColumns:
      negatives === undefined
        ? int1d(Int32Array.from(batch.labels, (item) => context.candidatePosition[item]!))
        : undefined,
    logExpected:
      negatives === undefined ? undefined : { labels: logExpected(batch.labels), negatives: logExpected(negatives) },
    popularity:
      batch.popularity === undefined
        ? undefined
        : {
            features: tf.tensor3d(batch.popularity.features, [
              batch.popularity.days,
              candidates.length,
              batch.popularity.features.length / (batch.popularity.days * candidates.length),
            ]),
            dayOf: int1d(batch.popularity.dayOf),
          },
    repeats:
      batch.repeats === undefined
        ? undefined
        : {
            features: tf.tensor2d(batch.repeats.features, [B * L, repeatFeatureCount]),
            cells: int1d(batch.repeats.cells),
          },
  };
}

/**
 * Dropout factors (0 or 1/(1 − rate)) drawn once; each step reads B·L·D of them from a random place. TensorFlow's random
 * operations run in JavaScript here and would cost more than the step.
 */
function createNoisePool(
  rate: number,
  rowSize: number,
):
  | {
      draw(rows: number, spec: ModelSpec, random: Random): NonNullable<BatchTensors['users']['inputNoise']>;
      dispose(): void;
    }
  | undefined {
  if (rate === 0) return undefined;
  const keep = 1 / (1 - rate);
  const random = createRandom(noisePoolSeed);
  let pool = tf.tensor1d(new Float32Array(0));
  const fill = (size: number): void => {
    pool.dispose();
    pool = tf.keep(tf.tensor1d(Float32Array.from({ length: size }, () => (random.next() < rate ? 0 : keep))));
  };
  return {
    draw(rows, spec, stepRandom) {
      const size = rows * rowSize;
      if (pool.size < size * 2) fill(size * 2);
      const start = stepRandom.int(pool.size - size);
      return pool.slice(start, size).reshape([rows, spec.config.sequenceLength, spec.config.embeddingDim]);
    },
    dispose: () => pool.dispose(),
  };
}

const noisePoolSeed = 7;
