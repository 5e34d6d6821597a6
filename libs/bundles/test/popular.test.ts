import { join } from 'node:path';
import type { FeatureSchema } from '@facet/features';
import { temporaryFolder } from '@facet/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PopularList, PopularLists } from '../src/index.ts';
import { createPopular, readPopularLists, writePopularLists } from '../src/popularity/popular-lists.ts';

const gender: FeatureSchema = { name: 'gender', kind: 'category', values: ['f', 'm'], edges: [], slots: 1 };
const age: FeatureSchema = { name: 'age', kind: 'number', values: ['<=24', '>24'], edges: [24], slots: 1 };

function list(windowDays: number, users: number, items: number[], segment?: [string, string]): PopularList {
  return {
    windowDays,
    ...(segment === undefined ? {} : { segment: { attribute: segment[0], value: segment[1] } }),
    users,
    items: Int32Array.from(items),
    chosenBy: Int32Array.from(items, (_, rank) => users - rank),
  };
}

const lists: PopularLists = {
  windowDays: [7, 1, 30],
  minUsers: 50,
  attributes: [gender, age],
  lists: [
    list(1, 20, [9, 8]),
    list(7, 400, [1, 2, 3]),
    list(7, 180, [3, 4], ['gender', 'f']),
    list(7, 220, [1, 3], ['gender', 'm']),
    list(7, 60, [5, 1], ['age', '<=24']),
    list(30, 900, [2, 1]),
    list(30, 400, [4, 3], ['gender', 'f']),
  ],
};
const all = [2, 1, 3, 4, 5, 6, 7, 8, 9, 10];
const popular = createPopular(lists, () => all);

describe('listFor', () => {
  test('without attributes starts with the list of all users in the default window, then all other items by popularity', () => {
    const found = popular.listFor({});
    expect(found).toMatchObject({ windowDays: 7 });
    expect(found.segment).toBeUndefined();
    expect([...found.items]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // The iterable can be iterated again.
    expect([...found.items]).toHaveLength(10);
  });

  test("starts with the list of the user's smallest segment", () => {
    const young = popular.listFor({ attributes: { gender: 'm', age: 24 } });
    expect(young.segment).toEqual({ attribute: 'age', value: '<=24', users: 60 });
    expect([...young.items].slice(0, 4)).toEqual([5, 1, 2, 3]);
    // Too few users are older to have a list.
    expect(popular.listFor({ attributes: { gender: 'f', age: 25 } }).segment).toMatchObject({ value: 'f' });
    expect(popular.listFor({ attributes: { gender: 'x', other: true } }).segment).toBeUndefined();
  });

  test('replaces an unavailable window by the next longer one, or the longest', () => {
    expect(popular.listFor({ windowDays: 8, attributes: { gender: 'f' } })).toMatchObject({
      windowDays: 30,
      segment: { users: 400 },
    });
    expect(popular.listFor({ windowDays: 365 }).windowDays).toBe(30);
  });

  test('skips a window with too few users, and uses the longest if all have too few', () => {
    expect(popular.listFor({ windowDays: 1 }).windowDays).toBe(7);
    const quiet = createPopular({ ...lists, minUsers: 1000, lists: [list(7, 3, [4]), list(30, 5, [6])] }, () => all);
    expect(quiet.listFor({}).windowDays).toBe(30);
    expect([...quiet.listFor({}).items].slice(0, 2)).toEqual([6, 2]);
  });
});

test('returns every item once for any user and window', () => {
  fc.assert(
    fc.property(
      fc.record({
        windowDays: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
        attributes: fc.record({ gender: fc.constantFrom('f', 'm', 'x'), age: fc.nat(99) }, { requiredKeys: [] }),
      }),
      (query) => {
        expect([...popular.listFor(query).items].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      },
    ),
  );
});

describe('the file', () => {
  async function scratchFile(): Promise<string> {
    return join(await temporaryFolder(), 'popular.safetensors');
  }

  test('returns the lists that were written', async () => {
    const path = await scratchFile();
    await writePopularLists(path, lists);
    expect(await readPopularLists(path, 10)).toEqual(lists);
  });

  test('refuses lists of unknown items, and lists without one of all users', async () => {
    const path = await scratchFile();
    await writePopularLists(path, lists);
    await expect(readPopularLists(path, 8)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
    const other = await scratchFile();
    await writePopularLists(other, { ...lists, lists: lists.lists.slice(2, 4) });
    await expect(readPopularLists(other, 10)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});
