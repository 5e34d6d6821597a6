import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { fitWals, scoreByWals } from '../src/index.ts';
import type { InteractionColumns, WalsOptions } from '../src/index.ts';

const [users, items] = [30, 20];

/** Users of even numbers choose of the first ten items, others of the last ten; user 0 chooses everything of theirs, often. */
function interactions(): InteractionColumns {
  const random = createRandom(4);
  const rows: [number, number][] = [];
  for (let user = 0; user < users; user++) {
    const choices = user === 0 ? 60 : 1 + random.int(8);
    for (let choice = 0; choice < choices; choice++) rows.push([user, 1 + (user % 2) * 10 + random.int(10)]);
  }
  return {
    users: Int32Array.from(rows, ([user]) => user),
    items: Int32Array.from(rows, ([, item]) => item),
    times: new Float64Array(rows.length),
  };
}

function historyOf({ users, items }: InteractionColumns, wanted: number): Int32Array {
  return items.filter((_, row) => users[row] === wanted);
}

const options: WalsOptions = { catalogSize: items, factors: 3, regularization: 0.7, alpha: 2, iterations: 12, seed: 5 };

/** Solves (Σ_i c_i y_i y_iᵀ + λ) x = Σ_i c_i r_i y_i over all items, by Gauss and Jordan. */
function bruteForce(
  itemFactors: Float64Array,
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
  it.each([3, 8])('a history is folded in as the exact minimum, be it shorter or longer than F = %i', (factors) => {
    const rows = interactions();
    const settings = { ...options, factors };
    const { itemFactors, foldIn } = fitWals(rows, settings);
    for (const user of [0, 1, 2, 3, 4, 5]) {
      const history = historyOf(rows, user);
      const expected = bruteForce(itemFactors, history, settings);
      foldIn(history).forEach((value, f) => expect(value).toBeCloseTo(expected[f]!, 9));
    }
    expect([...foldIn(new Int32Array())]).toEqual(new Array(factors).fill(0));
  });

  it('every iteration brings the loss down, to where its gradient is nearly zero', () => {
    const rows = interactions();
    const lossAfter = (iterations: number): number => {
      const { itemFactors, foldIn } = fitWals(rows, { ...options, iterations });
      const { factors: F, regularization, alpha } = options;
      let loss = 0;
      for (const value of itemFactors) loss += regularization * value ** 2;
      for (let user = 0; user < users; user++) {
        const history = historyOf(rows, user);
        const x = foldIn(history);
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
    for (let step = 1; step < losses.length; step++) expect(losses[step]).toBeLessThanOrEqual(losses[step - 1]! + 1e-9);
    expect(losses[5]).toBeCloseTo(losses[4]!, 4);
    expect(losses[0]! - losses[4]!).toBeGreaterThan(0.01);
  });

  it('recommends to people who are new what others of their kind chose; the same seed gives the same, another another', () => {
    const rows = interactions();
    const wals = fitWals(rows, options);
    const scores = scoreByWals(wals)({ history: Int32Array.of(2, 3, 4) });
    const mean = (from: number): number => scores.subarray(from, from + 10).reduce((sum, score) => sum + score, 0) / 10;
    expect(mean(1)).toBeGreaterThan(mean(11) + 0.2);
    expect(fitWals(rows, options).itemFactors).toEqual(wals.itemFactors);
    expect(fitWals(rows, { ...options, seed: 6 }).itemFactors).not.toEqual(wals.itemFactors);
  });
});
