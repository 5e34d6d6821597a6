import { describe, expect, it } from 'vitest';
import { insertNewItems } from '../src/explore.ts';

const itemsOf = (...items: number[]): { item: number }[] => items.map((item) => ({ item }));
const weave = (list: number[], newItems: number[], reserved: number, seed: string, limit = 10) =>
  insertNewItems(itemsOf(...list), itemsOf(...newItems), { limit, reserved, seed });

describe('weaveNewItems', () => {
  const list = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  it('keeps the order of both lists, and each item once', () => {
    const woven = weave(list, [2, 21, 22, 23, 24, 25, 26, 27, 28, 29], 4, 'a');
    expect(woven).toHaveLength(10);
    expect(new Set(woven.map(({ item }) => item)).size).toBe(10);
    const own = woven.filter(({ propensity }) => propensity === undefined).map(({ item }) => item);
    expect(own).toEqual([...own].sort((a, b) => a - b));
    const placed = woven.filter(({ propensity }) => propensity === 0.4).map(({ item }) => item);
    expect(placed).toHaveLength(4);
    expect(placed).toEqual([...placed].sort((a, b) => a - b));
  });

  it('reserves each place with the propensity that it returns', () => {
    const counts = new Float64Array(10);
    const draws = 4000;
    for (let draw = 0; draw < draws; draw++) {
      weave(list, [21, 22, 23], 3, `list ${draw}`).forEach(({ propensity }, place) => {
        if (propensity !== undefined) counts[place]!++;
      });
    }
    // Five standard deviations of a binomial share.
    const room = 5 * Math.sqrt((0.3 * 0.7) / draws);
    for (const count of counts) expect(Math.abs(count / draws - 0.3)).toBeLessThan(room);
  });

  it('is the same for the same seed, and fills places with the other list when one ends', () => {
    expect(weave(list, [21, 22], 2, 'a')).toEqual(weave(list, [21, 22], 2, 'a'));
    expect(
      weave([1, 2], [21], 1, 'a')
        .map(({ item }) => item)
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 21]);
    expect(weave([1], [21, 22, 23], 0, 'a', 2).map(({ item }) => item)).toEqual([1, 21]);
    expect(weave(list, [], 5, 'a')).toEqual(itemsOf(...list));
  });
});
