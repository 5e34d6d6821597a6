import { tf } from '../../tf.ts';
import type { Weight, Weights } from '../../weights.ts';
import type { BatchArray, BatchArrays } from '../batch-arrays.ts';
import { tensorOf } from '../batch-tensors.ts';
import type { TrainingState } from '../training-state.ts';
import { adam } from './adam.ts';
import { batchFeeds } from './batch-graph.ts';
import { openGraphSession } from './graph-session.ts';
import { buildStepGraph, stepNodes } from './step-graph.ts';
import type { StepModel } from './step-graph.ts';

/** The graph of a model's step with what it keeps. */
export interface StepRunner {
  step(batch: BatchArrays, learningRate: number): number;
  readWeights(): Weights;
  read(): TrainingState;
  write(state: TrainingState): void;
  /** Writes new weights and zero moments. */
  start(weights: Weights): void;
  dispose(): void;
}

/**
 * @param fixed arrays that are the same in all batches, which come without them @param sample a batch as steps will have them
 */
export function openStepRunner(
  model: StepModel,
  fixed: Readonly<Record<string, BatchArray>>,
  sample: BatchArrays,
): StepRunner {
  const { shapes } = model;
  const { nodes, momentShapes } = buildStepGraph(model, { ...sample, arrays: { ...sample.arrays, ...fixed } });
  const session = openGraphSession(nodes);
  const kept = Object.fromEntries(
    Object.entries(fixed).map(([name, array]) => [stepNodes.input(name), tf.keep(tensorOf(array, sample.sizes))]),
  );
  let steps = 0;

  const read = (name: string, shape: readonly number[]): Weight => {
    const [tensor] = session.run({}, [stepNodes.read(name)]);
    const data = tensor!.dataSync() as Float32Array;
    tensor!.dispose();
    return { shape, data };
  };
  const write = (name: string, { shape, data }: Weight): void =>
    tf.tidy(() => void session.run({ [stepNodes.fed(name)]: tf.tensor(data, [...shape]) }, [stepNodes.write(name)]));
  const readWeights = (): Weights =>
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, read(name, shape)]));

  return {
    step(batch, learningRate) {
      return tf.tidy(() => {
        steps++;
        const feeds = {
          ...batchFeeds(batch, kept),
          [stepNodes.learningRate]: tf.scalar(learningRate),
          [stepNodes.beta1Power]: tf.scalar(adam.beta1 ** steps),
          [stepNodes.beta2Power]: tf.scalar(adam.beta2 ** steps),
        };
        const [loss] = session.run(feeds, [stepNodes.stepped]);
        return loss!.dataSync()[0]!;
      });
    },
    readWeights,
    read() {
      const optimizer: Record<string, Weight> = { steps: { shape: [], data: Float32Array.of(steps) } };
      for (const [name, shape] of Object.entries(momentShapes)) optimizer[name] = read(name, shape);
      return { weights: readWeights(), optimizer };
    },
    write({ weights, optimizer }) {
      for (const [name, weight] of Object.entries(weights)) write(name, weight);
      steps = optimizer['steps']!.data[0]!;
      for (const name of Object.keys(momentShapes)) write(name, optimizer[name]!);
    },
    start(weights) {
      for (const [name, weight] of Object.entries(weights)) write(name, weight);
      for (const name of Object.keys(momentShapes)) tf.dispose(session.run({}, [stepNodes.clear(name)]));
      steps = 0;
    },
    dispose() {
      tf.dispose(kept);
      session.dispose();
    },
  };
}
