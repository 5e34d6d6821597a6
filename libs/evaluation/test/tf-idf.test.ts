import { expect, it } from 'vitest';
import { tfIdf } from '../src/index.ts';

const history = (...items: number[]) => ({ history: Int32Array.from(items) });

it('scores an item by the cosine of its weighted terms with the mean of the newest behaviors', () => {
  // Among three items, "lamp" is in two and "red", "blue", "glass" are in one.
  const terms = [[], ['red', 'lamp'], ['blue', 'lamp'], ['glass']];
  const [common, rare] = [Math.log(4 / 3) + 1, Math.log(4 / 2) + 1];
  const norm = Math.hypot(common, rare);
  const score = tfIdf(terms, { lastBehaviors: 2 });
  const scores = score(history(1, 3, 1));
  expect(scores[1]).toBeCloseTo(1);
  expect(scores[2]).toBeCloseTo((common / norm) ** 2);
  expect(scores[3]).toBeCloseTo(1);
  // The oldest behavior no longer counts.
  expect(score(history(1, 3, 3))[2]).toBe(0);
});

it('ranks an item without terms last, and knows no item of an empty history', () => {
  const score = tfIdf([[], ['a'], []], { lastBehaviors: 100 });
  expect([...score(history(1))]).toEqual([0, 1, 0]);
  expect([...score(history())]).toEqual([0, 0, 0]);
});
