import type { UserSequences } from '@facet/features';
import { createRandom } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { findPopularLists } from '../src/indexing/popular-lists.ts';
import { dayMs } from './shops/tiny-shop.ts';

const asOf = Date.UTC(2026, 2, 1);

interface Interaction {
  readonly user: number;
  readonly item: number;
  readonly daysAgo: number;
}

function datasetOf(
  itemCount: number,
  attributes: (Record<string, string | number> | undefined)[],
  interactions: Interaction[],
) {
  const byUser = attributes.map((_, user) =>
    interactions.filter((interaction) => interaction.user === user).sort((a, b) => b.daysAgo - a.daysAgo),
  );
  const offsets = new Int32Array(attributes.length + 1);
  byUser.forEach((own, user) => (offsets[user + 1] = offsets[user]! + own.length));
  const sequences: UserSequences = {
    userIds: attributes.map((_, user) => `user${user}`),
    offsets,
    items: Int32Array.from(byUser.flat(), ({ item }) => item),
    times: Float64Array.from(byUser.flat(), ({ daysAgo }) => asOf - daysAgo * dayMs),
  };
  const items = Array.from({ length: itemCount + 1 }, (_, item) => ({ itemId: `item${item}`, attributes: {} }));
  return { sequences, userAttributes: attributes, items };
}

const settings = { windowDays: [30, 7], segments: 'auto' as const, minUsers: 2 };
const brief = ({ lists }: ReturnType<typeof findPopularLists>) =>
  lists.map(({ windowDays, segment, users, items, chosenBy }) => ({
    of: segment === undefined ? windowDays : `${windowDays} ${segment.attribute} ${segment.value}`,
    users,
    items: [...items],
    chosenBy: [...chosenBy],
  }));

describe('findPopularLists', () => {
  it('counts users, not interactions, within each window, and nothing from its end on', () => {
    const dataset = datasetOf(
      6,
      [{}, {}, undefined, {}],
      [
        { user: 0, item: 3, daysAgo: 8 },
        { user: 0, item: 3, daysAgo: 2 },
        { user: 0, item: 3, daysAgo: 1 },
        { user: 0, item: 1, daysAgo: 3 },
        { user: 1, item: 3, daysAgo: 30 },
        { user: 1, item: 2, daysAgo: 7 },
        { user: 2, item: 2, daysAgo: 6 },
        // Before the widest window, at its end and later, and an item outside the vocabulary.
        { user: 3, item: 4, daysAgo: 30.1 },
        { user: 3, item: 5, daysAgo: 0 },
        { user: 3, item: 6, daysAgo: -1 },
        { user: 3, item: 0, daysAgo: 1 },
      ],
    );
    expect(brief(findPopularLists(dataset, asOf, settings))).toEqual([
      { of: 7, users: 3, items: [2, 1, 3], chosenBy: [2, 1, 1] },
      { of: 30, users: 3, items: [2, 3, 1], chosenBy: [2, 2, 1] },
    ]);
  });

  it('creates lists only for segments with enough active users', () => {
    const [de, us, at] = [{ country: 'de' }, { country: 'us' }, { country: 'at' }];
    const dataset = datasetOf(
      3,
      [de, de, us, us, at, undefined],
      [
        { user: 0, item: 1, daysAgo: 1 },
        { user: 1, item: 1, daysAgo: 2 },
        { user: 1, item: 2, daysAgo: 1 },
        { user: 2, item: 3, daysAgo: 1 },
        { user: 3, item: 3, daysAgo: 9 },
        { user: 4, item: 2, daysAgo: 1 },
        { user: 5, item: 2, daysAgo: 1 },
      ],
    );
    const found = findPopularLists(dataset, asOf, settings);
    expect(found).toMatchObject({ windowDays: [30, 7], minUsers: 2 });
    expect(found.attributes).toMatchObject([{ name: 'country', values: ['de', 'us'] }]);
    expect(brief(found)).toEqual([
      { of: 7, users: 5, items: [2, 1, 3], chosenBy: [3, 2, 1] },
      { of: '7 country de', users: 2, items: [1, 2], chosenBy: [2, 1] },
      { of: 30, users: 6, items: [2, 1, 3], chosenBy: [3, 2, 2] },
      { of: '30 country de', users: 2, items: [1, 2], chosenBy: [2, 1] },
      { of: '30 country us', users: 2, items: [3], chosenBy: [2] },
    ]);
    expect(findPopularLists(dataset, asOf, { ...settings, segments: [] }).attributes).toEqual([]);
  });

  it('divides numbers into fifths, and uses ids and post codes only if named', () => {
    const users = Array.from({ length: 100 }, (_, user) => ({ age: user, zip: `z${user % 90}`, plan: user % 3 }));
    const dataset = datasetOf(
      1,
      users,
      users.map((_, user) => ({ user, item: 1, daysAgo: 1 })),
    );
    const found = findPopularLists(dataset, asOf, { ...settings, windowDays: [7] });
    expect(brief(found).map(({ of, users: count }) => [of, count])).toEqual([
      [7, 100],
      ['7 age <=20', 21],
      ['7 age >20 <=40', 20],
      ['7 age >40 <=60', 20],
      ['7 age >60 <=80', 20],
      ['7 age >80', 19],
      ['7 plan 0', 34],
      ['7 plan 1', 33],
      ['7 plan 2', 33],
    ]);
    const named = findPopularLists(dataset, asOf, { ...settings, windowDays: [7], segments: ['zip'] });
    expect(brief(named).map(({ of }) => of)).toEqual([7, ...Array.from({ length: 10 }, (_, n) => `7 zip z${n}`)]);
  });

  it('keeps the first thousand items, and ties by index', () => {
    const random = createRandom(1);
    const interactions = Array.from({ length: 4000 }, () => ({
      user: random.int(40),
      item: 1 + random.int(1500),
      daysAgo: 1,
    }));
    const dataset = datasetOf(1500, Array<undefined>(40).fill(undefined), interactions);
    const [list] = findPopularLists(dataset, asOf, { ...settings, windowDays: [7] }).lists;
    const users = Array.from({ length: 1501 }, () => new Set<number>());
    for (const { user, item } of interactions) users[item]!.add(user);
    const expected = [...users.keys()]
      .filter((item) => users[item]!.size > 0)
      .sort((a, b) => users[b]!.size - users[a]!.size || a - b);
    expect(expected.length).toBeGreaterThan(1000);
    expect([...list!.items]).toEqual(expected.slice(0, 1000));
    expect([...list!.chosenBy]).toEqual(expected.slice(0, 1000).map((item) => users[item]!.size));
  });
});
