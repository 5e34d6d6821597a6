import { facetModel } from '@facet/model';
import { describe, expect, it } from 'vitest';
import { modelSpecOf } from '../src/model/model-spec.ts';

/** Two users with 16 different items, one per day. The second one repeats every item. */
const count = 16;
const interactions = [0, 1].map((user) =>
  Array.from({ length: count * (1 + user) }, (_, position) => ({ item: 1 + (position % count), time: position })),
);
const data = {
  items: Array.from({ length: count + 1 }, (_, item) => ({ itemId: `i${item}`, attributes: {} })),
  sequences: {
    userIds: ['a', 'b'],
    offsets: Int32Array.of(0, count, 3 * count),
    items: Int32Array.from(interactions.flat(), ({ item }) => item),
    times: Float64Array.from(interactions.flat(), ({ time }) => time),
  },
  itemFeatures: [],
  profiles: [],
};

describe('the layout of a model', () => {
  it('chooses K by the interactions before the cut', () => {
    const interests = (before: number): number => modelSpecOf(facetModel, data, before).config.interests;
    expect(interests(Number.POSITIVE_INFINITY)).toBe(4);
    expect(interests(8)).toBe(3);
    expect(interests(4)).toBe(2);
    expect(interests(2)).toBe(1);
  });

  it('counts behaviors as the model reads them: distinct items if configured, and at most L', () => {
    const config = { ...facetModel, interests: 5, interestUsersMin: 1 };
    const interests = (model: Partial<typeof config>): number =>
      modelSpecOf({ ...config, ...model }, data, Number.POSITIVE_INFINITY).config.interests;
    expect(interests({})).toBe(4);
    expect(interests({ distinctBehaviors: false, interestUsersMin: 0.5 })).toBe(5);
    expect(interests({ sequenceLength: 8 })).toBe(3);
  });
});
