import { feedsOf, openGraphSession } from '@facet/tf-graph';
import type { GraphSession } from '@facet/tf-graph';
import type { ArraysOf } from '@facet/tf-graph/arrays';
import { tf } from '@facet/tf-graph/tensorflow';
import type { BatchArrays, ItemBatch } from '../batch.ts';
import { checkModel } from '../config.ts';
import type { ModelSpec } from '../config.ts';
import { frozenWeights } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import { adam } from './adam.ts';
import { buildStepGraph, stepNodes } from './step-graph.ts';
import type { WeightShapes } from './step-graph.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/** A model in training: owns its weights, its optimizer and the shared items, until `dispose`. */
export interface TrainingSession {
  /** Takes one step of the optimizer. Returns the loss of the batch before the step. */
  step(batch: BatchArrays, learningRate: number): number;
  weights(): Weights;
  state(): Promise<TrainingState>;
  restore(state: TrainingState): Promise<void>;
  dispose(): void;
}

export interface SessionOptions {
  readonly spec: ModelSpec;
  readonly initialWeights: Weights;
  /** The items of batches that come without items (`sharedItems`). */
  readonly sharedItems: ArraysOf<ItemBatch> | undefined;
}

/**
 * Creates a session whose step is one TensorFlow graph. The first step records the graph, which then owns weights and moments.
 *
 * @throws AppError `MODEL_UNSUPPORTED`, see {@link checkModel}.
 */
export function createTrainingSession({ spec, initialWeights, sharedItems }: SessionOptions): TrainingSession {
  checkModel(spec.config);
  const shapes = Object.fromEntries(Object.entries(initialWeights).map(([name, { shape }]) => [name, shape]));
  let graph: StepGraph | undefined;
  // Large, and released once the graph owns a copy.
  let start: { readonly weights: Weights } | TrainingState | undefined = { weights: initialWeights };

  return {
    step(batch, learningRate) {
      if (graph === undefined) {
        graph = openStepGraph(spec, shapes, sharedItems, batch);
        if ('optimizer' in start!) graph.write(start);
        else graph.start(start!.weights);
        start = undefined;
      }
      return graph.step(batch, learningRate);
    },
    weights: () => graph?.readWeights() ?? start!.weights,
    state: async () => graph?.read() ?? ('optimizer' in start! ? start : firstState(start!.weights)),
    async restore(state) {
      if (graph === undefined) start = state;
      else graph.write(state);
    },
    dispose: () => graph?.dispose(),
  };
}

/** Returns the state before the first step. */
function firstState(weights: Weights): TrainingState {
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

/** The open graph of a model's step. */
interface StepGraph {
  step(batch: BatchArrays, learningRate: number): number;
  readWeights(): Weights;
  read(): TrainingState;
  write(state: TrainingState): void;
  /** Writes new weights and zero moments. */
  start(weights: Weights): void;
  dispose(): void;
}

/** @param sample Any batch of the training. */
function openStepGraph(
  spec: ModelSpec,
  shapes: WeightShapes,
  sharedItems: ArraysOf<ItemBatch> | undefined,
  sample: BatchArrays,
): StepGraph {
  const { nodes, momentShapes } = buildStepGraph(spec, shapes, { ...sample, items: sample.items ?? sharedItems });
  const session = openGraphSession(nodes);
  const sharedFeeds = feedsOf({ batch: { items: sharedItems } });
  let steps = 0;

  return {
    step(batch, learningRate) {
      return tf.tidy(() => {
        steps++;
        const feeds = {
          ...sharedFeeds,
          ...feedsOf({ batch }),
          [stepNodes.learningRate]: tf.scalar(learningRate),
          [stepNodes.beta1Power]: tf.scalar(adam.beta1 ** steps),
          [stepNodes.beta2Power]: tf.scalar(adam.beta2 ** steps),
        };
        const [loss] = session.run(feeds, [stepNodes.stepped]);
        return loss!.dataSync()[0]!;
      });
    },
    readWeights: () => readVariables(session, shapes),
    read() {
      const taken: Weight = { shape: [], data: Float32Array.of(steps) };
      const weights = readVariables(session, shapes);
      return { weights, optimizer: { steps: taken, ...readVariables(session, momentShapes) } };
    },
    write({ weights, optimizer: { steps: taken, ...optimizer } }) {
      writeVariables(session, { ...weights, ...optimizer });
      steps = taken!.data[0]!;
    },
    start(weights) {
      writeVariables(session, weights);
      tf.dispose(session.run({}, Object.keys(momentShapes).map(stepNodes.clear)));
      steps = 0;
    },
    dispose() {
      tf.dispose(sharedFeeds);
      session.dispose();
    },
  };
}

/** Reads all variables in one run, because TensorFlow prepares each set of outputs anew. */
function readVariables(session: GraphSession, shapes: WeightShapes): Record<string, Weight> {
  const names = Object.keys(shapes);
  const tensors = session.run({}, names.map(stepNodes.read));
  return Object.fromEntries(
    names.map((name, position) => {
      const data = tensors[position]!.dataSync() as Float32Array;
      tensors[position]!.dispose();
      return [name, { shape: shapes[name]!, data }];
    }),
  );
}

/** Variables up to this size are written together. */
const smallBytesMax = 1 << 20;

/** Writes all small variables in one run, and larger ones one by one, because a run copies what it writes. */
function writeVariables(session: GraphSession, values: Weights): void {
  const isSmall = ([, { data }]: readonly [string, Weight]): boolean => data.byteLength <= smallBytesMax;
  const all = Object.entries(values);
  const small = all.filter(isSmall);
  const large = all.filter((each) => !isSmall(each)).map((each) => [each]);
  for (const written of small.length === 0 ? large : [small, ...large]) {
    tf.tidy(() => {
      const feeds = Object.fromEntries(
        written.map(([name, { shape, data }]) => [stepNodes.fed(name), tf.tensor(data, [...shape])] as const),
      );
      const outputs = written.map(([name]) => stepNodes.write(name));
      session.run(feeds, outputs);
    });
  }
}
