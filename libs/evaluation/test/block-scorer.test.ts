import { mix } from '@facet/features';
import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaveOutHistory, preparedUsersMax, scoreInBlocks, topNOfBlock } from '../src/block-scorer.ts';
import type { BlockScorer, ScoreBlock } from '../src/block-scorer.ts';
import { rankUsers } from '../src/rank-users.ts';
import type { ScoredUser } from '../src/scorers.ts';

/** Sorts everything by the tie rule: score descending, then the seeded hash ascending. */
function sortedTop(scores: Float32Array, n: number, tieSeed: number, exclude: readonly number[]): number[] {
  const items = [...scores.keys()].slice(1).filter((item) => !exclude.includes(item) && scores[item] !== -Infinity);
  items.sort((a, b) => scores[b]! - scores[a]! || mix(a ^ mix(tieSeed)) - mix(b ^ mix(tieSeed)));
  return items.slice(0, n);
}

/** A block of one row. Each score differs from the exact one by a share of the tolerance in [-1, 1]. */
function blockOf(exact: Float32Array, errors: readonly number[], tolerance: number): ScoreBlock {
  return {
    width: exact.length,
    scores: Float32Array.from(exact, (score, item) =>
      item === 0 ? Number.NEGATIVE_INFINITY : score + 0.99 * tolerance * (errors[item] ?? 0),
    ),
    tolerance,
    exact: (_, item) => exact[item]!,
  };
}

const anyScores = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(-Infinity)), {
  minLength: 1,
  maxLength: 60,
});
const anyErrors = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 });

describe('topNOfBlock', () => {
  it('equals a full sort of the exact scores for any errors within the tolerance', () => {
    fc.assert(
      fc.property(
        anyScores,
        anyErrors,
        fc.constantFrom(0, 1e-4, 0.5, 3),
        fc.integer({ min: 0, max: 70 }),
        fc.integer(),
        fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
        (values, errors, tolerance, n, tieSeed, excluded) => {
          const exact = Float32Array.from(values);
          const exclude = excluded.filter((item) => item < exact.length);
          const found = topNOfBlock(blockOf(exact, errors, tolerance), 0, n, { exclude, tieSeed });
          expect([...found]).toEqual(sortedTop(exact, n, tieSeed, exclude));
        },
      ),
    );
  });

  it('orders ties neither by index nor equally for all seeds', () => {
    const block = blockOf(new Float32Array(101), [], 0);
    const first = topNOfBlock(block, 0, 100, { tieSeed: 1 });
    expect([...first]).not.toEqual([...first.toSorted()]);
    expect([...first]).not.toEqual([...topNOfBlock(block, 0, 100, { tieSeed: 2 })]);
    const lowIndexes = first.subarray(0, 50).filter((item) => item <= 50).length;
    expect(lowIndexes).toBeGreaterThan(12);
    expect(lowIndexes).toBeLessThan(38);
  });

  it('refuses a score that is not a number, and names the item', () => {
    const block = blockOf(Float32Array.of(0, 1, Number.NaN, 2), [], 0);
    const attempt = () => topNOfBlock(block, 0, 1, { tieSeed: 1 });
    expect(attempt).toThrow(/item index 2/);
    try {
      attempt();
    } catch (error) {
      expect(isAppError(error, 'EVALUATION_SCORE_NAN')).toBe(true);
    }
  });
});

describe('scoreInBlocks', () => {
  it('copies the scores of a scorer without blocks, and never returns padding', () => {
    const shared = Float32Array.of(9, 1, 2);
    const { usersMax, scoreBlock } = scoreInBlocks(() => shared);
    expect(usersMax).toBe(1);
    const block = scoreBlock([{ history: new Int32Array(0) }]);
    expect([...topNOfBlock(block, 0, 3, { tieSeed: 1 })]).toEqual([2, 1]);
    expect([...topNOfBlock(block, 0, 3, { exclude: [2], tieSeed: 1 })]).toEqual([1]);
    expect([...shared]).toEqual([9, 1, 2]);
  });
});

describe('rankUsers by blocks', () => {
  it('ranks as user by user, for both tasks, any block size and any order', () => {
    const anyUser = fc.record({
      scores: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 12, maxLength: 12 }),
      history: fc.array(fc.integer({ min: 1, max: 11 }), { maxLength: 4 }),
      truth: fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { maxLength: 3 }),
      group: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(
        fc.array(anyUser, { maxLength: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('new' as const, 'all' as const),
        (drawn, usersMax, task) => {
          const users = drawn.map(({ scores, history, truth, group }) => ({
            group,
            scores: Float32Array.from(scores),
            history: Int32Array.from(history),
            truth: { items: Int32Array.from(truth), absent: 0 },
          }));
          const groups: number[] = [];
          const blocks: BlockScorer<(typeof users)[number]> = {
            usersMax,
            scoreBlock: (asked) => {
              groups.push(...asked.map(({ group }) => group));
              return {
                width: 12,
                scores: Float32Array.from(
                  asked.flatMap(({ scores }) => [...scores].map((score, item) => (item === 0 ? -Infinity : score))),
                ),
                tolerance: 1e-3,
                exact: (row, item) => asked[row]!.scores[item]!,
              };
            },
          };
          const options = { n: 5, tieSeed: 3 };
          const orderBy = ({ group }: (typeof users)[number]): number => group;
          expect(rankUsers(blocks, users, [task], { ...options, orderBy })).toEqual(
            rankUsers(({ scores }) => scores, users, [task], options),
          );
          expect(groups).toEqual(groups.toSorted((a, b) => a - b));
        },
      ),
    );
  });
});

it('prepares a limited number of users before their blocks', () => {
  const users = Array.from({ length: preparedUsersMax + 10 }, (_, index) => ({
    place: index,
    history: new Int32Array(0),
    truth: { items: Int32Array.of(1 + (index % 3)), absent: 0 },
  }));
  const scoresOf = ({ place: index }: (typeof users)[number]): Float32Array =>
    Float32Array.of(0, 1, index % 2, index % 5);
  const sizes: number[] = [];
  let prepared = new Set<(typeof users)[number]>();
  const blocks: BlockScorer<(typeof users)[number]> = {
    usersMax: 1000,
    prepare: (chunk) => {
      sizes.push(chunk.length);
      prepared = new Set(chunk);
    },
    scoreBlock: (asked) => {
      expect(asked.every((user) => prepared.has(user))).toBe(true);
      const scores = Float32Array.from(asked.flatMap((user) => [-Infinity, ...scoresOf(user).subarray(1)]));
      return { width: 4, scores, tolerance: 0, exact: (row, item) => scoresOf(asked[row]!)[item]! };
    },
  };
  const options = { n: 2, tieSeed: 3, orderBy: ({ place: index }: (typeof users)[number]) => index % 7 };
  const [byBlocks, oneByOne] = [blocks, scoresOf].map((scorer) =>
    rankUsers(scorer, users, ['all'], options).map(({ all }) => String(all!.ranking)),
  );
  expect(byBlocks).toEqual(oneByOne);
  expect(sizes).toEqual([preparedUsersMax, 10]);
});

describe('leaveOutHistory', () => {
  it('ranks the same items for both tasks, in blocks of several users', () => {
    const width = 13;
    const scorer: BlockScorer<ScoredUser> = {
      usersMax: 3,
      scoreBlock: (users) => ({
        width,
        scores: Float32Array.from({ length: users.length * width }, (_, index) => index % width || -Infinity),
        tolerance: 0,
        exact: (_, item) => item,
      }),
    };
    const users = [[12, 11], [9], [], [1, 12]].map((history) => ({
      history: Int32Array.from(history),
      truth: { items: Int32Array.of(5), absent: 0 },
    }));
    const ranked = rankUsers(leaveOutHistory(scorer), users, ['new', 'all'], { n: 3, tieSeed: 1 });
    expect(ranked.map(({ all }) => [...all!.ranking])).toEqual([
      [10, 9, 8],
      [12, 11, 10],
      [12, 11, 10],
      [11, 10, 9],
    ]);
    for (const { new: fresh, all } of ranked) expect(all!.ranking).toEqual(fresh!.ranking);
  });
});
