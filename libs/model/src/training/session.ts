import type { EncodedFeature, Examples, Random } from '@facet/features';
import { tf } from '../tf.ts';
import type { Scalar, Variable } from '../tf.ts';
import { checkModel } from '../check-model.ts';
import type { ModelSpec } from '../config.ts';
import { createItemTower } from '../layers/item-tower.ts';
import { createLogUniformSampler } from '../loss/negative-sampler.ts';
import { frozenWeights } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import { buildBatch, positionsOf } from './batch.ts';
import type { TrainingData } from './batch.ts';
import { toTensors } from './batch-tensors.ts';
import { createNoisePool } from './noise-pool.ts';
import { objective } from './objective.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/** Adam (Kingma and Ba) whose learning rate follows a schedule. */
class ScheduledAdam extends tf.AdamOptimizer {
  setLearningRate(learningRate: number): void {
    this.learningRate = learningRate;
  }

  /**
   * TensorFlow.js restores the powers of β with `pow`, which may differ in the last bit from the products that an
   * uninterrupted run has taken step by step; here they are taken again.
   */
  override async setWeights(values: Parameters<tf.AdamOptimizer['setWeights']>[0]): Promise<void> {
    await super.setWeights(values);
    const { accBeta1, accBeta2 } = this as unknown as { accBeta1: Variable; accBeta2: Variable };
    tf.tidy(() => {
      accBeta1.assign(tf.scalar(steppedPower(this.beta1, this.iterations + 1)));
      accBeta2.assign(tf.scalar(steppedPower(this.beta2, this.iterations + 1)));
    });
  }
}

/** base ** exponent in float32, one product at a time. */
function steppedPower(base: number, exponent: number): number {
  let power = 1;
  for (let step = 0; step < exponent; step++) power = Math.fround(power * Math.fround(base));
  return power;
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

/** @throws AppError `MODEL_UNSUPPORTED` as {@link checkModel}. */
export function createTrainingSession(options: SessionOptions): TrainingSession {
  const { spec, data } = options;
  const { config } = spec;
  checkModel(config);
  const variables: Record<string, Variable> = {};
  for (const [name, weight] of Object.entries(options.initialWeights)) {
    const tensor = tf.tensor(weight.data.slice(), [...weight.shape]);
    variables[name] = tf.variable(tensor, !frozenWeights.has(name));
    tensor.dispose();
  }
  const trainableNames = Object.keys(variables).filter((name) => variables[name]!.trainable);
  const trainable = trainableNames.map((name) => variables[name]!);
  const itemTower = createItemTower({
    itemCount: spec.itemCount,
    trainedCount: options.trainedCount,
    features: options.itemFeatures,
  });
  const optimizer = new ScheduledAdam(0, 0.9, 0.999, 1e-8);
  const sampler = createLogUniformSampler(data.candidates);
  const candidatePosition = positionsOf(data.candidates, spec.itemCount);
  const noise = createNoisePool(config.dropout, config.sequenceLength, config.embeddingDim);

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
        const tensors = toTensors(spec, batch, {
          candidates: data.candidates,
          candidatePosition,
          negatives,
          sampler,
        });
        const users =
          noise === undefined ? tensors.users : { ...tensors.users, inputNoise: noise.draw(batch.size, random) };
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
      // Steps, the first moments in the order of the variables, the second ones; no moments before the first step.
      const [steps, ...kept] = await optimizer.getWeights();
      const current = weights();
      const saved: Record<string, Weight> = { steps: { shape: [], data: Float32Array.from(steps!.tensor.dataSync()) } };
      steps!.tensor.dispose();
      moments.forEach((moment, part) => {
        trainableNames.forEach((name, position) => {
          const { shape, data } = current[name]!;
          const values = kept[part * trainableNames.length + position]?.tensor.dataSync() as Float32Array | undefined;
          saved[momentName(moment, name)] = { shape, data: values?.slice() ?? new Float32Array(data.length) };
        });
      });
      return { weights: current, optimizer: saved };
    },
    async restore(state) {
      for (const [name, { shape, data: values }] of Object.entries(state.weights)) {
        tf.tidy(() => variables[name]!.assign(tf.tensor(values.slice(), [...shape])));
      }
      const names = moments.flatMap((moment) => trainableNames.map((name) => momentName(moment, name)));
      const restored = [
        { name: 'iter', tensor: tf.scalar(state.optimizer['steps']!.data[0]!, 'int32') },
        ...names.map((name) => {
          const { shape, data: values } = state.optimizer[name]!;
          return { name, tensor: tf.tensor(values.slice(), [...shape]) };
        }),
      ];
      await optimizer.setWeights(restored);
      tf.dispose(restored.map(({ tensor }) => tensor));
    },
    dispose() {
      tf.dispose(Object.values(variables));
      itemTower.dispose();
      noise?.dispose();
      optimizer.dispose();
    },
  };
}
