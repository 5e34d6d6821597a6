import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBehaviorRows, createRandom, popularityFeatureCount } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { describe, expect, it } from 'vitest';
import {
  activeInterestCount,
  createInferenceEngine,
  indexDim,
  indexVectors,
  initializeWeights,
  mergeInterests,
  modelVariants,
  unknownUser,
} from '../src/index.ts';
import type { Interests, ModelConfig, Weights } from '../src/index.ts';
import { embedByTower } from '../src/training.ts';
import { userTower } from '../src/tower/user-tower.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import { changeWeights, createTinyWorld, embeddingsOf, variablesOf } from './tiny-world.ts';
import { optionsFor } from './tested-variants.ts';

const variants: { name: string; variant: string; model: Partial<ModelConfig> }[] = [
  ...Object.keys(modelVariants).map((variant) => ({ name: variant, variant, model: {} })),
  { name: 'facet without adaptive interests', variant: 'facet', model: { adaptiveInterests: false } },
  { name: 'facet without context and recency', variant: 'facet', model: { context: 'none', recency: false } },
  { name: 'facet with the mean of the behaviors as context', variant: 'facet', model: { context: 'mean' } },
  { name: 'mind with two hidden layers', variant: 'mind', model: { hiddenUnits: [10, 7] } },
  { name: 'mind with one interest', variant: 'mind', model: { interests: 1 } },
  { name: 'one ReLU layer instead of H-layers', variant: 'mind', model: { layers: 'relu' } },
  { name: 'capsules as interests', variant: 'mind', model: { layers: 'none' } },
  {
    name: 'paper sizes',
    variant: 'facet',
    model: { embeddingDim: 64, interests: 4, sequenceLength: 100, hiddenUnits: [256] },
  },
];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Weights as a long training may leave them: none at zero. */
function trainedWeights(spec: Parameters<typeof initializeWeights>[0]): Weights {
  const random = createRandom(11);
  return changeWeights(initializeWeights(spec, random), (value) => value + 0.1 * random.normal());
}

function randomBehaviors(n: number, length: number, random: ReturnType<typeof createRandom>): BehaviorRows {
  const rows = createBehaviorRows(1, length);
  for (let slot = length - n; slot < length; slot++) {
    rows.items[slot] = 1 + random.int(13);
    rows.ages[slot] = 1 + random.int(31);
    rows.counts[slot] = 1 + random.int(7);
  }
  return rows;
}

describe('the inference engine', () => {
  for (const { name, variant, model } of variants) {
    it(`agrees with the TensorFlow graph within 1e-5: ${name}`, optionsFor(variant), () => {
      // The graph does not merge.
      const world = createTinyWorld({ variant, model });
      const spec = { ...world.spec, config: { ...world.spec.config, mergeCosine: undefined } };
      const { sequenceLength: L, interests: K, embeddingDim: D } = spec.config;
      const weights = trainedWeights(spec);
      const embeddings = embeddingsOf(world, weights);
      const engine = createInferenceEngine(spec, weights, embeddings);
      const random = createRandom(4);
      const lengths = [1, 2, 3, 4, 5, L];
      tf.tidy(() => {
        const variables = variablesOf(weights);
        const expectedEmbeddings = embedByTower(weights, {
          itemCount: 13,
          trainedCount: 12,
          features: world.itemFeatures,
        });
        const graphEmbeddings = tf.tensor2d(expectedEmbeddings, [expectedEmbeddings.length / D, D]);
        embeddings.forEach((value, cell) => expect(Math.abs(value - expectedEmbeddings[cell]!)).toBeLessThan(1e-5));
        for (const n of lengths) {
          const rows = randomBehaviors(n, L, random);
          const userFeatures = [random.int(3)];
          const userRow = random.int(12);
          const count = activeInterestCount(n, K, spec.config.adaptiveInterests);
          const graph = userTower(variables, spec, graphEmbeddings, {
            behaviors: tf.tensor2d(rows.items, [1, L], 'int32'),
            ages: tf.tensor2d(rows.ages, [1, L], 'int32'),
            mask: tf.tensor2d(
              Float32Array.from(rows.items, (item) => (item > 0 ? 1 : 0)),
              [1, L],
            ),
            active: tf.tensor2d([Array.from({ length: K }, (_, k) => (k < count ? 1 : 0))]),
            userFeatures: [tf.tensor1d(userFeatures, 'int32')],
            userRows: tf.tensor1d([userRow], 'int32'),
          }).arraySync()[0]!;
          const { count: engineCount, vectors } = engine.interests(rows, userFeatures, userRow);
          expect(engineCount).toBe(count);
          const dim = indexDim(spec);
          for (let k = 0; k < count; k++) {
            for (let d = 0; d < D; d++) expect(Math.abs(vectors[k * dim + d]! - graph[k]![d]!)).toBeLessThan(1e-5);
            if (dim > D) expect(vectors[k * dim + D]).toBe(1);
          }
          // Interests beyond K'u are zero, despite the biases of the H-layers.
          for (let k = count; k < K; k++) expect(graph[k]!.every((value) => value === 0)).toBe(true);
        }
      });
      tf.disposeVariables();
    });
  }

  it('reads the context only in the H-layers', () => {
    const world = createTinyWorld({ variant: 'facet' });
    const { spec } = world;
    const weights = trainedWeights(spec);
    const embeddings = embeddingsOf(world, weights);
    const rows = randomBehaviors(5, spec.config.sequenceLength, createRandom(1));
    /** Returns the interests with other weights of the context, optionally without the output of the H-layers. */
    const interestsOf = (change: number, isOutputZero: boolean): Float32Array => {
      const changed = Object.entries(weights).map(([name, { shape, data }]) => {
        if (name.startsWith('context/')) {
          return [name, { shape, data: data.map((value, cell) => value + change * cell) }];
        }
        const isZero = isOutputZero && name.startsWith(`hidden/${spec.config.hiddenUnits.length}/`);
        return [name, { shape, data: isZero ? data.map(() => 0) : data }];
      });
      return createInferenceEngine(spec, Object.fromEntries(changed), embeddings).interests(rows, [1], unknownUser)
        .vectors;
    };
    expect(interestsOf(1, false)).not.toEqual(interestsOf(0, false));
    expect(interestsOf(1, true)).toEqual(interestsOf(0, true));
  });

  it('divides the score of an interest among its behaviors, exactly if the interest is the capsule', () => {
    for (const variant of ['comirec-dr', 'comirec-sa', 'mind-paddle-example'] as const) {
      const world = createTinyWorld({ variant });
      const { config } = world.spec;
      const { sequenceLength: L, embeddingDim: D } = config;
      const weights = trainedWeights(world.spec);
      // No user feature is added to the capsules.
      for (const name of Object.keys(weights)) if (name.startsWith('profileMap')) weights[name]!.data.fill(0);
      const embeddings = embeddingsOf(world, weights);
      const engine = createInferenceEngine(world.spec, weights, embeddings);
      const user = [randomBehaviors(5, L, createRandom(1)), [1], unknownUser] as const;
      const { count, vectors } = engine.interests(...user);
      const vector = embeddings.subarray(3 * D, 4 * D);
      for (let interest = 0; interest < count; interest++) {
        const [parts] = engine.contributions([{ interest, vector }], ...user);
        const product = vector.reduce((sum, value, d) => sum + value * vectors[interest * D + d]!, 0);
        expect(Math.abs(parts!.reduce((sum, part) => sum + part, 0) - product)).toBeLessThan(1e-5);
        expect(new Set(parts).size).toBeGreaterThan(2);
      }
    }
  });

  it('merges interests of almost the same direction, in the engine as after the graph', () => {
    const vectors = Float32Array.of(1, 0, 1, 0, 1, 1, 0.995, 0.0999, 1);
    const interests = { count: 3, vectors, behaviorWeights: Float32Array.of(1, 0, 2, 3, 4, 5) };
    const config = { embeddingDim: 2, normalize: true };
    expect(mergeInterests(config, interests)).toBe(interests);
    expect(mergeInterests({ ...config, mergeCosine: 0.999 }, interests)).toBe(interests);
    const merged = mergeInterests({ ...config, mergeCosine: 0.95 }, interests);
    expect(merged.count).toBe(2);
    expect([...merged.behaviorWeights]).toEqual([5, 5, 2, 3]);
    // The direction between both, and the unchanged coordinate of the popularity prior.
    const expected = [Math.cos(0.05), Math.sin(0.05), 1, 0, 1, 1];
    expected.forEach((value, cell) => expect(Math.abs(merged.vectors[cell]! - value)).toBeLessThan(1e-4));
    const mean = mergeInterests({ ...config, normalize: false, mergeCosine: 0.95 }, interests);
    expect(Math.abs(mean.vectors[0]! - 0.9975)).toBeLessThan(1e-4);

    const world = createTinyWorld({ variant: 'facet' });
    const weights = trainedWeights(world.spec);
    const engineWith = (mergeCosine: number) =>
      createInferenceEngine(
        { ...world.spec, config: { ...world.spec.config, mergeCosine } },
        weights,
        embeddingsOf(world, weights),
      );
    const rows = randomBehaviors(6, world.spec.config.sequenceLength, createRandom(1));
    expect(engineWith(1e-9).interests(rows, [1], unknownUser).count).toBeLessThan(
      engineWith(1).interests(rows, [1], unknownUser).count,
    );
  });

  it('returns the same interests for each call, and none without behaviors', () => {
    const world = createTinyWorld({ variant: 'mind' });
    const weights = trainedWeights(world.spec);
    const embeddings = embeddingsOf(world, weights);
    const engine = createInferenceEngine(world.spec, weights, embeddings);
    const rows = randomBehaviors(5, 6, createRandom(1));
    const first = engine.interests(rows, [1], unknownUser);
    const kept = structuredClone(first);
    // Calls in between have no effect.
    for (const n of [6, 1, 3]) engine.interests(randomBehaviors(n, 6, createRandom(n)), [2], unknownUser);
    expect(first).toEqual(kept);
    expect(engine.interests(rows, [1], unknownUser)).toEqual(kept);
    expect(engine.interests(createBehaviorRows(1, 6), [1], unknownUser).count).toBe(0);
  });

  for (const variant of Object.keys(modelVariants)) {
    it(`allocates nothing except its result: ${variant}`, optionsFor(variant), async () => {
      const world = createTinyWorld({ variant });
      const { spec } = world;
      const weights = trainedWeights(spec);
      const embeddings = embeddingsOf(world, weights);
      const engine = createInferenceEngine(spec, weights, embeddings);
      const { sequenceLength: L } = spec.config;
      const random = createRandom(5);
      const users = Array.from({ length: 2 * L }, (_, user) => randomBehaviors(user % (L + 1), L, random));
      const results = users.map((rows) => engine.interests(rows, [1], 3));
      const infer = (call: number): Interests => engine.interests(users[call % users.length]!, [1], 3);
      const copyResult = (call: number): Interests => {
        const { count, vectors, behaviorWeights } = results[call % users.length]!;
        return { count, vectors: vectors.slice(), behaviorWeights: behaviorWeights.slice() };
      };
      /** Few calls, so that no garbage is collected in between. */
      const kept = new Array<Interests>(200);
      const bytesPerCall = (work: (call: number) => Interests): number => {
        for (let call = 0; call < 2_000; call++) kept[call % kept.length] = work(call);
        const measured = Array.from({ length: 5 }, () => {
          kept.fill(results[0]!);
          collectGarbage();
          const before = process.memoryUsage().heapUsed;
          for (let call = 0; call < kept.length; call++) kept[call] = work(call);
          return (process.memoryUsage().heapUsed - before) / kept.length;
        });
        return Math.min(...measured);
      };
      // A single typed array is larger. Code that the compiler has not yet optimized allocates numbers too: on a busy
      // machine this takes seconds.
      await expect
        .poll(() => bytesPerCall(infer) - bytesPerCall(copyResult), { timeout: 60_000, interval: 100 })
        .toBeLessThan(150);
    });
  }

  it('returns learned vectors by user, also without behaviors, and none for new users', () => {
    const world = createTinyWorld({ variant: 'maxmf' });
    const { spec, weights } = world;
    const embeddings = embeddingsOf(world, weights);
    const engine = createInferenceEngine({ ...spec, userFeatures: [] }, weights, embeddings);
    const { interests: K, embeddingDim: D, sequenceLength: L } = spec.config;
    const behaviors = randomBehaviors(3, L, createRandom(1));
    for (const rows of [behaviors, createBehaviorRows(1, L)]) {
      const { count, vectors, behaviorWeights } = engine.interests(rows, [], 7);
      expect(count).toBe(K);
      expect(vectors).toEqual(weights['user/vectors']!.data.slice(7 * K * D, 8 * K * D));
      expect(behaviorWeights.every((weight) => weight === 0)).toBe(true);
    }
    expect(engine.interests(behaviors, [], unknownUser).count).toBe(0);
  });

  it('reads the embeddings of later items', () => {
    const world = createTinyWorld({ variant: 'facet' });
    const { spec } = world;
    const weights = trainedWeights(spec);
    const all = embeddingsOf(world, weights);
    const split = 9 * spec.config.embeddingDim;
    const whole = createInferenceEngine(spec, weights, all);
    const parted = createInferenceEngine(spec, weights, all.subarray(0, split), all.subarray(split));
    const random = createRandom(5);
    const { sequenceLength } = spec.config;
    for (let n = 1; n <= sequenceLength; n++) {
      const rows = randomBehaviors(n, sequenceLength, random);
      expect(parted.interests(rows, [1], unknownUser)).toEqual(whole.interests(rows, [1], unknownUser));
    }
  });

  it('embeds a cold item by its side features alone and padding as zero', () => {
    const world = createTinyWorld({ variant: 'mind' });
    const { spec } = world;
    const weights = trainedWeights(spec);
    const D = spec.config.embeddingDim;
    const embeddings = embeddingsOf(world, weights);
    const genre = weights['item/feature/genre']!.data;
    // Item 13 is of genre b (13 % 3 = 1), row 2.
    for (let d = 0; d < D; d++) {
      expect(embeddings[13 * D + d]).toBeCloseTo(genre[2 * D + d]!, 6);
      expect(embeddings[d]).toBe(0);
      // Item 4 has an id and two genres: the mean of the id and of the mean of both.
      const expected = (weights['item/id']!.data[4 * D + d]! + (genre[D + d]! + genre[2 * D + d]!) / 2) / 2;
      expect(embeddings[4 * D + d]).toBeCloseTo(expected, 6);
    }
  });

  it('exports normalized items over the learned temperature, with the prior as last coordinate', () => {
    const { spec } = createTinyWorld({ variant: 'facet', model: { temperatureMin: 0.1 } });
    const weights = trainedWeights(spec);
    const D = spec.config.embeddingDim;
    const embeddings = Float32Array.from({ length: 14 * D }, (_, cell) => (cell < D ? 0 : Math.sin(cell)));
    const popularity = Float32Array.from({ length: 14 * popularityFeatureCount }, (_, cell) => cell % 5);
    const vectors = indexVectors(spec, weights, embeddings, popularity);
    const { temperature: first, temperatureMin } = spec.config;
    const temperature = temperatureMin + (first - temperatureMin) * Math.exp(weights['score/temperature']!.data[0]!);
    expect(temperature).not.toBeCloseTo(first, 3);
    const dim = indexDim(spec);
    expect(dim).toBe(D + 1);
    for (let item = 1; item <= 13; item++) {
      const row = [...vectors.subarray(item * dim, (item + 1) * dim)];
      expect(Math.hypot(...row.slice(0, D)) * temperature).toBeCloseTo(1, 5);
      const prior = Array.from(
        { length: popularityFeatureCount },
        (_, f) => weights['prior/weights']!.data[f]! * 10 * popularity[item * popularityFeatureCount + f]!,
      );
      expect(row[D]).toBeCloseTo(
        prior.reduce((a, b) => a + b, 0),
        4,
      );
    }
    expect(vectors.subarray(0, dim).every((value) => value === 0)).toBe(true);
  });
});
