import type { ScoredUser, Scorer } from './scorers.ts';
import { createTopSelector, scoreNotANumber } from './top-selector.ts';

/**
 * Scores the whole catalog for many users at once, within a tolerance. {@link topNOfBlock} asks for the exact score of an
 * item only where the tolerance leaves its rank open.
 */
export interface BlockScorer<User> {
  /** Most users per block. */
  readonly usersMax: number;
  /**
   * Computes in advance what is cheaper for many users at once. Called before the blocks of these users, at most
   * {@link preparedUsersMax}. Earlier users are not scored again.
   */
  prepare?(users: readonly User[]): void;
  scoreBlock(users: readonly User[]): ScoreBlock;
}

/** Limits the memory of {@link BlockScorer.prepare}: a model needs about 5 kB per user. */
export const preparedUsersMax = 32_768;

export interface ScoreBlock {
  /** N + 1. */
  readonly width: number;
  /**
   * [users, N + 1] with `-Infinity` at index 0 and for items that are not candidates. The reader may change the array. It
   * is valid until the next block is scored.
   */
  readonly scores: Float32Array;
  /** The largest possible distance between a score and the exact one. */
  readonly tolerance: number;
  /** Returns the score of the item as a `Scorer` computes it. */
  exact(row: number, item: number): number;
}

/** Returns a block scorer. Wraps a scorer without blocks in blocks of one user. */
export function scoreInBlocks<User extends ScoredUser>(scorer: Scorer<User> | BlockScorer<User>): BlockScorer<User> {
  if (typeof scorer !== 'function') return scorer;
  return {
    usersMax: 1,
    scoreBlock([user]) {
      const exact = scorer(user!);
      const scores = exact.slice();
      scores[0] = Number.NEGATIVE_INFINITY;
      return { width: exact.length, scores, tolerance: 0, exact: (_, item) => exact[item]! };
    },
  };
}

/** Returns a scorer that never ranks an item of the user's history. */
export function leaveOutHistory<User extends ScoredUser>(scorer: Scorer<User> | BlockScorer<User>): BlockScorer<User> {
  const blocks = scoreInBlocks(scorer);
  return {
    ...blocks,
    scoreBlock(users) {
      const block = blocks.scoreBlock(users);
      for (const [row, { history }] of users.entries()) {
        for (const item of history) block.scores[row * block.width + item] = Number.NEGATIVE_INFINITY;
      }
      return block;
    },
  };
}

/**
 * Returns the `n` items of a row with the highest exact scores, best first. Index 0 (padding) and items with a score of `-Infinity` are
 * never returned, so the result may be shorter than `n`. Only items within twice the tolerance of the n-th highest score can be among the first n. Of those,
 * items whose scores lie within twice the tolerance of each other are ordered by their exact scores.
 *
 * @param options.exclude Items that are never returned.
 * @param options.tieSeed Seeds the order of items with equal scores, as in {@link createTopSelector}.
 * @throws AppError `EVALUATION_SCORE_NAN` for an item that is not excluded.
 */
export function topNOfBlock(
  block: ScoreBlock,
  row: number,
  n: number,
  options: { readonly exclude?: Iterable<number>; readonly tieSeed: number },
): Int32Array {
  const { width } = block;
  const scores = block.scores.subarray(row * width, (row + 1) * width);
  for (const item of options.exclude ?? []) scores[item] = Number.NEGATIVE_INFINITY;
  const room = 2 * block.tolerance;
  const near = nearTop(scores, n, room, options.tieSeed);
  if (room === 0) return near;
  const byScore = createTopSelector(near.length, options.tieSeed);
  for (const item of near) byScore.offer(item, scores[item]!);
  const sorted = byScore.take();
  const ranking = sorted.items;
  for (let start = 0; start < Math.min(n, ranking.length);) {
    let end = start + 1;
    while (end < ranking.length && sorted.scores[end - 1]! - sorted.scores[end]! <= room) end++;
    if (end - start > 1) {
      const exactly = createTopSelector(end - start, options.tieSeed);
      for (const item of ranking.subarray(start, end)) exactly.offer(item, block.exact(row, item));
      ranking.set(exactly.take().items, start);
    }
    start = end;
  }
  return ranking.slice(0, n);
}

/**
 * Returns the items whose score is at most `room` below the n-th highest; all candidates if there are fewer than n. If `room` is 0, scores
 * are exact: returns only the first n items, in order. Otherwise, ties could return thousands.
 */
function nearTop(scores: Float32Array, n: number, room: number, tieSeed: number): Int32Array {
  const highest = createTopSelector(Math.min(n, scores.length), tieSeed);
  let bound = Number.NEGATIVE_INFINITY;
  const passed: number[] = [];
  for (let item = 1; item < scores.length; item++) {
    const score = scores[item]!;
    // NaN is not below the bound, so it reaches the check.
    if (score < bound || score === Number.NEGATIVE_INFINITY) continue;
    if (Number.isNaN(score)) throw scoreNotANumber(item);
    passed.push(item);
    highest.offer(item, score);
    bound = highest.floor() - room;
  }
  return room === 0 ? highest.take().items : Int32Array.from(passed.filter((item) => scores[item]! >= bound));
}
