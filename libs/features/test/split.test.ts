import { dayMs, isAppError } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildPopularityTimeline,
  chooseTimeSplit,
  heldOutByTime,
  heldOutNext,
  heldOutUsers,
  itemsKnownBefore,
  leaveOneOutCut,
  prefixExamples,
  userPartitions,
  userSplitCut,
} from '../src/index.ts';
import type { UserPart, UserSequences } from '../src/index.ts';
import { anyHistories, sequencesOf } from './histories.ts';

describe('chooseTimeSplit', () => {
  const shares = { testShare: 0.2, validationShare: 0.2 };

  it('puts the newest shares into the windows, for any order of times', () => {
    const split = chooseTimeSplit([9, 1, 3, 2, 8, 5, 4, 7, 6, 10], shares);
    expect(split).toEqual({ validationFrom: 7, testFrom: 9 });
  });

  it('keeps a moment together, in the later window', () => {
    const split = chooseTimeSplit([1, 2, 3, 4, 5, 6, 7, 7, 7, 7], { testShare: 0.2, validationShare: 0.3 });
    expect(split).toEqual({ validationFrom: 6, testFrom: 7 });
  });

  it.each([[[]], [[5]], [[5, 5, 5, 5]], [[1, 1, 1, 2]], [[1, 2]]])('refuses %j: a window would be empty', (times) => {
    expect(() => chooseTimeSplit(times, shares)).toThrow(
      expect.objectContaining({
        code: 'FEATURES_TOO_FEW_MOMENTS',
        remedy: expect.stringContaining('--protocol leave-one-out') as string,
      }),
    );
  });

  it('does not change the given times', () => {
    const times = [9, 1, 3, 2, 8, 5, 4, 7, 6, 10];
    chooseTimeSplit(times, shares);
    expect(times[0]).toBe(9);
  });

  it('fills all windows, the later two with about their shares, or refuses', () => {
    const share = fc.integer({ min: 1, max: 50 }).map((percent) => percent / 100);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }),
        share,
        share,
        (times, testShare, validationShare) => {
          try {
            const { validationFrom, testFrom } = chooseTimeSplit(times, { testShare, validationShare });
            const count = (from: number, before: number): number =>
              times.filter((time) => time >= from && time < before).length;
            expect(count(-Infinity, validationFrom)).toBeGreaterThan(0);
            expect(count(validationFrom, testFrom)).toBeGreaterThan(0);
            expect(count(testFrom, Infinity)).toBeGreaterThanOrEqual(Math.floor(times.length * testShare));
            expect(count(validationFrom, Infinity)).toBeGreaterThanOrEqual(
              Math.floor(times.length * (testShare + validationShare) - 1e-9),
            );
          } catch (error) {
            if (!isAppError(error, 'FEATURES_TOO_FEW_MOMENTS')) throw error;
          }
        },
      ),
    );
  });

  it('accepts any distribution over as many moments as a day has minutes', () => {
    const times = Array.from({ length: 1440 }, (_, minute) => minute);
    for (const testShare of [0.01, 0.2, 0.49]) {
      expect(() => chooseTimeSplit(times, { testShare, validationShare: testShare })).not.toThrow();
    }
  });
});

describe('heldOutByTime', () => {
  const known = Uint8Array.from([0, 1, 1, 1, 1, 0, 0, 0, 0, 0]);

  it('ends the history before the window, which is half-open', () => {
    const sequences = sequencesOf([
      [
        [1, 9],
        [2, 10],
        [3, 19],
        [4, 20],
      ],
    ]);
    const [user] = heldOutByTime(sequences, { from: 10, before: 20, known });
    expect(user).toMatchObject({ user: 0, start: 0, end: 1, absent: 0 });
    expect([...user!.truth]).toEqual([2, 3]);
  });

  it('counts repeats in the window once, and items that no method can rank as absent', () => {
    const sequences = sequencesOf([
      [
        [1, 1],
        [2, 10],
        [2, 11],
        [5, 12],
        [5, 13],
        [6, 14],
        [0, 15],
        [1, 16],
      ],
    ]);
    const [user] = heldOutByTime(sequences, { from: 10, before: Infinity, known });
    expect([...user!.truth]).toEqual([2, 1]);
    expect(user!.absent).toBe(3);
  });

  it('skips users without a history or without interactions in the window; absent items count', () => {
    const sequences = sequencesOf([
      [[1, 10]],
      [[1, 1]],
      [
        [1, 1],
        [2, 30],
      ],
      [
        [1, 1],
        [5, 12],
      ],
    ]);
    const heldOut = heldOutByTime(sequences, { from: 10, before: 20, known });
    expect(heldOut.map(({ user }) => user)).toEqual([3]);
    expect(heldOut[0]).toMatchObject({ absent: 1 });
    expect([...heldOut[0]!.truth]).toEqual([]);
  });

  it('histories and candidates do not depend on the window and later times', () => {
    const cut = 10;
    fc.assert(
      fc.property(anyHistories(20), anyHistories(9), (histories, others) => {
        const before = 20;
        const later = histories
          .map((interactions, user) => [
            ...interactions.filter(([, time]) => time < cut),
            ...(others[user] ?? []).map(([item, time]) => [item, time + cut] as const),
          ])
          .filter((interactions) => interactions.length > 0);
        const kept = histories.filter(
          (interactions, user) => interactions.some(([, time]) => time < cut) || (others[user] ?? []).length > 0,
        );
        expect(later).toHaveLength(kept.length);
        const view = (of: typeof later): unknown => {
          const sequences = sequencesOf(of);
          const candidates = itemsKnownBefore(sequences, cut, 9);
          const heldOut = heldOutByTime(sequences, { from: cut, before, known: candidates });
          for (const { user, start, end, truth } of heldOut) {
            for (let position = start; position < end; position++) expect(sequences.times[position]!).toBeLessThan(cut);
            expect(start).toBe(sequences.offsets[user]);
            for (const item of truth) expect(candidates[item]).toBe(1);
          }
          return [...candidates];
        };
        expect(view(later)).toEqual(view(kept));
      }),
    );
  });

  it('equals a scan of all interactions', () => {
    fc.assert(
      fc.property(
        anyHistories(20),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        (histories, from, length) => {
          const sequences = sequencesOf(histories);
          const before = from + length;
          const candidates = itemsKnownBefore(sequences, from, 9);
          const expected = histories.flatMap((interactions, user) => {
            const inside = interactions.filter(([, time]) => time >= from && time < before).map(([item]) => item);
            if (!interactions.some(([, time]) => time < from) || inside.length === 0) return [];
            const truth = new Set(inside.filter((item) => candidates[item] === 1));
            const absent = new Set(inside.filter((item) => item > 0 && candidates[item] === 0));
            return [{ user, truth: [...truth], absent: absent.size + inside.filter((item) => item === 0).length }];
          });
          const heldOut = heldOutByTime(sequences, { from, before, known: candidates });
          expect(heldOut.map(({ user, truth, absent }) => ({ user, truth: [...truth], absent }))).toEqual(expected);
        },
      ),
    );
  });
});

describe('itemsKnownBefore', () => {
  it('marks items with an interaction before the time, never padding', () => {
    const sequences = sequencesOf(
      [
        [
          [0, 1],
          [1, 1],
          [2, 10],
        ],
        [
          [3, 9],
          [1, 11],
        ],
      ],
      4,
    );
    expect([...itemsKnownBefore(sequences, 10, 4)]).toEqual([0, 1, 0, 1, 0]);
  });
});

describe('leave-one-out', () => {
  const sequences = sequencesOf([
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ],
    [
      [5, 1],
      [6, 2],
    ],
    [[7, 1]],
    [
      [2, 1],
      [8, 2],
      [0, 3],
    ],
  ]);
  const view = (part: 'validation' | 'test'): unknown[] => {
    const cut = leaveOneOutCut(sequences, part);
    const known = itemsKnownBefore(sequences, cut, 9);
    return heldOutNext(sequences, cut, known).map(({ user, start, end, truth, absent }) => [
      user,
      start,
      end,
      [...truth],
      absent,
    ]);
  };

  it('skips users with fewer than three moments; items without an earlier interaction or outside the vocabulary are absent', () => {
    expect(view('test')).toEqual([
      [0, 0, 3, [], 1],
      [3, 7, 9, [], 1],
    ]);
    expect(view('validation')).toEqual([
      [0, 0, 2, [], 1],
      [3, 7, 8, [], 1],
    ]);
    expect([...itemsKnownBefore(sequences, leaveOneOutCut(sequences, 'test'), 9)]).toEqual([
      0, 1, 1, 1, 0, 0, 0, 0, 1, 0,
    ]);
  });

  it('known items, examples, popularity and histories do not depend on held-out interactions', () => {
    const whole = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 8 }), { maxLength: 6 });
    fc.assert(
      fc.property(whole, whole, fc.constantFrom('validation', 'test'), (histories, others, part) => {
        const heldOut = part === 'test' ? 1 : 2;
        const timed = (items: readonly number[]): [number, number][] => items.map((item, day) => [item, day * dayMs]);
        const original = histories.map((items) => timed(items));
        const changed = histories.map((items, user) =>
          timed([...items.slice(0, -heldOut), ...Array.from({ length: heldOut }, (_, k) => others[user]?.[k] ?? 9)]),
        );
        const seen = (of: [number, number][][]): unknown => {
          const sequences = sequencesOf(of);
          const cut = leaveOneOutCut(sequences, part);
          const known = itemsKnownBefore(sequences, cut, 9);
          const timeline = buildPopularityTimeline(sequences, 9, cut);
          return [
            [...known],
            rowsOfExamples(sequences, cut),
            heldOutNext(sequences, cut, known).map(({ user, start, end }) => [
              user,
              ...sequences.items.subarray(start, end),
            ]),
            [...timeline.featuresOn(20)],
          ];
        };
        expect(seen(changed)).toEqual(seen(original));
      }),
    );
  });

  it('holds out the interaction at the cut of every other user', () => {
    const two = sequencesOf([
      [
        [1, 1],
        [2, 1],
        [3, 2],
      ],
      [
        [3, 1],
        [2, 2],
        [1, 3],
        [2, 4],
      ],
    ]);
    const cut = leaveOneOutCut(two, 'test');
    const rows = heldOutNext(two, cut, itemsKnownBefore(two, cut, 9));
    expect(rows.map(({ user, start, end, truth }) => [user, start, end, [...truth]])).toEqual([[1, 3, 6, [2]]]);
  });

  it('never divides a moment: the target is one item of the last basket, and no other item of it is known', () => {
    const baskets = sequencesOf([
      [
        [1, 1],
        [2, 1],
        [3, 2],
        [4, 2],
        [5, 3],
        [6, 3],
        [7, 3],
      ],
    ]);
    expect([...leaveOneOutCut(baskets, 'test')]).toEqual([4]);
    expect([...leaveOneOutCut(baskets, 'validation')]).toEqual([2]);
    const all = new Uint8Array(10).fill(1, 1);
    expect(heldOutNext(baskets, Int32Array.of(4), all)).toMatchObject([{ start: 0, end: 4, truth: Int32Array.of(5) }]);
  });
});

function rowsOfExamples(sequences: UserSequences, cut: Int32Array): unknown {
  const { count, user, start, end, labelEnd } = prefixExamples(sequences, cut);
  return Array.from({ length: count }, (_, row) => [
    user[row],
    ...sequences.items.subarray(start[row]!, end[row]!),
    ...sequences.items.subarray(end[row]!, labelEnd[row]!),
  ]);
}

describe('a split by users', () => {
  const partition = 0;
  const manyUsers = sequencesOf(Array.from({ length: 2000 }, (_, user) => [[1 + (user % 9), user]]));
  const known = new Uint8Array(10).fill(1, 1);
  const usersOf = (sequences: UserSequences, part: UserPart): number[] =>
    heldOutUsers(sequences, { part, partition, known }).map(({ user }) => user);

  it('has about 80 % of the users in training, and shows none of the others to it', () => {
    const cut = userSplitCut(manyUsers, partition);
    const trained = [...cut].filter((end, user) => end > manyUsers.offsets[user]!).length;
    expect(trained).toBeGreaterThan(1550);
    expect(trained).toBeLessThan(1650);
    expect([...userSplitCut(manyUsers, partition + 1)]).not.toEqual([...cut]);
  });

  it('puts every user with two interactions into one part, independent of the other users', () => {
    const pairs = Array.from({ length: 300 }, (_, user): [number, number][] => [
      [1, user],
      [2, user + 1],
    ]);
    const [all, some] = [sequencesOf(pairs), sequencesOf(pairs.slice(0, 100))];
    const parts = (['training', 'validation', 'test'] as const).map((part) => usersOf(all, part));
    expect(parts.flat().sort((a, b) => a - b)).toEqual([...all.userIds.keys()]);
    expect(usersOf(some, 'test')).toEqual(parts[2]!.filter((user) => user < 100));
  });

  it('has each user in the test of one partition, in whose neighbor the user is in the validation', () => {
    const pairs = sequencesOf(
      Array.from({ length: 300 }, (_, user) => [1, 2].map((day): [number, number] => [day, user + day])),
    );
    const of = (part: UserPart, partition: number): number[] =>
      heldOutUsers(pairs, { part, partition, known }).map(({ user }) => user);
    const partitions = Array.from({ length: userPartitions }, (_, partition) => of('test', partition));
    expect(partitions.flat().sort((a, b) => a - b)).toEqual([...pairs.userIds.keys()]);
    expect(of('validation', 3)).toEqual(partitions[4]);
  });

  it.each([
    [1, undefined],
    [2, 1],
    [4, 3],
    [5, 4],
    [9, 7],
    [10, 8],
    [100, 80],
  ])('gives a user with %i interactions a history of %s', (length, expected) => {
    const histories = Array.from({ length: 60 }, () =>
      Array.from({ length }, (_, day): [number, number] => [1 + (day % 9), day]),
    );
    const sequences = sequencesOf(histories);
    for (const part of ['validation', 'test'] as const) {
      const heldOut = heldOutUsers(sequences, { part, partition, known });
      expect(heldOut.length > 0).toBe(expected !== undefined);
      for (const { start, end } of heldOut) expect(end - start).toBe(expected);
    }
  });

  it.each<[string, number[], number | undefined]>([
    ['at the start of the basket', [1, 1, 2, 2, 3, 3, 3, 3, 3, 3], 4],
    ['after the first basket, if that one holds the cut', [1, 1, 1, 1, 1, 1, 1, 1, 1, 2], 9],
    ['nowhere, with one basket only', [1, 1, 1, 1, 1], undefined],
  ])('cuts between baskets: %s', (_, times, expected) => {
    const sequences = sequencesOf(
      Array.from({ length: 60 }, () => times.map((time, position): [number, number] => [1 + (position % 9), time])),
    );
    const heldOut = heldOutUsers(sequences, { part: 'test', partition, known });
    expect(heldOut.length > 0).toBe(expected !== undefined);
    for (const { start, end } of heldOut) expect(end - start).toBe(expected);
  });

  it('cuts between sessions: a session is a moment, even over several times', () => {
    const users = sequencesOf(
      Array.from({ length: 60 }, () => [1, 2, 3, 4, 5].map((day): [number, number] => [day, day])),
    );
    const sessions = Int32Array.from(users.items, (item) => (item < 3 ? 7 : 8));
    const heldOut = heldOutUsers({ ...users, sessions }, { part: 'test', partition, known });
    for (const { start, end } of heldOut) expect(end - start).toBe(2);
    expect(heldOut.length).toBeGreaterThan(0);
    const without = heldOutUsers({ ...users, sessions: sessions.fill(0) }, { part: 'test', partition, known });
    for (const { start, end } of without) expect(end - start).toBe(4);
  });

  it('counts repeated targets once, and items that are not known as absent', () => {
    const history: [number, number][] = [1, 2, 3, 4, 5, 6, 7, 1, 9, 9, 1, 2, 3, 1, 9].map((item, day) => [item, day]);
    const sequences = sequencesOf(Array.from({ length: 60 }, () => history));
    const [first] = heldOutUsers(sequences, { part: 'test', partition, known: known.with(9, 0) });
    expect([...first!.truth]).toEqual([3, 1]);
    expect(first).toMatchObject({ absent: 1, absentRepeats: 1 });
  });
});
