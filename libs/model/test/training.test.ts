import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { initializeWeights, modelVariants } from '../src/index.ts';
import type { ModelConfig, Weights } from '../src/index.ts';
import { createTrainingSession, trainingExamples, trainLoop, zeroUntrainedUsers } from '../src/training.ts';
import type { LoopProgress, TrainingSession } from '../src/training.ts';
import { tf } from '../src/tf.ts';
import { createTinyWorld } from './tiny-world.ts';
import type { TinyWorld } from './tiny-world.ts';

const before = Number.MAX_SAFE_INTEGER;

function sessionOf(world: TinyWorld): TrainingSession {
  const { spec, data, itemFeatures, trainedCount } = world;
  const initialWeights = initializeWeights(spec, createRandom(world.training.seed));
  return createTrainingSession({ spec, data, itemFeatures, trainedCount, initialWeights });
}

async function train(world: TinyWorld, options: Partial<Parameters<typeof trainLoop>[0]> = {}): Promise<LoopProgress> {
  const session = sessionOf(world);
  const examples = trainingExamples(world.data.sequences, world.training, before);
  try {
    return await trainLoop({ session, examples, config: world.training, ...options });
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
  it.each(readouts)('learns a tiny world by heart under $kind $power, with both softmaxes', async (readout) => {
    for (const negatives of ['all', 8] as const) {
      const world = createTinyWorld({
        variant: 'mind',
        model: { readout, negatives, outputActivation: 'linear' },
        training: { epochs: 20, learningRate: 0.05, labels: 'next', patience: 99 },
      });
      const { curve } = await train(world);
      expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss * 0.85);
    }
  });

  it('learns the default recipe, prior and repeat bonus included', async () => {
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 10, learningRate: 0.02, patience: 99 } });
    const { curve, best } = await train(world);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    const initial = initializeWeights(world.spec, createRandom(world.training.seed));
    const unchanged = Object.keys(initial).filter(
      (name) => Buffer.compare(bytes(best.weights, name), bytes(initial, name)) === 0,
    );
    expect(unchanged).toEqual(['routing/logits']);
  });

  it.each(Object.keys(modelVariants))('%s beats its initial loss, with every weight in use', async (variant) => {
    const world = createTinyWorld({
      variant,
      model: { dropout: 0 },
      training: { epochs: 20, learningRate: 0.05, labels: 'next', patience: 99 },
    });
    const { curve, best } = await train(world);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    const initial = initializeWeights(world.spec, createRandom(world.training.seed));
    const unchanged = Object.keys(initial).filter(
      (name) => Buffer.compare(bytes(best.weights, name), bytes(initial, name)) === 0,
    );
    expect(unchanged).toEqual(Object.keys(initial).filter((name) => name === 'routing/logits'));
  });

  it('updates the vectors of the users of a batch, and leaves those without an example at zero (MaxMF)', () => {
    const world = createTinyWorld({ variant: 'maxmf', training: { labels: 'next' } });
    const { spec, data } = world;
    const { interests: K, embeddingDim: D } = spec.config;
    const examples = trainingExamples(data.sequences, world.training, before);
    const trained = examples.user[0]!;
    const initialWeights = zeroUntrainedUsers(spec, world.weights, { count: 1, user: examples.user });
    const session = createTrainingSession({ ...world, initialWeights });
    session.step(examples, Int32Array.of(0), 0.01, createRandom(1));
    const rowOf = (weights: Weights, user: number): Float32Array =>
      weights['user/vectors']!.data.slice(user * K * D, (user + 1) * K * D);
    for (const user of data.sequences.userIds.keys()) {
      const row = rowOf(session.weights(), user);
      if (user === trained) expect(row).not.toEqual(rowOf(world.weights, user));
      else expect(row.every((value) => value === 0)).toBe(true);
    }
    session.dispose();
  });

  it('never changes the routing logits and keeps row 0, padding, out of what it learns', async () => {
    const world = createTinyWorld({ variant: 'mind', training: { epochs: 2 } });
    const { best } = await train(world);
    const initial = initializeWeights(world.spec, createRandom(world.training.seed));
    expect(bytes(best.weights, 'routing/logits')).toEqual(bytes(initial, 'routing/logits'));
    const D = world.spec.config.embeddingDim;
    expect(best.weights['item/id']!.data.slice(0, D)).toEqual(initial['item/id']!.data.slice(0, D));
    // The cold item has no id of its own to learn.
    expect(best.weights['item/id']!.data.slice(13 * D)).toEqual(initial['item/id']!.data.slice(13 * D));
  });

  it('gives the same weights for the same seed and others for another', async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const [first, second] = [await train(world), await train(world)];
    expect(allBytes(first.best.weights)).toEqual(allBytes(second.best.weights));
    const other = await train({ ...world, training: { ...world.training, seed: 2 } });
    expect(allBytes(other.best.weights)).not.toEqual(allBytes(first.best.weights));
  });

  it('resumed after an epoch equals an uninterrupted run', async () => {
    const world = createTinyWorld({ variant: 'facet', training: { epochs: 4, patience: 99 } });
    const whole = await train(world);
    let kept: LoopProgress | undefined;
    const session = sessionOf(world);
    const examples = trainingExamples(world.data.sequences, world.training, before);
    const stop = new AbortController();
    const killed = trainLoop({
      session,
      examples,
      config: world.training,
      signal: stop.signal,
      onEpoch: async (report, progress) => {
        kept = progress;
        if (report.epoch === 2) stop.abort();
      },
    });
    await expect(killed).rejects.toMatchObject({ code: 'MODEL_ABORTED' });
    session.dispose();
    const resumed = await train(world, { resume: kept! });
    expect(resumed.curve).toEqual(whole.curve);
    expect(allBytes(resumed.best.weights)).toEqual(allBytes(whole.best.weights));
  });

  it('stops when the validation score no longer rises and keeps the best epoch', async () => {
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

  it('names what is wrong: no examples, a loss that is no number, a combination without a loss', async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const none = trainingExamples(world.data.sequences, world.training, 0);
    await expect(train(world, { examples: none })).rejects.toMatchObject({ code: 'MODEL_NO_EXAMPLES' });
    const wild = createTinyWorld({ variant: 'mind', training: { learningRate: 1e30, epochs: 3 } });
    await expect(train(wild)).rejects.toMatchObject({ code: 'MODEL_DIVERGED' });
    expect(() => sessionOf(createTinyWorld({ variant: 'facet', model: { negatives: 5 } }))).toThrow(/full softmax/);
  });

  it('leaks no tensor over steps, and none after dispose', async () => {
    const start = tf.memory().numTensors;
    const world = createTinyWorld({ variant: 'facet' });
    const session = sessionOf(world);
    const examples = trainingExamples(world.data.sequences, world.training, before);
    const random = createRandom(1);
    const chosen = Int32Array.from({ length: 16 }, (_, position) => position);
    session.step(examples, chosen, 0.001, random);
    const afterOne = tf.memory().numTensors;
    for (let step = 0; step < 50; step++) session.step(examples, chosen, 0.001, random);
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

function bytes(weights: Weights, name: string): Buffer {
  const { data } = weights[name]!;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function allBytes(weights: Weights): Record<string, Buffer> {
  return Object.fromEntries(Object.keys(weights).map((name) => [name, bytes(weights, name)]));
}
