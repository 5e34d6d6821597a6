import { checkModel } from '../check-model.ts';
import type { ModelSpec } from '../config.ts';
import { frozenWeights } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import type { BatchArrays } from './batch-arrays.ts';
import { openStepRunner } from './graph/step-runner.ts';
import type { StepRunner } from './graph/step-runner.ts';
import type { StepLayout } from './step-arrays.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/**
 * A model in training: owns its variables, its optimizer and the tensors of its items, until `dispose`.
 * The seam between model, step and loop: another way of running a step only has to offer this.
 */
export interface TrainingSession {
  /** One step of the optimizer; returns the batch's loss before the step. */
  step(batch: BatchArrays, learningRate: number): number;
  weights(): Weights;
  state(): Promise<TrainingState>;
  restore(state: TrainingState): Promise<void>;
  dispose(): void;
}

export interface SessionOptions {
  readonly spec: ModelSpec;
  /** Of the batches that it will be given. */
  readonly layout: StepLayout;
  readonly initialWeights: Weights;
}

/**
 * A session whose step is one TensorFlow graph (`graph/step-graph.ts`): it is made at the first step, of the objective as written
 * op by op, and keeps weights and moments.
 *
 * @throws AppError `MODEL_UNSUPPORTED` as {@link checkModel}.
 */
export function createTrainingSession({ spec, layout, initialWeights }: SessionOptions): TrainingSession {
  checkModel(spec.config);
  const { sparseTables, fixed } = layout;
  const shapes = Object.fromEntries(Object.entries(initialWeights).map(([name, { shape }]) => [name, shape]));
  let graph: StepRunner | undefined;
  // What a graph will start with; large, and not kept beside it.
  let start: { readonly weights: Weights } | TrainingState | undefined = { weights: initialWeights };

  return {
    step(batch, learningRate) {
      if (graph === undefined) {
        graph = openStepRunner({ spec, shapes, sparseTables }, fixed, batch);
        if ('optimizer' in start!) graph.write(start);
        else graph.start(start!.weights);
        start = undefined;
      }
      return graph.step(batch, learningRate);
    },
    weights: () => graph?.readWeights() ?? start!.weights,
    state: async () => graph?.read() ?? ('optimizer' in start! ? start : startOf(start!.weights)),
    async restore(state) {
      if (graph === undefined) start = state;
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
