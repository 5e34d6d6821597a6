import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { mindModel } from '../src/index.ts';
import type { ExtractorConfig, ModelConfig } from '../src/index.ts';
import { extractCapsules } from '../src/tower/extract-capsules.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Variable } from '@facet/tf-graph/tensorflow';
import { mindRouting } from '../src/variants.ts';
import { expectClose } from './expect-close.ts';

const random = createRandom(7);
const matrix = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.normal()));

const [L, K, D] = [6, 3, 4];
const behaviors = matrix(5, D);
const logits = matrix(K, L);
type Weights = Record<string, number[] | number[][] | number[][][]>;

/** One user's capsules [K, D], for behaviors in the last of L slots, with `junk` in the padding before them. */
function capsulesOf(
  extractor: ModelConfig['extractor'],
  weights: Weights,
  options: { behaviors?: number[][]; weightOf?: number[]; length?: number; interests?: number; junk?: number } = {},
): number[][] {
  const { behaviors: rows = behaviors, length = L, interests = K, junk = 0 } = options;
  const weightOf = options.weightOf ?? rows.map(() => 1);
  const padding = length - rows.length;
  const fill = <Value>(value: Value): Value[] => Array.from({ length: padding }, () => value);
  return tf.tidy(() => {
    const variables = Object.fromEntries(
      Object.entries(weights).map(([name, values]) => [name, tf.variable(tf.tensor(values))]),
    ) as Record<string, Variable>;
    const capsules = extractCapsules(
      variables,
      { ...mindModel, extractor },
      {
        behaviors: tf.tensor3d([[...fill(rows[0]!.map(() => junk)), ...rows]]),
        weights: tf.tensor2d([[...fill(0), ...weightOf]]),
        users: {
          behaviors: tf.zeros([1, length]),
          ages: tf.zeros([1, length]),
          mask: tf.tensor2d([[...fill(0), ...rows.map(() => 1)]]),
          active: tf.ones([1, interests]),
          userFeatures: [],
        },
      },
    );
    tf.dispose(variables);
    return capsules.arraySync()[0]!;
  });
}

const dot = (a: number[], b: number[]): number => a.reduce((sum, value, d) => sum + value * b[d]!, 0);
const weightedSum = (weights: number[], rows: number[][]): number[] =>
  rows[0]!.map((_, d) => weights.reduce((sum, weight, i) => sum + weight * rows[i]![d]!, 0));

/** The capsules of public Paddle code for behaviors without padding, transcribed with plain loops: the oracle. */
function paddleCapsules(S: number[][]): number[][] {
  const n = behaviors.length;
  // repeat_interleave(K), then reshape to [n, K, D].
  const copies = behaviors.map((behavior) => {
    const repeated = S.flatMap((row) => Array.from({ length: K }, () => dot(row, behavior)));
    return Array.from({ length: K }, (_, j) => repeated.slice(j * D, (j + 1) * D));
  });
  const b = logits.map((row) => row.slice(L - n));
  let capsules: number[][] = [];
  for (let iteration = 0; iteration < 3; iteration++) {
    capsules = b.map((row, j) => {
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const ofInterest = copies.map((copy) => copy[j]!);
      const z = weightedSum(
        row.map((logit) => Math.exp(logit) / total),
        ofInterest,
      );
      const norm = Math.hypot(...z);
      return z.map((value) => (value * norm) / (1 + norm * norm));
    });
    b.forEach((row, j) => row.forEach((_, i) => (row[i]! += dot(capsules[j]!, copies[i]![j]!))));
  }
  return capsules;
}

describe('routing of public Paddle code', () => {
  const S = matrix(D, D);
  const weights = { 'routing/S': S, 'routing/logits': logits };
  const extractor = { ...mindRouting, map: 'shared-repeated', softmaxOver: 'behaviors' } as const;

  it('equals the transcribed code', () => {
    expectClose(capsulesOf(extractor, weights), paddleCapsules(S));
  });

  it('ignores padding, unlike that code', () => {
    expectClose(capsulesOf(extractor, weights, { junk: 99 }), capsulesOf(extractor, weights));
  });

  it('shows each interest D / K coordinates', () => {
    // With K = D, interest j sees coordinate j only. S has one zero row, so interest 1 sees zeros.
    const one = S.map((row, d) => (d === 1 ? row.map(() => 0) : row));
    const capsules = capsulesOf(extractor, { 'routing/S': one, 'routing/logits': matrix(D, L) }, { interests: D });
    capsules.forEach((capsule, j) => {
      expectClose([capsule], [capsule.map(() => capsule[0]!)]);
      if (j === 1) expect(capsule[0]).toBeCloseTo(0, 6);
      else expect(Math.abs(capsule[0]!)).toBeGreaterThan(1e-3);
    });
  });
});

describe('routing through maps', () => {
  const S = matrix(D, D);
  const routing = (map: ExtractorConfig<'routing'>['map']): ExtractorConfig<'routing'> => ({ ...mindRouting, map });
  const shared = (): number[][] => capsulesOf(routing('shared'), { 'routing/S': S, 'routing/logits': logits });
  const zero = logits.map((row) => row.map(() => 0));

  it('with equal maps per interest or position equals a shared map', () => {
    const ofEach = Array.from({ length: K }, () => S).flat();
    expectClose(capsulesOf(routing('per-interest'), { 'routing/S': ofEach, 'routing/logits': logits }), shared());
    const everywhere = Array.from({ length: L }, () => ofEach);
    expectClose(capsulesOf(routing('per-position'), { 'routing/S': everywhere, 'routing/logits': logits }), shared());
  });

  it('with a map per interest uses whole behaviors: one iteration is squash of the mean of S_j·e_i', () => {
    const maps = matrix(K * D, D);
    const capsules = capsulesOf(
      { ...routing('per-interest'), iterations: 1 },
      { 'routing/S': maps, 'routing/logits': zero },
    );
    const expected = Array.from({ length: K }, (_, k) => {
      const map = maps.slice(k * D, (k + 1) * D);
      const sum = weightedSum(
        behaviors.map(() => 1 / K),
        behaviors.map((behavior) => map.map((row) => dot(row, behavior))),
      );
      const norm = Math.hypot(...sum);
      return sum.map((value) => (value * norm) / (1 + norm * norm));
    });
    expectClose(capsules, expected);
  });

  it('without random logits separates interests with a map each, and makes interests with a shared map equal', () => {
    const alike = capsulesOf(routing('shared'), { 'routing/S': S, 'routing/logits': zero });
    expectClose(alike.slice(1), alike.slice(0, -1));
    const [first, second] = capsulesOf(routing('per-interest'), {
      'routing/S': matrix(K * D, D),
      'routing/logits': zero,
    });
    expect(Math.hypot(...first!.map((value, d) => value - second![d]!))).toBeGreaterThan(0.1);
  });

  it('depends on the order of behaviors only with a map per position', () => {
    const reversed = [...behaviors].reverse();
    const maps = { 'routing/S': Array.from({ length: L }, () => matrix(K * D, D)), 'routing/logits': zero };
    const inOrder = capsulesOf(routing('per-position'), maps);
    const backwards = capsulesOf(routing('per-position'), maps, { behaviors: reversed });
    expect(Math.abs(inOrder[0]![0]! - backwards[0]![0]!)).toBeGreaterThan(1e-3);
    const ofEach = { 'routing/S': matrix(K * D, D), 'routing/logits': zero };
    expectClose(
      capsulesOf(routing('per-interest'), ofEach, { behaviors: reversed }),
      capsulesOf(routing('per-interest'), ofEach),
    );
  });

  it.each(['per-interest', 'per-position'] as const)('%s ignores the content of padding', (map) => {
    const S = map === 'per-interest' ? matrix(K * D, D) : Array.from({ length: L }, () => matrix(K * D, D));
    const weights = { 'routing/S': S, 'routing/logits': logits };
    expectClose(capsulesOf(routing(map), weights, { junk: 99 }), capsulesOf(routing(map), weights));
  });
});

describe('the transformer (SASRec)', () => {
  const normOf = (name: string): Weights => ({
    [`${name}/scale`]: matrix(1, D)[0]!,
    [`${name}/shift`]: matrix(1, D)[0]!,
  });
  const blockWeights = (block: number): Weights => ({
    ...normOf(`transformer/${block}/attention`),
    [`transformer/${block}/attention/query`]: matrix(D, D),
    [`transformer/${block}/attention/key`]: matrix(D, D),
    [`transformer/${block}/attention/value`]: matrix(D, D),
    ...normOf(`transformer/${block}/dense`),
    [`transformer/${block}/dense/0/kernel`]: matrix(D, D),
    [`transformer/${block}/dense/0/bias`]: matrix(1, D)[0]!,
    [`transformer/${block}/dense/1/kernel`]: matrix(D, D),
    [`transformer/${block}/dense/1/bias`]: matrix(1, D)[0]!,
  });
  const weights: Weights = {
    'transformer/positions': matrix(L, D),
    ...blockWeights(0),
    ...blockWeights(1),
    ...normOf('transformer/output'),
  };
  const run = (blocks: number, options: Parameters<typeof capsulesOf>[2] = {}): number[][] =>
    capsulesOf({ kind: 'transformer', blocks }, weights, { interests: 1, ...options });

  it('is one vector that depends on order and on every behavior, not on padding', () => {
    const vector = run(2);
    expect(vector).toHaveLength(1);
    expectClose(run(2, { junk: 99 }), vector);
    const moved = (rows: number[][]): number =>
      Math.hypot(...run(2, { behaviors: rows })[0]!.map((v, d) => v - vector[0]![d]!));
    const [first, second, ...rest] = behaviors;
    expect(moved([second!, first!, ...rest])).toBeGreaterThan(1e-3);
    behaviors.forEach((_, changed) => {
      expect(
        moved(behaviors.map((row, i) => (i === changed ? row.map((value, d) => value + d / D) : row))),
      ).toBeGreaterThan(1e-5);
    });
  });

  it('for a single behavior is norm(x + dense(norm(x + V norm(x))))', () => {
    const get = (name: string): number[] => weights[name] as number[];
    const norm = (x: number[], name: string): number[] => {
      const mean = x.reduce((sum, value) => sum + value, 0) / D;
      const deviation = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / D);
      return x.map((value, d) => ((value - mean) / deviation) * get(`${name}/scale`)[d]! + get(`${name}/shift`)[d]!);
    };
    const times = (x: number[], name: string): number[] => weightedSum(x, weights[name] as number[][]);
    const add = (x: number[], y: number[]): number[] => x.map((value, d) => value + y[d]!);
    const positions = weights['transformer/positions'] as number[][];
    const x0 = add(
      behaviors[0]!.map((value) => value * Math.sqrt(D)),
      positions.at(-1)!,
    );
    const x1 = add(x0, times(norm(x0, 'transformer/0/attention'), 'transformer/0/attention/value'));
    const hidden = add(
      times(norm(x1, 'transformer/0/dense'), 'transformer/0/dense/0/kernel'),
      get('transformer/0/dense/0/bias'),
    );
    const dense = add(
      times(
        hidden.map((value) => Math.max(0, value)),
        'transformer/0/dense/1/kernel',
      ),
      get('transformer/0/dense/1/bias'),
    );
    expectClose(run(1, { behaviors: [behaviors[0]!] }), [norm(add(x1, dense), 'transformer/output')], 4);
  });
});

describe('self-attention (ComiRec-SA)', () => {
  const config = { kind: 'self-attention', units: 5 } as const;
  const weights = { 'attention/positions': matrix(L, D), 'attention/W1': matrix(D, 5), 'attention/W2': matrix(5, K) };

  it('is A E with A = softmax over the behaviors of W2 tanh(W1 (E + positions)), positions counted from the newest', () => {
    const positions = weights['attention/positions'].slice(1);
    const expected = Array.from({ length: K }, (_, k) => {
      const exps = behaviors.map((behavior, i) => {
        const hidden = Array.from({ length: 5 }, (_, unit) =>
          Math.tanh(
            dot(
              behavior.map((value, d) => value + positions[i]![d]!),
              weights['attention/W1'].map((row) => row[unit]!),
            ),
          ),
        );
        return Math.exp(
          dot(
            hidden,
            weights['attention/W2'].map((row) => row[k]!),
          ),
        );
      });
      const total = exps.reduce((sum, value) => sum + value, 0);
      return weightedSum(
        exps.map((value) => value / total),
        behaviors,
      );
    });
    expectClose(capsulesOf(config, weights), expected);
  });

  it('without learned weights is the mean of the behaviors under their recency weights', () => {
    const none = { ...weights, 'attention/W2': weights['attention/W2'].map((row) => row.map(() => 0)) };
    const mean = weightedSum([0.1, 0.1, 0.2, 0.2, 0.4], behaviors);
    expectClose(capsulesOf(config, none, { weightOf: [1, 1, 2, 2, 4] }), [mean, mean, mean]);
    expectClose(capsulesOf({ kind: 'mean' }, {}, { weightOf: [1, 1, 2, 2, 4], interests: 1 }), [mean]);
  });

  it.each([config, { kind: 'mean' } as const])('$kind ignores the content of padding', (extractor) => {
    expectClose(capsulesOf(extractor, weights, { junk: 99 }), capsulesOf(extractor, weights));
  });

  it('depends on the order of behaviors only through positions', () => {
    const reversed = [...behaviors].reverse();
    expect(
      Math.abs(capsulesOf(config, weights)[0]![0]! - capsulesOf(config, weights, { behaviors: reversed })[0]![0]!),
    ).toBeGreaterThan(1e-3);
    const unplaced = {
      ...weights,
      'attention/positions': weights['attention/positions'].map((row) => row.map(() => 0)),
    };
    expectClose(capsulesOf(config, unplaced, { behaviors: reversed }), capsulesOf(config, unplaced));
  });
});
