import type { Bundle } from '@facet/bundles';
import { expect, it } from 'vitest';
import { compareBundles, compareLists } from '../src/index.ts';

const listOf = (letters: string) => [...letters].map((itemId) => ({ itemId, title: itemId.toUpperCase() }));

it.each([
  ['', '', 1],
  ['abc', 'abc', 1],
  ['abc', 'cab', 1],
  ['ab', 'abcd', 0.5],
  ['abcd', 'ab', 0.5],
  ['ab', 'cd', 0],
  ['ab', '', 0],
])('the overlap of %j and %j is %d', (before, after, overlap) => {
  expect(compareLists(listOf(before), listOf(after)).overlap).toBe(overlap);
});

it('places the items of the second list first, then those that are gone', () => {
  expect(compareLists(listOf('abc'), listOf('dba')).items).toEqual([
    { itemId: 'd', title: 'D', was: null, is: 1 },
    { itemId: 'b', title: 'B', was: 2, is: 2 },
    { itemId: 'a', title: 'A', was: 1, is: 3 },
    { itemId: 'c', title: 'C', was: 3, is: null },
  ]);
});

it('counts the users of each moved item, and leaves out requests without a first response and those after the end', async () => {
  const [before, after] = [{ id: 'before' }, { id: 'after' }] as Bundle[];
  const lists: Record<string, readonly [string, string]> = {
    ann: ['abc', 'abd'],
    bob: ['abc', 'aed'],
    eve: ['', 'x'],
    joe: ['a', 'b'],
  };
  const overlaps: number[] = [];
  const comparison = await compareBundles(before!, after!, Object.keys(lists), {
    respond: async (bundle, user, side) => {
      expect(bundle.id).toBe(side);
      const list = lists[user]![side === 'before' ? 0 : 1];
      return list === '' ? undefined : { items: listOf(list) };
    },
    onCompared: ({ overlap }) => overlaps.push(overlap),
    isOver: () => overlaps.length === 2,
  });
  expect(overlaps).toEqual([2 / 3, 1 / 3]);
  expect(comparison).toEqual({
    compared: 2,
    overlap: 0.5,
    gained: [
      { itemId: 'd', title: 'D', users: 2 },
      { itemId: 'e', title: 'E', users: 1 },
    ],
    lost: [
      { itemId: 'c', title: 'C', users: 2 },
      { itemId: 'b', title: 'B', users: 1 },
    ],
  });
});
