import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { labelAwareAttention } from '../src/loss/label-aware-attention.ts';
import { scoreCandidates, scorePairs } from '../src/loss/scores.ts';
import { createLogUniformSampler } from '../src/loss/negatives.ts';
import { interestSeparation } from '../src/loss/objective.ts';
import { fullSoftmaxLoss, sampledSoftmaxLoss } from '../src/loss/softmax.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor3D } from '@facet/tf-graph/tensorflow';

describe('label-aware attention (§4.4)', () => {
  // Agreements with the label [1, 0]: 0.5, −2, 1.
  const interests = [
    [
      [0.5, 1],
      [-2, 0],
      [1, 3],
    ],
  ];
  const attend = (power: number | 'infinity', active = [1, 1, 1]): number[] =>
    tf.tidy(
      () =>
        labelAwareAttention(
          tf.tensor3d(interests),
          tf.tensor2d([[1, 0]]),
          tf.tensor2d([active]),
          power,
        ).arraySync()[0]!,
    );
  const mix = (weights: number[]): number[] =>
    [0, 1].map((d) => weights.reduce((sum, weight, k) => sum + weight * interests[0]![k]![d]!, 0));
  const softmax = (logits: number[]): number[] => {
    const exps = logits.map(Math.exp);
    return exps.map((value) => value / exps.reduce((a, b) => a + b, 0));
  };
  const expectVector = (actual: number[], expected: number[]): void =>
    actual.forEach((value, d) => expect(value).toBeCloseTo(expected[d]!, 4));

  it('p = 0 gives all interests the same weight', () => expectVector(attend(0), mix([1 / 3, 1 / 3, 1 / 3])));
  it('p = 1 is a softmax of the agreements', () => expectVector(attend(1), mix(softmax([0.5, -2, 1]))));
  it('an even p keeps the sign: a strongly negative interest never wins', () =>
    expectVector(attend(2), mix(softmax([0.25, -4, 1]))));
  it('a fractional p of a negative agreement is a number', () =>
    expectVector(attend(1.5), mix(softmax([0.5 ** 1.5, -(2 ** 1.5), 1]))));
  it('infinity selects the nearest interest', () => expectVector(attend('infinity'), [1, 3]));
  it('infinity selects a single interest', () => {
    const [only] = tf.tidy(() =>
      labelAwareAttention(tf.tensor3d([[[1, 3]]]), tf.tensor2d([[-1, 0]]), tf.tensor2d([[1]]), 'infinity').arraySync(),
    );
    expectVector(only!, [1, 3]);
  });
  it('inactive interests have no weight', () => {
    expectVector(attend('infinity', [1, 1, 0]), [0.5, 1]);
    expectVector(attend(0, [1, 0, 0]), [0.5, 1]);
  });
});

describe('separation of interests', () => {
  const cost = (interests: number[][][], active: number[][]): number =>
    tf.tidy(() => interestSeparation(tf.tensor3d(interests), tf.tensor2d(active)).dataSync()[0]!);

  it('is the mean over pairs of the squared excess of their cosine over one half', () => {
    const half = [0.5, Math.sqrt(0.75)];
    expect(cost([[[1, 0], [2, 0]]], [[1, 1]])).toBeCloseTo(0.25, 5); // prettier-ignore
    expect(cost([[[1, 0], half]], [[1, 1]])).toBeCloseTo(0, 5);
    expect(cost([[[1, 0], [-1, 0]]], [[1, 1]])).toBe(0); // prettier-ignore
    // Of three pairs one is alike.
    expect(cost([[[1, 0], [3, 0], [0, 1]]], [[1, 1, 1]])).toBeCloseTo(0.25 / 3, 5); // prettier-ignore
  });

  it('ignores inactive interests and users with one interest', () => {
    expect(cost([[[1, 0], [1, 0]], [[1, 0], [0, 1]]], [[1, 0], [1, 1]])).toBe(0); // prettier-ignore
    expect(cost([[[1, 0]]], [[1]])).toBe(0);
  });
});

describe('a score from several interests', () => {
  const interests = [
    [
      [1, 0],
      [0, 2],
      [9, 9],
    ],
  ];
  const active = [[1, 1, 0]];
  const candidates = [
    [1, 1],
    [3, 0],
  ];
  it('max is the score of the best active interest', () => {
    const scores = tf.tidy(() =>
      scoreCandidates(tf.tensor3d(interests), tf.tensor2d(active), tf.tensor2d(candidates), 'max').arraySync(),
    );
    expect(scores).toEqual([[2, 3]]);
  });
  it('max sends its gradient to the best interest only (MaxMF)', () => {
    const gradient = tf.tidy(() =>
      tf
        .grad((vectors) =>
          tf.sum(scoreCandidates(vectors as Tensor3D, tf.tensor2d(active), tf.tensor2d([[3, 0]]), 'max')),
        )(tf.tensor3d(interests))
        .arraySync(),
    );
    expect(gradient).toEqual([
      [
        [3, 0],
        [0, 0],
        [0, 0],
      ],
    ]);
  });
  it('logsumexp is ln mean exp over the active ones, the same for pairs', () => {
    const expected = [Math.log((Math.exp(1) + Math.exp(2)) / 2), Math.log((Math.exp(3) + 1) / 2)];
    const scores = tf.tidy(() =>
      scoreCandidates(tf.tensor3d(interests), tf.tensor2d(active), tf.tensor2d(candidates), 'logsumexp').arraySync(),
    );
    scores[0]!.forEach((value, c) => expect(value).toBeCloseTo(expected[c]!, 5));
    const pair = tf.tidy(() =>
      scorePairs(tf.tensor3d(interests), tf.tensor2d(active), tf.tensor2d([[1, 1]]), 'logsumexp').arraySync(),
    );
    expect(pair[0]).toBeCloseTo(expected[0]!, 5);
  });
});

describe('full softmax', () => {
  it('is the weighted cross-entropy of the labels', () => {
    const scores = [
      [1, 2, 0],
      [0, 0, 5],
    ];
    const logSoftmax = (row: number[], label: number): number =>
      row[label]! - Math.log(row.reduce((sum, s) => sum + Math.exp(s), 0));
    const expected = -(
      0.25 * logSoftmax(scores[0]!, 1) +
      0.25 * logSoftmax(scores[0]!, 0) +
      0.5 * logSoftmax(scores[1]!, 2)
    );
    const loss = tf.tidy(() =>
      fullSoftmaxLoss(
        tf.tensor2d(scores),
        tf.tensor1d([0, 0, 1], 'int32'),
        tf.tensor1d([1, 0, 2], 'int32'),
        tf.tensor1d([0.25, 0.25, 0.5]),
      ).arraySync(),
    );
    expect(loss).toBeCloseTo(expected, 5);
  });

  it('reads the score of a label behind more than 2^24 other scores', () => {
    const [R, C] = [4_200, 4_001];
    const label = R * C - 2;
    expect(label).toBeGreaterThan(2 ** 24);
    const loss = tf.tidy(() => {
      const scores = new Float32Array(R * C);
      scores[label] = 50;
      return fullSoftmaxLoss(
        tf.tensor2d(scores, [R, C]),
        tf.tensor1d([R - 1], 'int32'),
        tf.tensor1d([C - 2], 'int32'),
        tf.tensor1d([1]),
      ).arraySync();
    });
    expect(loss).toBeCloseTo(0, 5);
  });
});

describe('sampled softmax', () => {
  it('is the weighted −ln of the label among label and negatives', () => {
    const loss = tf.tidy(() =>
      sampledSoftmaxLoss(
        tf.tensor1d([1.5, 0.2]),
        tf.tensor1d([Math.log(Math.exp(0.5) + 2 * Math.exp(-1)), -3]),
        tf.tensor1d([0.75, 0.25]),
      ).arraySync(),
    );
    const first = Math.log(Math.exp(1.5) + Math.exp(0.5) + 2 * Math.exp(-1)) - 1.5;
    const second = Math.log(Math.exp(0.2) + Math.exp(-3)) - 0.2;
    expect(loss).toBeCloseTo(0.75 * first + 0.25 * second, 5);
  });
});

describe('log-uniform negatives', () => {
  it('draws each item as often as expected, never padding', () => {
    const itemCount = 20;
    const sampler = createLogUniformSampler(Int32Array.from({ length: itemCount }, (_, rank) => rank + 1));
    const draws = 200_000;
    const counts = new Float64Array(itemCount + 1);
    for (const item of sampler.draw(draws, createRandom(1))) counts[item]!++;
    expect(counts[0]).toBe(0);
    for (let item = 1; item <= itemCount; item++) {
      const expected = sampler.expectedCount(item, draws);
      expect(Math.abs(counts[item]! - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
    const total = Array.from({ length: itemCount }, (_, item) => sampler.expectedCount(item + 1, 1));
    expect(total.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
  });
  it('advances its random stream: two draws differ', () => {
    const random = createRandom(1);
    const sampler = createLogUniformSampler(Int32Array.from({ length: 1000 }, (_, rank) => rank + 1));
    expect(sampler.draw(50, random)).not.toEqual(sampler.draw(50, random));
  });
});
