import { createRandom } from '@facet/features';
import { afterEach, describe, expect, it } from 'vitest';
import { initializeWeights, modelVariants } from '../src/index.ts';
import type { ModelConfig, Weights } from '../src/index.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import { createBatchBuilder, sharedItems } from '../src/batches.ts';
import type { BatchArrays } from '../src/batches.ts';
import { adam } from '../src/training/adam.ts';
import { buildStepGraph, stepNodes } from '../src/training/step-graph.ts';
import { createWholeBatchBuilder } from '../src/training/training-batches.ts';
import { feedsOf, openGraphSession } from '@facet/tf-graph';
import { objective } from '../src/loss/objective.ts';
import { changeWeights, createTinyWorld, examplesOf, openTinySession, tensorsOf, variablesOf } from './tiny-world.ts';
import type { TinyWorld } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

const cases: { name: string; variant: string; model: Partial<ModelConfig>; coldItems?: number; isFull?: true }[] = [
  ...Object.keys(modelVariants).map((variant) => ({
    name: `the variant ${variant}`,
    variant,
    // Layer normalization of the few values that a dropout of one half leaves would lose digits.
    model: variant === 'sasrec' ? { dropout: 0.2 } : {},
  })),
  {
    name: 'the default recipe, maximum of the interests',
    variant: 'facet',
    model: { readout: { kind: 'max' } },
    isFull: true,
  },
  { name: 'MIND, nearest interest', variant: 'mind', model: { readout: { kind: 'label-aware', power: 'infinity' } } },
  {
    name: 'MIND, sampled logsumexp with dropout',
    variant: 'mind',
    model: { readout: { kind: 'logsumexp' }, dropout: 0.4 },
    isFull: true,
  },
  { name: 'MIND, full softmax', variant: 'mind', model: { negatives: 'all' } },
  { name: 'the default recipe, sampled', variant: 'facet', model: { negatives: 8 }, isFull: true },
  { name: 'the default recipe, mostly cold items', variant: 'facet', model: {}, coldItems: 6000, isFull: true },
  { name: 'MIND, in-batch negatives', variant: 'mind', model: { negatives: 'in-batch' } },
  { name: 'the default recipe, mixed negatives', variant: 'facet', model: { negatives: 'in-batch+8' } },
  { name: 'the default recipe, learned temperature', variant: 'facet', model: { temperatureMin: 0.1 } },
];

/** Every table sparse that can be, and none of them. */
const denseRows = [0, 100];

/** Weights larger than at the start, so that no gradient is lost in float32 noise. */
function largerWeights(world: TinyWorld): Weights {
  const random = createRandom(9);
  return changeWeights(world.weights, (value) => value * 2 + 0.1 * random.normal());
}

/** Loss and gradients of the objective op by op over whole tables, by item index. */
function reference(
  world: TinyWorld,
  weights: Weights,
  chosen: Int32Array,
  seed: number,
): { loss: number; gradients: Record<string, Float32Array> } {
  const examples = examplesOf(world);
  const variables = variablesOf(weights);
  try {
    const batch = createWholeBatchBuilder(world)(examples, chosen, createRandom(seed))!;
    const gradients: Record<string, Float32Array> = {};
    let loss = 0;
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => objective(variables, world.spec, tensorsOf(batch)));
      loss = value.dataSync()[0]!;
      for (const [name, variable] of Object.entries(variables)) {
        const gradient = grads[variable.name];
        if (gradient !== undefined && gradient !== null) gradients[name] = gradient.dataSync() as Float32Array;
      }
    });
    return { loss, gradients };
  } finally {
    tf.dispose(variables);
  }
}

/** Of whole tables, from a graph's gradients of the rows that a batch uses. */
function spread(gradient: Float32Array, rows: Int32Array, { shape, data }: Weights[string]): Float32Array {
  const width = data.length / shape[0]!;
  const whole = new Float32Array(data.length);
  rows.forEach((row, place) => whole.set(gradient.subarray(place * width, (place + 1) * width), row * width));
  return whole;
}

function expectClose(actual: Float32Array, expected: Float32Array, what: string): void {
  const scale = Math.max(0.05, ...expected.map(Math.abs));
  const worst = actual.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index]!)), 0);
  // Layer normalization of a few small values loses digits.
  expect(worst / scale, what).toBeLessThan(3e-4);
}

describe.each(cases)('the step graph of $name', ({ variant, model, coldItems = 1, isFull }) => {
  afterEach(() => tf.disposeVariables());

  it.each(denseRows)(
    'has the loss and the gradients of the objective for batches of all sizes (%i)',
    optionsFor(variant, isFull),
    (denseRowsMax) => {
      const world = createTinyWorld({ variant, model, coldItems });
      const weights = largerWeights(world);
      const examples = examplesOf(world);
      const buildBatch = createBatchBuilder({ ...world, denseRowsMax });
      const batchOf = (chosen: Int32Array, seed: number): BatchArrays => {
        const batch = buildBatch(examples, chosen, createRandom(seed))!;
        return { ...batch, items: batch.items ?? sharedItems(world, world.data.candidates) };
      };
      const shapes = Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape]));
      const { nodes } = buildStepGraph(world.spec, shapes, batchOf(Int32Array.of(1, 2, 3), 1));
      const session = openGraphSession(nodes);
      tf.tidy(() => {
        const feeds = Object.entries(weights).map(([name, { shape, data }]) => [
          stepNodes.fed(name),
          tf.tensor(data, [...shape]),
        ]);
        session.run(Object.fromEntries(feeds), Object.keys(weights).map(stepNodes.write));
      });
      for (const size of [1, 2, 12]) {
        const chosen = Int32Array.from({ length: size }, (_, position) => position * 3 + 1);
        const batch = batchOf(chosen, size);
        const expected = reference(world, weights, chosen, size);
        tf.tidy(() => {
          const feeds = feedsOf({ batch });
          const names = Object.keys(expected.gradients).filter((name) => name !== 'routing/logits');
          const [loss, ...gradients] = session.run(feeds, [stepNodes.loss, ...names.map(stepNodes.gradient)]);
          expect(loss!.dataSync()[0]).toBeCloseTo(expected.loss, 4);
          names.forEach((name, position) => {
            const gradient = gradients[position]!.dataSync() as Float32Array;
            const rows = batch.usedRows[name]?.data as Int32Array | undefined;
            const whole = rows === undefined ? gradient : spread(gradient, rows, weights[name]!);
            expectClose(whole, expected.gradients[name]!, `${name}, ${size} examples`);
          });
        });
      }
      session.dispose();
    },
  );

  it.each(denseRows)('applies Adam, lazy for sparse tables (%i)', optionsFor(variant, isFull), async (denseRowsMax) => {
    const world = createTinyWorld({ variant, model, coldItems });
    const examples = examplesOf(world);
    const initialWeights = largerWeights(world);
    const buildBatch = createBatchBuilder({ ...world, denseRowsMax });
    const session = openTinySession(world, { initialWeights, denseRowsMax });
    const expected = structuredClone(await session.state());
    const rate = 0.01;
    for (let step = 1; step <= 4; step++) {
      const chosen = Int32Array.from({ length: 4 }, (_, position) => position * 5 + step);
      const { gradients } = reference(world, expected.weights, chosen, step);
      const { usedRows } = buildBatch(examples, chosen, createRandom(step))!;
      for (const [name, gradient] of Object.entries(gradients)) {
        if (name === 'routing/logits') continue;
        const rows = usedRows[name]?.data as Int32Array | undefined;
        adamByHand(expected, name, gradient, rate, step, rows);
      }
      session.stepOn(examples, chosen, rate, createRandom(step));
    }
    const state = await session.state();
    for (const [name, { data }] of Object.entries(expected.weights)) {
      // A gradient that cancels out (of a feature that all items have alike) is noise, which Adam makes as large as any other.
      const first = expected.optimizer[`first/${name}`]?.data;
      const stepped = state.optimizer[`first/${name}`]?.data;
      const isNoise = (cell: number): boolean =>
        first !== undefined && Math.abs(first[cell]!) <= 1e-5 && (first[cell] !== 0 || stepped![cell] !== 0);
      const certain = state.weights[name]!.data.map((value, cell) => (isNoise(cell) ? data[cell]! : value));
      expectClose(certain, data, name);
    }
    for (const [name, { data }] of Object.entries(expected.optimizer)) {
      expectClose(state.optimizer[name]!.data, data, name);
    }
    session.dispose();
  });
});

it('uses the full softmax over few trained items, however many cold items the catalog has', () => {
  const world = createTinyWorld({ variant: 'facet', coldItems: 6000 });
  const batch = createBatchBuilder(world)(examplesOf(world), Int32Array.of(1, 2, 3), createRandom(1))!;
  expect([batch.items, batch.logExpected]).toEqual([undefined, undefined]);
  expect(batch.usedRows['item/id']!.data).toEqual(Int32Array.from({ length: 13 }, (_, row) => row));
  const shared = sharedItems(world, world.data.candidates)!;
  expect(Object.values(shared.pooled).map(({ weights }) => weights.shape[0])).toEqual([13, 13]);
});

/** Adam of one weight, in place; of `rows` of it only, if there are some. */
function adamByHand(
  { weights, optimizer }: { weights: Weights; optimizer: Weights },
  name: string,
  gradient: Float32Array,
  learningRate: number,
  step: number,
  rows: Int32Array | undefined,
): void {
  const { shape, data } = weights[name]!;
  const [first, second] = [optimizer[`first/${name}`]!.data, optimizer[`second/${name}`]!.data];
  const width = data.length / shape[0]!;
  const rate = (learningRate * Math.sqrt(1 - adam.beta2 ** step)) / (1 - adam.beta1 ** step);
  for (const row of rows ?? Array.from({ length: shape[0]! }, (_, each) => each)) {
    for (let cell = row * width; cell < (row + 1) * width; cell++) {
      first[cell] = adam.beta1 * first[cell]! + (1 - adam.beta1) * gradient[cell]!;
      second[cell] = adam.beta2 * second[cell]! + (1 - adam.beta2) * gradient[cell]! ** 2;
      data[cell]! -= (rate * first[cell]!) / (Math.sqrt(second[cell]!) + adam.epsilon);
    }
  }
  optimizer['steps']!.data[0] = step;
}

describe('the session of a graph', () => {
  it('does not change the arrays of initial weights and states', async () => {
    const world = createTinyWorld({ variant: 'mind' });
    const examples = examplesOf(world);
    const initialWeights = initializeWeights(world.spec, createRandom(3));
    const copies = Object.fromEntries(Object.entries(initialWeights).map(([name, { data }]) => [name, data.slice()]));
    const session = openTinySession(world, { initialWeights, denseRowsMax: 0 });
    const step = (): number => session.stepOn(examples, Int32Array.of(1, 2, 3), 0.01, createRandom(1));
    step();
    const state = await session.state();
    const kept = state.optimizer['first/item/id']!.data.slice();
    step();
    await session.restore(state);
    step();
    for (const [name, { data }] of Object.entries(initialWeights)) expect(data).toEqual(copies[name]);
    expect(state.optimizer['first/item/id']!.data).toEqual(kept);
    session.dispose();
  });
});
