import { buildPopularityTimeline, createRandom } from '@facet/features';
import type { Examples } from '@facet/features';
import { dayMs } from '@facet/platform/time';
import { describe, expect, it } from 'vitest';
import { initializeWeights, modelVariants } from '../src/index.ts';
import type { ModelConfig, Weights } from '../src/index.ts';
import { countEpochs, createBatchSource, trainingExamples } from '../src/batches.ts';
import { trainLoop, zeroUntrainedUsers } from '../src/training.ts';
import type { Divergence, LoopProgress } from '../src/training.ts';
import { createLossWatch } from '../src/training/divergence.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import { createTinyWorld, examplesOf, openTinySession } from './tiny-world.ts';
import type { TinyWorld } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

function sessionOf(world: TinyWorld, denseRowsMax?: number): ReturnType<typeof openTinySession> {
  const initialWeights = initializeWeights(world.spec, createRandom(world.training.seed));
  return openTinySession(world, { initialWeights, denseRowsMax });
}

async function train(
  world: TinyWorld,
  { examples = examplesOf(world), ...options }: Partial<Parameters<typeof trainLoop>[0]> & { examples?: Examples } = {},
  denseRowsMax?: number,
): Promise<LoopProgress> {
  const session = sessionOf(world, denseRowsMax);
  const batches = createBatchSource(session.buildBatch, examples, world.training);
  try {
    return await trainLoop({
      session,
      batches,
      config: world.training,
      epochs: Number(world.training.epochs),
      ...options,
    });
  } finally {
    session.dispose();
  }
}

const readouts: ModelConfig['readout'][] = [
  { kind: 'label-aware', power: 0 },
  { kind: 'label-aware', power: 2 },
  { kind: 'label-aware', power: 'infinity' },
  { kind: 'logsumexp' },
  { kind: 'max' },
];

describe('training', () => {
  it('trains little data for more epochs with `auto`, and others for six', () => {
    const training = { batchSize: 256, examplesPerUser: 0 };
    const epochsOf = (examples: number, epochs: 'auto' | number = 'auto'): number =>
      countEpochs({ ...training, epochs }, { user: new Int32Array(examples) });
    // 13 steps an epoch.
    expect(epochsOf(13 * 256)).toBe(12);
    expect(epochsOf(25 * 256)).toBe(6);
    expect(epochsOf(1_000 * 256)).toBe(6);
    expect(epochsOf(1)).toBe(30);
    expect(epochsOf(1, 3)).toBe(3);
  });

  it.each(readouts)(
    'overfits a tiny world under $kind $power, with both softmaxes',
    { tags: 'full' },
    async (readout) => {
      for (const negatives of ['all', 8] as const) {
        const world = createTinyWorld({
          variant: 'mind',
          model: { readout, negatives, outputActivation: 'linear' },
          training: { epochs: 20, learningRate: 0.05, labels: 'next', patience: 99 },
        });
        const { curve } = await train(world);
        expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss * 0.85);
      }
    },
  );

  it('learns the default recipe, prior and repeat bonus included', async () => {
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 10, learningRate: 0.02, patience: 99 } });
    const { curve, best } = await train(world);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    expect(unchangedBy(world, best)).toEqual(['routing/logits']);
  });

  for (const variant of Object.keys(modelVariants)) {
    it(`${variant} lowers its initial loss and changes every weight`, optionsFor(variant), async () => {
      const world = createTinyWorld({
        variant,
        model: { dropout: 0 },
        training: { epochs: 20, learningRate: 0.05, labels: 'next', patience: 99 },
      });
      const { curve, best } = await train(world);
      expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
      expect(unchangedBy(world, best)).toEqual(Object.keys(world.weights).filter((name) => name === 'routing/logits'));
    });
  }

  it('updates the vectors of users in the batch and keeps those of users without examples at zero (MaxMF)', () => {
    const world = createTinyWorld({ variant: 'maxmf', training: { labels: 'next' } });
    const { spec, data } = world;
    const { interests: K, embeddingDim: D } = spec.config;
    const examples = examplesOf(world);
    const trained = examples.user[0]!;
    const initialWeights = zeroUntrainedUsers(spec, world.weights, { count: 1, user: examples.user });
    const session = openTinySession(world, { initialWeights });
    session.stepOn(examples, Int32Array.of(0), 0.01, createRandom(1));
    const rowOf = (weights: Weights, user: number): Float32Array =>
      weights['user/vectors']!.data.slice(user * K * D, (user + 1) * K * D);
    for (const user of data.sequences.userIds.keys()) {
      const row = rowOf(session.weights(), user);
      if (user === trained) expect(row).not.toEqual(rowOf(world.weights, user));
      else expect(row.every((value) => value === 0)).toBe(true);
    }
    session.dispose();
  });

  it('never changes the routing logits and row 0, which is padding', async () => {
    const world = createTinyWorld({ variant: 'mind', training: { epochs: 2 } });
    const { best } = await train(world);
    const initial = initializeWeights(world.spec, createRandom(world.training.seed));
    expect(bytes(best.weights, 'routing/logits')).toEqual(bytes(initial, 'routing/logits'));
    const D = world.spec.config.embeddingDim;
    expect(best.weights['item/id']!.data.slice(0, D)).toEqual(initial['item/id']!.data.slice(0, D));
    // The cold item has no id embedding to learn.
    expect(best.weights['item/id']!.data.slice(13 * D)).toEqual(initial['item/id']!.data.slice(13 * D));
  });

  it('returns the same weights for the same seed and others for another seed', { tags: 'full' }, async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const [first, second] = [await train(world), await train(world)];
    expect(allBytes(first.best.weights)).toEqual(allBytes(second.best.weights));
    const other = await train({ ...world, training: { ...world.training, seed: 2 } });
    expect(allBytes(other.best.weights)).not.toEqual(allBytes(first.best.weights));
  });

  it.each([
    ['facet', 'whole tables', undefined],
    ['mind', 'rows of tables', 0],
  ] as const)('%s, killed within an epoch, equals an uninterrupted run when it is resumed (%s)', async (...of) => {
    const [variant, , denseRowsMax] = of;
    const world = createTinyWorld({ variant, training: { epochs: 4, patience: 99 } });
    const whole = await train(world, {}, denseRowsMax);
    let kept: LoopProgress | undefined;
    const killed = train(
      world,
      {
        onEpoch: async (_, progress) => {
          kept = progress;
        },
        onStep: ({ epoch, done }) => {
          if (epoch === 3 && done === 2) throw new Error('killed');
        },
      },
      denseRowsMax,
    );
    await expect(killed).rejects.toThrow('killed');
    expect(kept!.curve).toHaveLength(2);
    const resumed = await train(world, { resume: kept! }, denseRowsMax);
    expect(resumed.curve).toEqual(whole.curve);
    expect(allBytes(resumed.last.weights)).toEqual(allBytes(whole.last.weights));
    expect(allBytes(resumed.last.optimizer)).toEqual(allBytes(whole.last.optimizer));
    expect(allBytes(resumed.best.weights)).toEqual(allBytes(whole.best.weights));
  });

  it('returns the moving average of the weights, which does not change the steps', async () => {
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 3, patience: 99 } });
    const validated: Weights[] = [];
    const scores = [0.1, 0.2, 0.3];
    const averaged = await train(world, {
      validate: async (weights) => {
        validated.push(weights);
        return scores[validated.length - 1]!;
      },
    });
    const withoutAverage = await train({ ...world, training: { ...world.training, averageEpochs: 0 } });
    expect(averaged.curve.map(({ loss }) => loss)).toEqual(withoutAverage.curve.map(({ loss }) => loss));
    expect(allBytes(averaged.last.weights)).toEqual(allBytes(withoutAverage.best.weights));
    expect(averaged.best.weights).toBe(validated[2]);
    expect(allBytes(averaged.best.weights)).not.toEqual(allBytes(withoutAverage.best.weights));
  });

  it('stops between steps when canceled', { tags: 'full' }, async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const stop = new AbortController();
    let steps = 0;
    const stopped = train(world, {
      signal: stop.signal,
      onStep: () => {
        steps++;
        if (steps === 2) stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'MODEL_ABORTED', retryable: true });
    expect(steps).toBe(2);
  });

  it('stops when the validation score no longer improves and keeps the best epoch', async () => {
    const scores = [0.1, 0.3, 0.2, 0.25, 0.9];
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 5, patience: 2 } });
    const seen: Weights[] = [];
    const { bestEpoch, curve, best } = await train(world, {
      validate: async (weights) => {
        seen.push(weights);
        return scores[seen.length - 1]!;
      },
    });
    expect(curve.map(({ score }) => score)).toEqual([0.1, 0.3, 0.2, 0.25]);
    expect(bestEpoch).toBe(2);
    expect(allBytes(best.weights)).toEqual(allBytes(seen[1]!));
  });

  it('refuses to train without examples', async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const none = trainingExamples(world.data.sequences, world.training, 0);
    await expect(train(world, { examples: none })).rejects.toMatchObject({ code: 'MODEL_NO_EXAMPLES' });
  });

  it('refuses data of one day, on which the popularity prior knows no item', async () => {
    const { data, ...world } = createTinyWorld({ variant: 'facet', training: { labels: 'next' } });
    const sequences = { ...data.sequences, times: data.sequences.times.map((time) => time / 20) };
    const timeline = buildPopularityTimeline(sequences, 13, dayMs);
    const oneDay = { ...world, data: { ...data, sequences, timeline } };
    await expect(train(oneDay)).rejects.toMatchObject({ code: 'MODEL_NO_LABELS' });
    // The refit after a fit has more days, and refuses them if it has no labels either.
    const validate = () => Promise.resolve(0.5);
    expect((await train(oneDay, { validate })).bestEpoch).toBe(1);
    const noRefit = { ...oneDay, training: { ...oneDay.training, refit: false } };
    await expect(train(noRefit, { validate })).rejects.toMatchObject({ code: 'MODEL_NO_LABELS' });
  });

  it('repeats a diverged epoch from the state before it at half the rate, and reports it', async () => {
    const wild = createTinyWorld({ variant: 'facet', training: { learningRate: 2, epochs: 2, patience: 99 } });
    const reported: Divergence[] = [];
    const { curve, best } = await train(wild, { onDivergence: (divergence) => reported.push(divergence) });
    expect(reported).toHaveLength(1);
    expect(reported[0]).toMatchObject({ epoch: 1, kind: 'loss-not-finite', learningRate: 2 });
    expect(reported[0]!.losses).toHaveLength(reported[0]!.step - 1);
    expect(curve.map(({ diverged }) => diverged)).toEqual([reported, undefined]);
    const tame = await train({ ...wild, training: { ...wild.training, learningRate: 1 } });
    expect(curve.map(({ loss }) => loss)).toEqual(tame.curve.map(({ loss }) => loss));
    expect(allBytes(best.weights)).toEqual(allBytes(tame.best.weights));
  });

  it('repeats an epoch whose weights give no finite score', async () => {
    const reported: Divergence[] = [];
    const scores = [Number.NaN, 0.5, 0.6];
    const world = createTinyWorld({ variant: 'mind', training: { epochs: 2 } });
    const { curve } = await train(world, {
      validate: async () => scores.shift()!,
      onDivergence: (divergence) => reported.push(divergence),
    });
    expect(curve.map(({ score }) => score)).toEqual([0.5, 0.6]);
    expect(reported).toMatchObject([{ epoch: 1, kind: 'score-not-finite', learningRate: world.training.learningRate }]);
    expect(curve[0]!.diverged).toEqual(reported);
  });

  it('forgets the samples of a diverged epoch', { tags: 'full' }, async () => {
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 2, patience: 99 } });
    const scores = [0.5, Number.NaN, 0.6];
    const kept: LoopProgress[] = [];
    const repeated = await train(world, {
      validate: async () => scores.shift()!,
      onEpoch: async (_, progress) => void kept.push(progress),
    });
    const [first] = kept[0]!.curve;
    const slower = { ...kept[0]!, curve: [{ ...first!, diverged: repeated.curve[1]!.diverged! }] };
    const resumed = await train(world, { resume: slower, validate: async () => 0.6 });
    expect(allBytes(repeated.best.weights)).toEqual(allBytes(resumed.best.weights));
  });

  it('keeps the lower rate when resumed after a diverged epoch', { tags: 'full' }, async () => {
    const wild = createTinyWorld({ variant: 'facet', training: { learningRate: 2, epochs: 2, patience: 99 } });
    const kept: LoopProgress[] = [];
    const whole = await train(wild, { onEpoch: async (_, progress) => void kept.push(progress) });
    const resumed = await train(wild, { resume: kept[0]! });
    expect(resumed.curve).toEqual(whole.curve);
    expect(allBytes(resumed.last.weights)).toEqual(allBytes(whole.last.weights));
  });

  it(
    'fails after two recoveries and names the rate, or immediately if the data are invalid',
    { tags: 'full' },
    async () => {
      const wild = createTinyWorld({ variant: 'facet', training: { learningRate: 8 } });
      const reported: Divergence[] = [];
      await expect(train(wild, { onDivergence: (divergence) => reported.push(divergence) })).rejects.toMatchObject({
        code: 'MODEL_DIVERGED',
        message: expect.stringMatching(
          /epoch 1, step \d+, .*losses before it: \d[\d.]*, .*learning rates 4 and 2/,
        ) as unknown,
        remedy: expect.stringContaining('training.learningRate') as unknown,
        context: { cause: 'rate', learningRate: 2, earlier: reported },
      });
      expect(reported.map(({ learningRate }) => learningRate)).toEqual([8, 4]);

      const spoiled = createTinyWorld({ variant: 'mind' });
      const start = await train(spoiled);
      start.last.weights['item/id']!.data.fill(Number.NaN);
      await expect(train(spoiled, { start: start.last })).rejects.toMatchObject({
        code: 'MODEL_DIVERGED',
        context: { cause: 'data', epoch: 1, step: 1, earlier: [] },
      });
    },
  );

  it('detects a rising loss in the middle of an epoch and ignores the noise of a good model', () => {
    const rising = createLossWatch(undefined);
    const kinds = Array.from({ length: 40 }, (_, step) => rising.after(2 * 1.1 ** step));
    // The mean of 20 losses a, 1.1 a, …, 1.1¹⁹ a is 2.86 a; it passes 3 · 2 when a is 2.1 or more: one step on.
    expect(kinds.indexOf('loss-risen')).toBe(20);
    const good = createLossWatch(0.01);
    const noisy = Array.from({ length: 40 }, (_, step) => good.after(step % 2 === 0 ? 0.001 : 2.9));
    expect(noisy.every((kind) => kind === undefined) && good.atEnd() === undefined).toBe(true);
    expect(good.after(Number.POSITIVE_INFINITY)).toBe('loss-not-finite');
  });

  it('leaks no tensors', async () => {
    const start = tf.memory().numTensors;
    const world = createTinyWorld({ variant: 'facet' });
    const session = sessionOf(world);
    const examples = examplesOf(world);
    const random = createRandom(1);
    const chosen = Int32Array.from({ length: 16 }, (_, position) => position);
    session.stepOn(examples, chosen, 0.001, random);
    const afterOne = tf.memory().numTensors;
    for (let step = 0; step < 50; step++) session.stepOn(examples, chosen, 0.001, random);
    expect(tf.memory().numTensors).toBe(afterOne);
    session.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('draws other examples and negatives in every epoch', async () => {
    const world = createTinyWorld({ variant: 'mind', training: { epochs: 3, learningRate: 1e-12, patience: 99 } });
    const { curve } = await train(world);
    expect(new Set(curve.map(({ loss }) => loss)).size).toBe(3);
  });
});

/** Returns the names of the weights that a training left at their initial values. */
function unchangedBy({ spec, training }: TinyWorld, { weights }: LoopProgress['best']): string[] {
  const initial = initializeWeights(spec, createRandom(training.seed));
  return Object.keys(initial).filter((name) => bytes(weights, name).equals(bytes(initial, name)));
}

function bytes(weights: Weights, name: string): Buffer {
  const { data } = weights[name]!;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function allBytes(weights: Weights): Record<string, Buffer> {
  return Object.fromEntries(Object.keys(weights).map((name) => [name, bytes(weights, name)]));
}
