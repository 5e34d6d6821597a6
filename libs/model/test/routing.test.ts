import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { routeBehaviors, squash } from '../src/tower/routing.ts';
import { activeInterestCount } from '../src/index.ts';
import { tf } from '@facet/tf-graph/tensorflow';
import { expectClose } from './expect-close.ts';

const random = createRandom(3);
const normals = (count: number): number[] => Array.from({ length: count }, () => random.normal());

/** One user's capsules [K, D] as rows, for behaviors [n, D] padded in front to L slots. */
function capsulesOf(
  behaviors: number[][],
  logits: number[][],
  options: { L?: number; K?: number; active?: number; iterations?: number; cosine?: number } = {},
): number[][] {
  const n = behaviors.length;
  const D = behaviors[0]!.length;
  const { L = n, K = logits.length, active = K, iterations = 3, cosine = 0 } = options;
  const padding = L - n;
  const junk = Array.from({ length: padding }, () => Array.from({ length: D }, () => 99));
  return tf.tidy(() => {
    const capsules = routeBehaviors({
      projected: tf.tensor3d([[...junk, ...behaviors]]),
      behaviorWeights: tf.tensor2d([[...Array.from({ length: padding }, () => 0), ...behaviors.map(() => 1)]]),
      logits: tf.tensor3d([logits.map((row) => [...Array.from({ length: padding }, () => 5), ...row])]),
      active: tf.tensor2d([Array.from({ length: K }, (_, k) => (k < active ? 1 : 0))]),
      iterations,
      cosineAgreement: cosine,
      gradient: 'last',
    });
    return capsules.arraySync()[0]!;
  });
}

/** Algorithm 1 of the paper with plain loops: the oracle. */
function routeByHand(behaviors: number[][], logits: number[][], active: number, iterations: number): number[][] {
  const b = logits.map((row) => [...row]);
  let capsules: number[][] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    capsules = logits.map((_, j) => {
      if (j >= active) return behaviors[0]!.map(() => 0);
      const z = behaviors[0]!.map((_, d) =>
        behaviors.reduce((sum, behavior, i) => {
          const exps = b.slice(0, active).map((row) => Math.exp(row[i]!));
          return sum + (exps[j]! / exps.reduce((x, y) => x + y, 0)) * behavior[d]!;
        }, 0),
      );
      const norm = Math.hypot(...z);
      return z.map((value) => ((norm * norm) / (1 + norm * norm)) * (value / norm));
    });
    capsules.forEach((u, j) =>
      behaviors.forEach((e, i) => (b[j]![i]! += u.reduce((sum, value, d) => sum + value * e[d]!, 0))),
    );
  }
  return capsules;
}

describe('squash (Eq. 7)', () => {
  it('maps the norm m to m² / (1 + m²) and keeps the direction', () => {
    const squashed = tf.tidy(() =>
      squash(
        tf.tensor2d([
          [3, 4],
          [0.6, 0.8],
          [0.03, 0.04],
        ]),
      ).arraySync(),
    );
    expectClose(squashed, [
      [(25 / 26) * 0.6, (25 / 26) * 0.8],
      [0.5 * 0.6, 0.5 * 0.8],
      [(0.0025 / 1.0025) * 0.6, (0.0025 / 1.0025) * 0.8],
    ]);
  });

  it('keeps a zero vector at zero, with a finite gradient', () => {
    expect(tf.tidy(() => squash(tf.zeros([1, 3])).arraySync())).toEqual([[0, 0, 0]]);
    const gradient = tf.tidy(() =>
      tf
        .grad((x) => tf.sum(squash(x)))(tf.zeros([1, 3]))
        .arraySync(),
    ) as number[][];
    for (const value of gradient[0]!) expect(Number.isFinite(value)).toBe(true);
  });
});

describe('adaptive number of interests (Eq. 8)', () => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [7, 2],
    [8, 3],
    [15, 3],
    [16, 4],
    [32, 4],
    [1000, 4],
  ])('%i behaviors have %i of 4 interests', (n, expected) => expect(activeInterestCount(n, 4)).toBe(expected));
  it('is K if fixed, and 0 without behaviors', () => {
    expect(activeInterestCount(1, 4, false)).toBe(4);
    expect(activeInterestCount(0, 4, false)).toBe(0);
  });
});

describe('B2I dynamic routing (Algorithm 1)', () => {
  const behaviors = Array.from({ length: 5 }, () => normals(4));
  const logits = Array.from({ length: 3 }, () => normals(5));

  it('equals the algorithm written with loops: the softmax runs over interests, squash in every iteration', () => {
    expectClose(capsulesOf(behaviors, logits), routeByHand(behaviors, logits, 3, 3));
    expectClose(capsulesOf(behaviors, logits, { iterations: 1 }), routeByHand(behaviors, logits, 3, 1));
    expectClose(capsulesOf(behaviors, logits, { active: 2 }), routeByHand(behaviors, logits, 2, 3));
  });

  it('with one interest is squash(Σ S·e_i), for any logits and iterations', () => {
    const sum = [behaviors[0]!.map((_, d) => behaviors.reduce((total, row) => total + row[d]!, 0))];
    const expected = tf.tidy(() => squash(tf.tensor2d(sum)).arraySync());
    expectClose(capsulesOf(behaviors, [normals(5)]), expected);
    expectClose(capsulesOf(behaviors, [normals(5)], { iterations: 7 }), expected);
  });

  it('gives equal capsules for equal logits', () => {
    const [first, second] = capsulesOf(behaviors, [behaviors.map(() => 0), behaviors.map(() => 0)]);
    expectClose([first!], [second!], 6);
  });

  it('does not depend on order: permuting behaviors with their logits changes nothing', () => {
    const order = [3, 0, 4, 1, 2];
    const permuted = capsulesOf(
      order.map((i) => behaviors[i]!),
      logits.map((row) => order.map((i) => row[i]!)),
    );
    expectClose(permuted, capsulesOf(behaviors, logits));
  });

  it('ignores the content of padding', () => {
    expectClose(capsulesOf(behaviors, logits, { L: 12 }), capsulesOf(behaviors, logits));
  });

  it('excludes inactive capsules from the softmax', () => {
    const capsules = capsulesOf(behaviors, logits, { active: 1 });
    expectClose([capsules[0]!], capsulesOf(behaviors, [logits[0]!]));
    expectClose(capsules.slice(1), [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
  });

  it('lets every interest see every coordinate of S·e_i', () => {
    for (let d = 0; d < 4; d++) {
      const moved = behaviors.map((row) => row.map((value, at) => (at === d ? value + 1 : value)));
      const [before, after] = [
        capsulesOf(behaviors, logits, { iterations: 1 }),
        capsulesOf(moved, logits, { iterations: 1 }),
      ];
      after.forEach((capsule, k) => expect(Math.abs(capsule[d]! - before[k]![d]!)).toBeGreaterThan(1e-3));
    }
  });

  it('with cosine agreement does not depend on the norms of behaviors', () => {
    const two = [
      [1, 0],
      [0, 1],
    ];
    const clear = capsulesOf(
      two,
      [
        [1, 0],
        [0, 1],
      ],
      { cosine: 10 },
    );
    expect(clear[0]![0]!).toBeGreaterThan(10 * Math.abs(clear[0]![1]!));
    expect(clear[1]![1]!).toBeGreaterThan(10 * Math.abs(clear[1]![0]!));
  });

  it('carries gradients through the last iteration only, and to all behaviors', () => {
    const gradientFor = (gradient: 'last' | 'all', iterations: number): number[] =>
      tf.tidy(() => {
        const run = tf.grad((x) =>
          tf.sum(
            tf.square(
              routeBehaviors({
                projected: x as ReturnType<typeof tf.tensor3d>,
                behaviorWeights: tf.ones([1, 5]),
                logits: tf.tensor3d([logits]),
                active: tf.ones([1, 3]),
                iterations,
                cosineAgreement: 0,
                gradient,
              }),
            ),
          ),
        );
        return [...run(tf.tensor3d([behaviors])).dataSync()];
      });
    // With one or two iterations S must still learn (a published slip: "i < 2" never reaches the trainable branch).
    for (const iterations of [1, 2, 3, 4]) {
      for (const value of gradientFor('last', iterations)) expect(value).not.toBe(0);
    }
    expect(gradientFor('last', 1)).toEqual(gradientFor('all', 1));
    expect(gradientFor('last', 3)).not.toEqual(gradientFor('all', 3));
  });
});
