import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { fitWals } from '../src/training.ts';
import type { WalsOptions } from '../src/training.ts';
import { tf } from '@facet/tf-graph/tensorflow';

const [users, items] = [30, 20];

/** Even users interact with the first ten items, odd users with the last ten. User 0 interacts with all of the first ten, often. */
function interactions(): { users: Int32Array; items: Int32Array } {
  const random = createRandom(4);
  const rows: [number, number][] = [];
  for (let user = 0; user < users; user++) {
    const count = user === 0 ? 60 : 1 + random.int(8);
    for (let row = 0; row < count; row++) rows.push([user, 1 + (user % 2) * 10 + random.int(10)]);
  }
  return {
    users: Int32Array.from(rows, ([user]) => user),
    items: Int32Array.from(rows, ([, item]) => item),
  };
}

function historyOf({ users, items }: ReturnType<typeof interactions>, wanted: number): Int32Array {
  return items.filter((_, row) => users[row] === wanted);
}

const options: WalsOptions = { catalogSize: items, factors: 3, regularization: 0.7, alpha: 2, iterations: 12, seed: 5 };

/** Solves (Σ_i c_i y_i y_iᵀ + λ) x = Σ_i c_i r_i y_i over all items, by Gauss and Jordan. */
function bruteForce(
  itemFactors: Float32Array,
  history: Int32Array,
  { factors: F, regularization, alpha }: WalsOptions,
) {
  const system = Array.from({ length: F }, (_, f) => [
    ...Array.from({ length: F }, (_, g) => (f === g ? regularization : 0)),
    0,
  ]);
  for (let item = 1; item <= items; item++) {
    const count = history.filter((chosen) => chosen === item).length;
    const y = [...itemFactors.subarray(item * F, (item + 1) * F)];
    for (let f = 0; f < F; f++) {
      for (let g = 0; g < F; g++) system[f]![g]! += (1 + alpha * count) * y[f]! * y[g]!;
      if (count > 0) system[f]![F]! += (1 + alpha * count) * y[f]!;
    }
  }
  for (let f = 0; f < F; f++) {
    const pivot = system[f]![f]!;
    system[f] = system[f]!.map((value) => value / pivot);
    for (let g = 0; g < F; g++) {
      if (g !== f) system[g] = system[g]!.map((value, column) => value - system[g]![f]! * system[f]![column]!);
    }
  }
  return system.map((row) => row[F]!);
}

describe('fitWals', () => {
  it.each([3, 8])('folds in a history as the exact minimum, shorter or longer than F = %i', (factors) => {
    const rows = interactions();
    const settings = { ...options, factors };
    const { itemFactors, foldIn } = fitWals(rows, settings);
    const histories = [0, 1, 2, 3, 4, 5].map((user) => historyOf(rows, user));
    const folded = foldIn([...histories, new Int32Array()]);
    histories.forEach((history, row) => {
      const expected = bruteForce(itemFactors, history, settings);
      expected.forEach((value, f) => expect(folded[row * factors + f]).toBeCloseTo(value, 5));
    });
    expect([...folded.subarray(histories.length * factors)]).toEqual(new Array(factors).fill(0));
  });

  it('lowers the loss in every iteration until its gradient is almost zero', () => {
    const rows = interactions();
    const lossAfter = (iterations: number): number => {
      const { itemFactors, foldIn } = fitWals(rows, { ...options, iterations });
      const { factors: F, regularization, alpha } = options;
      let loss = 0;
      for (const value of itemFactors) loss += regularization * value ** 2;
      const histories = Array.from({ length: users }, (_, user) => historyOf(rows, user));
      const folded = foldIn(histories);
      for (const [user, history] of histories.entries()) {
        const x = folded.subarray(user * F, (user + 1) * F);
        for (const value of x) loss += regularization * value ** 2;
        for (let item = 1; item <= items; item++) {
          const count = history.filter((chosen) => chosen === item).length;
          const score = x.reduce((sum, value, f) => sum + value * itemFactors[item * F + f]!, 0);
          loss += (1 + alpha * count) * (Number(count > 0) - score) ** 2;
        }
      }
      return loss;
    };
    const losses = [1, 2, 4, 8, 100, 101].map(lossAfter);
    for (let step = 1; step < losses.length; step++) expect(losses[step]).toBeLessThanOrEqual(losses[step - 1]! + 1e-4);
    expect(losses[5]).toBeCloseTo(losses[4]!, 3);
    expect(losses[0]! - losses[4]!).toBeGreaterThan(0.01);
  });

  it('recommends items of similar users to new users, and depends on the seed only', () => {
    const rows = interactions();
    const wals = fitWals(rows, options);
    const x = wals.foldIn([Int32Array.of(2, 3, 4)]);
    const scoreOf = (item: number): number =>
      x.reduce((sum, value, f) => sum + value * wals.itemFactors[item * options.factors + f]!, 0);
    const mean = (from: number): number =>
      Array.from({ length: 10 }, (_, position) => scoreOf(from + position)).reduce((sum, score) => sum + score, 0) / 10;
    expect(mean(1)).toBeGreaterThan(mean(11) + 0.2);
    expect(fitWals(rows, options).itemFactors).toEqual(wals.itemFactors);
    expect(fitWals(rows, { ...options, seed: 6 }).itemFactors).not.toEqual(wals.itemFactors);
  });

  it('leaks no tensors and reports iterations', () => {
    const before = tf.memory().numTensors;
    let iterations = 0;
    fitWals(interactions(), { ...options, onIteration: () => iterations++ }).foldIn([Int32Array.of(1)]);
    expect(iterations).toBe(options.iterations);
    expect(tf.memory().numTensors).toBe(before);
  });
});
