import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topNOfBlock } from '../src/block-scorer.ts';
import type { BlockScorer, ScoreBlock } from '../src/block-scorer.ts';
import { rankUsers } from '../src/rank-users.ts';
import { topN } from '../src/top-n.ts';

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
  it('equals topN of the exact scores for any errors within the tolerance', () => {
    fc.assert(
      fc.property(
        anyScores,
        anyErrors,
        fc.constantFrom(1e-4, 0.5, 3),
        fc.integer({ min: 1, max: 70 }),
        fc.integer(),
        fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
        (values, errors, tolerance, n, tieSeed, excluded) => {
          const exact = Float32Array.from(values);
          const exclude = excluded.filter((item) => item < exact.length);
          const found = topNOfBlock(blockOf(exact, errors, tolerance), 0, n, { exclude, tieSeed });
          expect([...found]).toEqual([...topN(exact, n, { exclude, tieSeed })]);
        },
      ),
    );
  });

  it('refuses a score that is not a number', () => {
    const block = blockOf(Float32Array.of(0, 1, Number.NaN, 2), [], 0);
    let code = '';
    try {
      topNOfBlock(block, 0, 1, { tieSeed: 1 });
    } catch (error) {
      code = isAppError(error) ? error.code : '';
    }
    expect(code).toBe('EVALUATION_SCORE_NAN');
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
