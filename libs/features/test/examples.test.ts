import { dayMs, hourMs } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, drawEpoch, epochShares, prefixExamples, windowExamples } from '../src/index.ts';
import type { Examples, UserSequences } from '../src/index.ts';
import { anyHistories, sequencesOf } from './histories.ts';

interface Row {
  user: number;
  start: number;
  end: number;
  labelEnd: number;
  time: number;
}

function rowsOf({ count, user, start, end, labelEnd, time }: Examples): Row[] {
  return Array.from({ length: count }, (_, row) => ({
    user: user[row]!,
    start: start[row]!,
    end: end[row]!,
    labelEnd: labelEnd[row]!,
    time: time[row]!,
  }));
}

function windows(
  sequences: UserSequences,
  options: { before?: number; windowDays?: number; extraMoments?: number; seed?: number },
): Row[] {
  const { before = Infinity, windowDays = 7, extraMoments = 0, seed = 1 } = options;
  return rowsOf(
    windowExamples(sequences, { before, windowMs: windowDays * dayMs, extraMoments, random: createRandom(seed) }),
  );
}

describe('prefixExamples with labels of a moment', () => {
  it('labels a prefix with the rest of the next moment', () => {
    const sequences = sequencesOf([
      [
        [1, 10],
        [2, 20],
        [3, 20],
        [4, 20],
        [5, 30],
      ],
      [
        [6, 1],
        [7, 1],
      ],
    ]);
    expect(rowsOf(prefixExamples(sequences, Infinity, 'moment'))).toEqual([
      { user: 0, start: 0, end: 1, labelEnd: 4, time: 20 },
      { user: 0, start: 0, end: 2, labelEnd: 4, time: 20 },
      { user: 0, start: 0, end: 3, labelEnd: 4, time: 20 },
      { user: 0, start: 0, end: 4, labelEnd: 5, time: 30 },
      { user: 1, start: 5, end: 6, labelEnd: 7, time: 1 },
    ]);
  });

  it('equals plain prefix examples if no interactions share a moment; labels end at the cut', () => {
    fc.assert(
      fc.property(anyHistories(20), fc.integer({ min: 0, max: 21 }), (histories, before) => {
        const spread = histories.map((history) => history.map(([item], day): [number, number] => [item, day]));
        const sequences = sequencesOf(spread);
        expect(prefixExamples(sequences, before, 'moment')).toEqual(prefixExamples(sequences, before));
        const cut = Int32Array.from(histories, (_, user) => {
          const [from, to] = [sequences.offsets[user]!, sequences.offsets[user + 1]!];
          return Math.min(to, from + before);
        });
        const tied = sequencesOf(histories);
        for (const { user, labelEnd } of rowsOf(prefixExamples(tied, cut, 'moment'))) {
          expect(labelEnd).toBeLessThanOrEqual(cut[user]!);
        }
      }),
    );
  });
});

describe('prefixExamples with labels of a share', () => {
  it('labels a prefix with a quarter as many interactions, at least one and none after the cut', () => {
    const sequences = sequencesOf([Array.from({ length: 14 }, (_, day): [number, number] => [1 + (day % 9), day])]);
    const labelCounts = rowsOf(prefixExamples(sequences, 13, 'share')).map(({ end, labelEnd }) => labelEnd - end);
    expect(labelCounts).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 2, 1]);
  });

  it('asks what a split by users asks, if the last label is the last interaction', () => {
    for (const length of [2, 5, 10, 25]) {
      const sequences = sequencesOf([Array.from({ length }, (_, day): [number, number] => [1 + (day % 9), day])]);
      const history = Math.floor((4 * length) / 5);
      const example = rowsOf(prefixExamples(sequences, Infinity, 'share')).find(({ end }) => end === history);
      expect(example!.labelEnd).toBe(length);
    }
  });
});

describe('prefixExamples', () => {
  it('returns every prefix of every user with the next interaction as its label, at the time of the label', () => {
    const sequences = sequencesOf([
      [
        [1, 10],
        [2, 20],
        [3, 30],
      ],
      [[4, 5]],
      [
        [5, 1],
        [6, 2],
      ],
    ]);
    expect(rowsOf(prefixExamples(sequences, Infinity))).toEqual([
      { user: 0, start: 0, end: 1, labelEnd: 2, time: 20 },
      { user: 0, start: 0, end: 2, labelEnd: 3, time: 30 },
      { user: 2, start: 4, end: 5, labelEnd: 6, time: 2 },
    ]);
  });

  it('has no label at or after `before`; every earlier interaction except the first is a label once', () => {
    fc.assert(
      fc.property(anyHistories(20), fc.integer({ min: 0, max: 21 }), (histories, before) => {
        const sequences = sequencesOf(histories);
        const rows = rowsOf(prefixExamples(sequences, before));
        for (const row of rows) expect(sequences.times[row.labelEnd - 1]!).toBeLessThan(before);
        const labels = rows.map(({ end }) => end);
        const expected = histories.flatMap((interactions, user) =>
          interactions.flatMap(([, time], position) =>
            position > 0 && time < before ? [sequences.offsets[user]! + position] : [],
          ),
        );
        expect(labels).toEqual(expected);
      }),
    );
  });
});

describe('windowExamples', () => {
  it('has an example at the start of each day with an interaction: history before it, labels from it on', () => {
    const sequences = sequencesOf([
      [
        [1, hourMs],
        [2, dayMs + 5 * hourMs],
        [3, dayMs + 6 * hourMs],
        [4, 9 * dayMs],
      ],
    ]);
    expect(windows(sequences, {})).toEqual([
      { user: 0, start: 0, end: 1, labelEnd: 3, time: dayMs },
      { user: 0, start: 0, end: 3, labelEnd: 4, time: 9 * dayMs },
    ]);
  });

  it('the label window is half-open', () => {
    const sequences = sequencesOf([
      [
        [1, 0],
        [2, 10 * dayMs],
        [3, 12 * dayMs - 1],
        [4, 12 * dayMs],
      ],
    ]);
    expect(windows(sequences, { windowDays: 2 })[0]).toMatchObject({ end: 1, labelEnd: 3 });
  });

  it('keeps interactions of one moment together: a basket never predicts itself', () => {
    const basket = 3 * dayMs + hourMs;
    const sequences = sequencesOf([
      [
        [1, dayMs],
        [2, basket],
        [3, basket],
        [4, basket],
        [5, basket + hourMs],
      ],
    ]);
    const rows = windows(sequences, { extraMoments: 9 });
    expect(rows.map(({ end, time }) => [end, time])).toEqual([
      [1, 3 * dayMs],
      [1, basket],
      [4, basket + hourMs],
    ]);
  });

  it('has no example of a user with one moment', () => {
    expect(
      windows(
        sequencesOf([
          [
            [1, hourMs],
            [2, hourMs],
          ],
          [
            [3, hourMs],
            [4, 2 * hourMs],
          ],
        ]),
        { extraMoments: 0 },
      ),
    ).toEqual([]);
  });

  it('has no example without labels', () => {
    const sequences = sequencesOf([
      [
        [1, 0],
        [2, dayMs + 12 * hourMs],
        [3, 3 * dayMs + hourMs],
      ],
    ]);
    expect(windows(sequences, { windowDays: 0.25 }).map(({ time, end, labelEnd }) => [time, end, labelEnd])).toEqual([
      [3 * dayMs, 2, 3],
    ]);
  });

  it('starts days before 1970 at midnight too', () => {
    const sequences = sequencesOf([
      [
        [1, -3 * dayMs],
        [2, -hourMs],
      ],
    ]);
    expect(windows(sequences, {})).toMatchObject([{ time: -dayMs, end: 1, labelEnd: 2 }]);
  });

  it('draws at most extraMoments times within days, the same for the same seed', () => {
    const sequences = sequencesOf([Array.from({ length: 12 }, (_, hour) => [1 + (hour % 9), hour * hourMs] as const)]);
    const timesOf = (seed: number): number[] => windows(sequences, { extraMoments: 3, seed }).map(({ time }) => time);
    expect(timesOf(1)).toEqual(timesOf(1));
    expect(timesOf(1).length).toBe(3);
    expect(new Set([1, 2, 3, 4, 5].map((seed) => timesOf(seed).join())).size).toBeGreaterThan(1);
    expect(windows(sequences, { extraMoments: 99 })).toHaveLength(11);
  });

  it('equals a time split at the moment of each example', () => {
    const histories = anyHistories(100).map((list) =>
      list.map((interactions) => interactions.map(([item, time]) => [item, time * 6 * hourMs] as const)),
    );
    const options = fc.record({
      before: fc.integer({ min: 0, max: 110 }).map((time) => time * 6 * hourMs),
      windowDays: fc.constantFrom(0.5, 1, 5, 100),
      extraMoments: fc.integer({ min: 0, max: 3 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(histories, options, (list, chosen) => {
        const sequences = sequencesOf(list);
        const { times, offsets } = sequences;
        const rows = windows(sequences, chosen);
        for (const { user, start, end, labelEnd, time } of rows) {
          expect(start).toBe(offsets[user]);
          expect(start < end && end < labelEnd).toBe(true);
          const until = Math.min(chosen.before, time + chosen.windowDays * dayMs);
          for (let position = start; position < offsets[user + 1]!; position++) {
            const at = times[position]!;
            const side = position < end ? 'history' : position < labelEnd ? 'label' : 'later';
            expect(side).toBe(at < time ? 'history' : at < until ? 'label' : 'later');
          }
        }
        list.forEach((_, user) => {
          const own = rows.filter((row) => row.user === user).map(({ time }) => time);
          expect(own).toEqual([...new Set(own)].sort((a, b) => a - b));
          expect(own.filter((time) => time % dayMs !== 0).length).toBeLessThanOrEqual(chosen.extraMoments);
        });
      }),
    );
  });
});

describe('drawEpoch', () => {
  const examples = prefixExamples(
    sequencesOf([30, 5, 2].map((length) => Array.from({ length }, (_, time) => [1 + (time % 9), time] as const))),
    Infinity,
  );
  const draw = (perUser: number, seed: number): number[] => [
    ...drawEpoch(examples, { perUser, random: createRandom(seed) }),
  ];

  it('returns every example once, shuffled, without a cap', () => {
    const order = draw(0, 1);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: examples.count }, (_, position) => position));
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(order).toEqual(draw(0, 1));
    expect(order).not.toEqual(draw(0, 2));
  });

  it('returns √(perUser · n) examples of a user with n, and all examples of users with fewer than perUser', () => {
    const order = draw(6, 1);
    const perUser = [0, 1, 2].map((user) => order.filter((position) => examples.user[position] === user).length);
    expect(perUser).toEqual([13, 4, 1]); // √(6 · 29) = 13.2
    expect(new Set(order).size).toBe(order.length);
  });

  it('spreads the examples of each user over the epoch', () => {
    const positions = Array.from({ length: 400 }, (_, seed) => {
      const order = draw(6, seed);
      return order.flatMap((position, index) => (examples.user[position] === 0 ? [index / (order.length - 1)] : []));
    }).flat();
    const mean = positions.reduce((sum, position) => sum + position, 0) / positions.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  });

  it('has each example with the probability of epochShares', () => {
    const shares = epochShares(examples, 6);
    expect([...new Set(shares)]).toEqual([13 / 29, 1]);
    expect(shares.filter((_, position) => examples.user[position] === 0)).toEqual(new Float64Array(29).fill(13 / 29));
    expect([...new Set(epochShares(examples, 0))]).toEqual([1]);
  });

  it('draws another part each time, so that all examples occur', () => {
    const seen = new Set(Array.from({ length: 40 }, (_, epoch) => draw(6, epoch)).flat());
    expect(seen.size).toBe(examples.count);
  });
});
