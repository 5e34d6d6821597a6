import { AppError } from '@facet/platform';
import { createTopSelector } from './top-selector.ts';

/** Scores the whole catalog for many users at once, nearly: what cannot be told apart so is scored exactly. */
export interface BlockScorer<User> {
  /** Most users of a block. */
  readonly usersMax: number;
  /** Called before the first block, with everybody whom blocks are asked for: what can be computed for many at once is computed now. */
  prepare?(users: readonly User[]): void;
  scoreBlock(users: readonly User[]): ScoreBlock;
}

export interface ScoreBlock {
  /** N + 1. */
  readonly width: number;
  /** [users, N + 1]; `-Infinity` for what is no candidate, index 0 too. Valid, and the reader's to change, up to the next block. */
  readonly scores: Float32Array;
  /** How far a score may be from the exact one. */
  readonly tolerance: number;
  /** What a `Scorer` would say of the item. */
  exact(row: number, item: number): number;
}

/**
 * What `topN` gives for the exact scores of a row. Of the items that lie within twice the tolerance of the n-th highest score,
 * or above, those that others lie as near to are scored exactly and put in order by the same rule of ties.
 *
 * @throws AppError `EVALUATION_SCORE_NAN`.
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
  const near = nearTop(scores, n, room);
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

/** The items whose score is at most `room` below the n-th highest; all that are candidates where there are fewer. */
function nearTop(scores: Float32Array, n: number, room: number): number[] {
  // A heap whose root is the lowest of the n highest scores so far.
  const heap = new Float32Array(n).fill(Number.NEGATIVE_INFINITY);
  let bound = Number.NEGATIVE_INFINITY;
  const passed: number[] = [];
  for (let item = 1; item < scores.length; item++) {
    const score = scores[item]!;
    // Neither above nor below: a score that is not a number goes on to be refused.
    if (score < bound || score === Number.NEGATIVE_INFINITY) continue;
    if (Number.isNaN(score)) throw notANumber(item);
    passed.push(item);
    if (n === 0 || score <= heap[0]!) continue;
    let position = 0;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= n) break;
      if (child + 1 < n && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= score) break;
      heap[position] = heap[child]!;
      position = child;
    }
    heap[position] = score;
    bound = heap[0]! - room;
  }
  return passed.filter((item) => scores[item]! >= bound);
}

function notANumber(item: number): AppError {
  return new AppError(`The score of item index ${item} is not a number.`, {
    code: 'EVALUATION_SCORE_NAN',
    category: 'internal',
    remedy: 'Look for a diverged model or a division by zero in the scorer.',
    context: { item },
  });
}
