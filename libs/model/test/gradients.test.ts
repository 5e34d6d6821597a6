import { buildPopularityTimeline, createRandom, drawEpoch } from '@facet/features';
import type { PopularityTimeline } from '@facet/features';
import { dayMs } from '@facet/platform/time';
import { describe, expect, it } from 'vitest';
import { objective } from '../src/loss/objective.ts';
import { createScoreColumns, createCandidateSet } from '../src/training/candidate-set.ts';
import type { BatchNegatives } from '../src/training/candidate-set.ts';
import { createExampleReader } from '../src/training/example-rows.ts';
import { createNegativeDraw, toBatch } from '../src/training/training-batches.ts';
import type { TrainingBatch } from '../src/batch.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Variable } from '@facet/tf-graph/tensorflow';
import { facetModel, modelVariants, negativesOf } from '../src/index.ts';
import type { ExtractorConfig, ModelConfig } from '../src/index.ts';
import { mindRouting } from '../src/variants.ts';
import { scalarScale } from '../src/weights.ts';
import { batchTensors, createTinyWorld, drawnItems, examplesOf, readBatch, variablesOf } from './tiny-world.ts';
import type { TinyWorld } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

const allGradients: ExtractorConfig = { ...mindRouting, gradient: 'all' };

/** Stop-gradient makes the true derivative differ from the learning one: checked with all iterations. */
function differentiable({ extractor }: ModelConfig): Partial<ModelConfig> {
  const through = extractor.kind === 'routing' ? { ...extractor, gradient: 'all' as const } : extractor;
  return { extractor: through, dropout: 0 };
}

const cases: { name: string; variant: string; model: Partial<ModelConfig>; isFull?: true }[] = [
  ...Object.entries(modelVariants).map(([variant, { model }]) => ({
    name: variant,
    variant,
    model: differentiable(model),
  })),
  {
    name: 'MIND, full softmax, p = 1',
    variant: 'mind',
    model: {
      extractor: allGradients,
      negatives: 'all',
      readout: { kind: 'label-aware', power: 1 },
    },
  },
  {
    name: 'MIND, sampled logsumexp',
    variant: 'mind',
    model: { extractor: allGradients, readout: { kind: 'logsumexp' } },
  },
  {
    name: 'MIND with separated interests',
    variant: 'mind',
    model: { extractor: allGradients, adaptiveInterests: false, separation: 1 },
  },
  {
    name: 'the default recipe with negatives and a learned temperature',
    variant: 'facet',
    model: { ...differentiable(facetModel), negatives: 8, temperatureMin: 0.1 },
  },
  {
    name: 'MIND, in-batch negatives',
    variant: 'mind',
    model: { extractor: allGradients, negatives: 'in-batch' },
  },
  {
    name: 'the default recipe, mixed negatives',
    variant: 'facet',
    model: { ...differentiable(facetModel), negatives: 'in-batch+8' },
    isFull: true,
  },
  {
    name: 'YouTube DNN with recency and context',
    variant: 'youtube-dnn',
    model: { recency: true, context: 'mean' },
  },
];

/** Tried in order: a long step may cross a kink of a ReLU or change the nearest interest, a short one is lost in float32. */
const steps = [4e-3, 1e-2, 1e-3, 3e-4];
/** Shorter gradients are lost in float32. */
const smallestGradient = 1e-3;
const randomDirections = 2;

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, cell) => sum + value * b[cell]!, 0);
}

function unit(values: Float32Array): Float32Array {
  const length = Math.sqrt(dot(values, values));
  return values.map((value) => value / length);
}

/** A popularity that differs between items: without the interactions of half of the users. */
function unevenPopularity({ data: { sequences } }: TinyWorld): PopularityTimeline {
  const offsets = sequences.offsets.slice(0, 8);
  return buildPopularityTimeline({ ...sequences, offsets }, 13, 100 * dayMs);
}

/** Larger weights than at the start, so that no gradient is lost in float32 noise. */
function largerVariables({ weights }: TinyWorld, random = createRandom(9)): Record<string, Variable> {
  return variablesOf(weights, (value) => value * 3 + 0.1 * random.normal());
}

describe('the gradient of every weight equals finite differences', () => {
  for (const { name: title, variant, model, isFull } of cases) {
    it(title, optionsFor(variant, isFull), () => {
      const tiny = createTinyWorld({ variant, model });
      const { spec } = tiny;
      const world = { ...tiny, data: { ...tiny.data, timeline: unevenPopularity(tiny) } };
      const random = createRandom(9);
      const variables = largerVariables(world, random);
      tf.tidy(() => {
        const { examples, batch, candidateSet } = readBatch(world);
        const negatives = createNegativeDraw(world, candidateSet)(examples, batch, random);
        const tensors = batchTensors(world, batch, candidateSet, negatives);
        const loss = (): number => tf.tidy(() => objective(variables, spec, tensors).dataSync()[0]!);
        const { grads } = tf.variableGrads(() => objective(variables, spec, tensors));

        for (const [name, variable] of Object.entries(variables)) {
          if (!variable.trainable) continue;
          const gradient = grads[variable.name]?.dataSync() as Float32Array | undefined;
          const length = gradient === undefined ? 0 : Math.sqrt(dot(gradient, gradient));
          expect(length, `the gradient of ${name}`).toBeGreaterThan(smallestGradient);
          const origin = variable.clone();
          const originValues = variable.dataSync() as Float32Array;
          const slopeAlong = (direction: Float32Array, step: number): number => {
            const lossAt = (distance: number): number => {
              const moved = originValues.map((value, cell) => value + distance * direction[cell]!);
              variable.assign(tf.tensor(moved, variable.shape));
              return loss();
            };
            const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
            variable.assign(origin as typeof variable);
            return slope;
          };
          const expectSlope = (direction: Float32Array, tolerance: number, what: string): void => {
            const expected = dot(gradient!, direction);
            let nearest = Infinity;
            for (const step of steps) {
              nearest = Math.min(nearest, Math.abs(slopeAlong(direction, step) - expected));
              if (nearest < tolerance) break;
            }
            expect(nearest, `${name} along ${what}`).toBeLessThan(tolerance);
          };
          // Along its own gradient the loss rises by the gradient's length, along others by their inner product.
          expectSlope(unit(gradient!), 0.05 * length, 'its gradient');
          for (let draw = 0; draw < randomDirections; draw++) {
            const direction = unit(Float32Array.from(gradient!, () => random.normal()));
            expectSlope(direction, 0.02 * length + 3e-4, `random direction ${draw}`);
          }
        }
      });
      tf.disposeVariables();
    });
  }
});

describe.each(['all', 8] as const)('the loss with a repeat bonus, negatives: %s', (negatives) => {
  /** Returns the loss for each size of the bonus, and the loss of a model without it. @param itemOf changes the items of the users. */
  function losses(bonuses: number[], itemOf: (item: number) => number, chosen: number[]) {
    const model = { negatives, dropout: 0, separation: 0 };
    const tiny = createTinyWorld({ variant: 'facet', model, training: { labels: 'next' } });
    const { spec, data } = tiny;
    const sequences = { ...data.sequences, items: data.sequences.items.map(itemOf) };
    const world = { ...tiny, data: { ...data, sequences } };
    const variables = variablesOf(world.weights);
    const result = tf.tidy(() => {
      const { examples, batch, candidateSet } = readBatch(world, chosen);
      const drawn = createNegativeDraw(world, candidateSet)(examples, batch, createRandom(3));
      const { repeats, ...withoutRepeats } = batchTensors(world, batch, candidateSet, drawn);
      const lossOf = (tensors: TrainingBatch): number => objective(variables, spec, tensors).dataSync()[0]!;
      const byBonus = bonuses.map((bonus) => {
        variables['repeat/weights']!.assign(tf.tensor1d([bonus / scalarScale, 0, 0, 0, 0]));
        return lossOf({ ...withoutRepeats, repeats: repeats! });
      });
      return { byBonus, withoutRepeats: lossOf(withoutRepeats) };
    });
    tf.disposeVariables();
    return result;
  }

  it('trains on repeats that the bonus explains', () => {
    // Each user repeats one item. A large bonus explains these labels, so only the loss without the bonus remains.
    const { byBonus, withoutRepeats } = losses([100], (item) => item - ((item - 1) % 4), [0, 9, 20]);
    expect(byBonus[0]).toBeCloseTo(withoutRepeats / 2, 5);
    expect(withoutRepeats).toBeGreaterThan(0.1);
  });

  it('is the loss with the bonus if no label is a repeat', () => {
    // The second to fourth item of each user is new.
    const { byBonus, withoutRepeats } = losses([0, -100], (item) => item, [0, 1, 2, 7, 8]);
    expect(byBonus[0]).toBeCloseTo(withoutRepeats, 5);
    expect(byBonus[1]).toBeLessThan(withoutRepeats - 0.01);
  });

  it('excludes behaviors that are no labels from the loss without the bonus', () => {
    // Half of the labels are new, half are repeats.
    const { byBonus, withoutRepeats } = losses([0], (item) => item, [1, 2, 5, 6]);
    expect(byBonus[0]).toBeLessThan(withoutRepeats - 0.01);
  });
});

describe('the candidates of labels', () => {
  const readouts = [{ kind: 'logsumexp' }, { kind: 'label-aware', power: 2 }] as const;

  it.each(readouts)('labels of an example are not its negatives, other items are: $kind', (readout) => {
    const world = createTinyWorld({ variant: 'facet', model: { readout } });
    const { batch, candidateSet } = readBatch(world);
    const negatives = [5, 9, 1];
    const { labelCells } = toBatch(world.spec, batch, candidateSet, drawnItems(candidateSet, 5, 9, 5, 1));
    const pairs = labelCells!.data;
    const cells = Array.from({ length: pairs.length / 2 }, (_, hit) => `${pairs[2 * hit]} ${pairs[2 * hit + 1]}`);
    const labelsOf = (example: number): Int32Array =>
      batch.labels.filter((_, label) => batch.labelRows[label] === example);
    const exampleOfRow =
      readout.kind === 'label-aware'
        ? [...batch.labelRows]
        : Array.from({ length: batch.size }, (_, example) => example);
    const expected = exampleOfRow.flatMap((example, row) =>
      negatives.flatMap((item, column) => (labelsOf(example).includes(item) ? [`${row} ${column}`] : [])),
    );
    expect([...new Set(cells)].sort()).toEqual(expected.sort());
    expect(expected.length).toBeGreaterThan(2);
  });

  it.each(readouts)('with each item as a negative once equals the full softmax: $kind', (readout) => {
    const world = createTinyWorld({ variant: 'facet', model: { readout }, training: { labels: 'next' } });
    const { spec, data } = world;
    const losses = tf.tidy(() => {
      const variables = largerVariables(world);
      const { batch, candidateSet } = readBatch(world);
      const lossOf = (negatives: BatchNegatives | undefined): number =>
        objective(variables, spec, batchTensors(world, batch, candidateSet, negatives)).dataSync()[0]!;
      return { full: lossOf(undefined), once: lossOf({ items: data.candidates, logExpectedCount: () => 0 }) };
    });
    expect(losses.once).toBeCloseTo(losses.full, 5);
    tf.disposeVariables();
  });

  it('a negative that is drawn several times is one column with the same total weight', () => {
    const world = createTinyWorld({ variant: 'facet' });
    const candidateSet = createCandidateSet(world.data, 13);
    const { items, logExpected, columnOf: of } = createScoreColumns(candidateSet, drawnItems(candidateSet, 7, 3, 7, 7));
    expect([...items]).toEqual([7, 3]);
    expect([of(3), of(7), of(1)]).toEqual([1, 0, -1]);
    const expected = (item: number): number => candidateSet.sampler.expectedCount(item, 4);
    expect(logExpected![0]).toBeCloseTo(Math.log(expected(7) / 3), 6);
    expect(logExpected![1]).toBeCloseTo(Math.log(expected(3)), 6);
  });

  it.each(['in-batch', 'in-batch+4'] as const)('%s weighs each item by its expected count', (negatives) => {
    const training = { labels: 'share', examplesPerUser: 2 } as const;
    const tiny = createTinyWorld({ variant: 'mind', model: { negatives }, training });
    // Users of unequal length, so that items differ in frequency and users in the share of their examples.
    const offsets = Int32Array.of(0, 8, 16, 24, 27, 30, 33);
    const sequences = { ...tiny.data.sequences, offsets, userIds: tiny.data.sequences.userIds.slice(0, 6) };
    const world = { ...tiny, data: { ...tiny.data, sequences } };
    const examples = examplesOf(world);
    const readExamples = createExampleReader(world.spec, world.data);
    const draw = createNegativeDraw(world, createCandidateSet(world.data, 13));
    const random = createRandom(4);
    const sums = new Float64Array(14);
    const batches = 20_000;
    for (let batch = 0; batch < batches; batch++) {
      const order = drawEpoch(examples, { perUser: training.examplesPerUser, random });
      const rows = readExamples(examples, order.subarray(0, 5), random);
      const { items, logExpectedCount } = draw(examples, rows, random)!;
      for (const item of items) sums[item]! += Math.exp(-logExpectedCount(item));
      // The first example masks its own labels.
      const own = rows.labels.filter((_, label) => rows.labelRows[label] === 0);
      for (const item of own) sums[item]! -= Math.exp(-logExpectedCount(item));
    }
    // So Σ exp(s − ln Q) over the negatives is an unbiased estimate of Σ exp(s) over all items.
    for (let item = 1; item <= 12; item++) expect(Math.abs(sums[item]! / batches - 1)).toBeLessThan(0.05);
  });

  it('auto uses all items of a small catalog and samples a large one', () => {
    expect(negativesOf({ negatives: 'auto' }, 5_000)).toBe('all');
    expect(negativesOf({ negatives: 'auto' }, 5_001)).toBe(2_048);
    expect(negativesOf({ negatives: 'all' }, 1_000_000)).toBe('all');
    expect(negativesOf({ negatives: 7 }, 10)).toBe(7);
    expect(negativesOf({ negatives: 'in-batch' }, 10)).toBe('in-batch');
  });
});

describe('the weights that a batch trains', () => {
  it('sampled negatives train side-feature tables', () => {
    const world = createTinyWorld({ variant: 'mind', model: { negatives: 8 } });
    const reached = tf.tidy(() => {
      const variables = variablesOf(world.weights);
      // Items 4, 8 and 12 carry genre b; the user's group 1..4 has it in item 4 only.
      const { batch, candidateSet } = readBatch(world, [0]);
      const tensors = batchTensors(world, batch, candidateSet, drawnItems(candidateSet, 8, 12));
      const { grads } = tf.variableGrads(
        () => objective(variables, world.spec, tensors),
        [variables['item/id']!, variables['item/feature/genre']!],
      );
      return Object.values(grads).map((gradient) => gradient.abs().sum(1).arraySync() as number[]);
    });
    const [ids, genres] = reached;
    expect(ids![8]).toBeGreaterThan(0);
    expect(ids![12]).toBeGreaterThan(0);
    expect(genres![2]).toBeGreaterThan(0);
    expect(genres![0]).toBe(0);
    tf.disposeVariables();
  });
});
