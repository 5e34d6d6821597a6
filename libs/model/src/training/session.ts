import type { Examples, Random } from '@facet/features';
import { checkModel } from '../check-model.ts';
import { frozenWeights } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import { openStepRunner } from './graph/step-runner.ts';
import type { StepRunner } from './graph/step-runner.ts';
import { createStepArrays } from './step-arrays.ts';
import type { StepArraysOptions } from './step-arrays.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

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

export interface SessionOptions extends StepArraysOptions {
  readonly initialWeights: Weights;
}

/**
 * A session whose step is one TensorFlow graph (`graph/step-graph.ts`): it is made at the first step, of the objective as written
 * op by op, and keeps weights and moments.
 *
 * @throws AppError `MODEL_UNSUPPORTED` as {@link checkModel}.
 */
export function createTrainingSession(options: SessionOptions): TrainingSession {
  const { spec } = options;
  checkModel(spec.config);
  const steps = createStepArrays(options);
  const shapes = Object.fromEntries(Object.entries(options.initialWeights).map(([name, { shape }]) => [name, shape]));
  let graph: StepRunner | undefined;
  // What a graph will start with; undefined: the initial weights.
  let restored: TrainingState | undefined;

  return {
    step(examples, chosen, learningRate, random) {
      const batch = steps.batch(examples, chosen, random);
      if (batch === undefined) return 0;
      if (graph === undefined) {
        graph = openStepRunner({ spec, shapes, sparseTables: steps.sparseTables }, steps.fixed, batch);
        if (restored === undefined) graph.start(options.initialWeights);
        else graph.write(restored);
        restored = undefined;
      }
      return graph.step(batch, learningRate);
    },
    weights: () => graph?.readWeights() ?? restored?.weights ?? options.initialWeights,
    state: async () => graph?.read() ?? restored ?? startOf(options.initialWeights),
    async restore(state) {
      if (graph === undefined) restored = state;
      else graph.write(state);
    },
    dispose: () => graph?.dispose(),
  };
}

/** The state before the first step. */
function startOf(weights: Weights): TrainingState {
  const optimizer: Record<string, Weight> = { steps: { shape: [], data: Float32Array.of(0) } };
  for (const moment of moments) {
    for (const [name, { shape, data }] of Object.entries(weights)) {
      if (!frozenWeights.has(name)) {
        optimizer[momentName(moment, name)] = { shape, data: new Float32Array(data.length) };
      }
    }
  }
  return { weights, optimizer };
}
