import { mix } from '@facet/features';
import { preparedUsersMax, scoreInBlocks, topNOfBlock } from './block-scorer.ts';
import type { BlockScorer } from './block-scorer.ts';
import type { RankedUser } from './evaluate-ranking.ts';
import { truthSize } from './metrics.ts';
import type { Truth } from './metrics.ts';
import type { ScoredUser, Scorer } from './scorers.ts';

/** A user and the items that were held out for the user. */
export interface HeldOutUser extends ScoredUser {
  readonly truth: Truth & {
    /** How many of the `absent` items are in the history. Default: 0. */
    readonly absentRepeats?: number;
  };
}

/**
 * `new` asks for items that the user has not interacted with: the history is excluded from the ranking and from the truth.
 * `all` keeps both. It rewards repeats, so it is a separate task and is reported separately.
 */
export type RankingTask = 'new' | 'all';

/** How deep to rank. The tie order differs between users, so that no item gains from one lucky hash. */
export interface RankOptions<User> {
  readonly n: number;
  readonly tieSeed: number;
  /** Ranks users in the order of these numbers. The order of query times is faster for a scorer that caches values of a day. */
  readonly orderBy?: (user: User) => number;
}

/**
 * Returns a ranking of the full catalog for each user, in the order of `users`, for {@link evaluateRanking}. The tasks of a user share one
 * computation of the scores.
 */
export function rankUsers<User extends HeldOutUser>(
  scorer: Scorer<User> | BlockScorer<User>,
  users: readonly User[],
  tasks: readonly RankingTask[],
  options: RankOptions<User>,
): Partial<Record<RankingTask, RankedUser>>[] {
  const { n, orderBy } = options;
  const { usersMax, prepare, scoreBlock } = scoreInBlocks(scorer);
  // Excluding items changes the scores of a block, so `all`, which excludes none, must come before `new`.
  const ordered = [...tasks].sort();
  const order = [...users.keys()];
  if (orderBy !== undefined) order.sort((a, b) => orderBy(users[a]!) - orderBy(users[b]!));
  const rankedUsers: Partial<Record<RankingTask, RankedUser>>[] = [];
  for (const prepared of chunksOf(order, preparedUsersMax)) {
    prepare?.(prepared.toSorted((a, b) => a - b).map((index) => users[index]!));
    for (const batch of chunksOf(prepared, usersMax)) {
      const block = scoreBlock(batch.map((index) => users[index]!));
      for (const [row, index] of batch.entries()) {
        const user = users[index]!;
        const tieSeed = mix(options.tieSeed ^ index);
        const ranked: Partial<Record<RankingTask, RankedUser>> = {};
        for (const task of ordered) {
          ranked[task] = rankFor(user, task, (exclude) => topNOfBlock(block, row, n, { exclude, tieSeed }));
        }
        rankedUsers[index] = ranked;
      }
    }
  }
  return rankedUsers;
}

/** Cuts an array into parts of at most `size` values. */
export function* chunksOf<Value>(values: readonly Value[], size: number): Generator<Value[]> {
  for (let start = 0; start < values.length; start += size) yield values.slice(start, start + size);
}

function rankFor(user: HeldOutUser, task: RankingTask, top: (exclude: Iterable<number>) => Int32Array): RankedUser {
  if (task === 'all') return { ranking: top([]), truth: user.truth };
  const history = new Set(user.history);
  const items = user.truth.items.filter((item) => !history.has(item));
  const { absent, absentRepeats = 0 } = user.truth;
  const truth = { items, absent: absent - absentRepeats };
  return { ranking: truthSize(truth) === 0 ? new Int32Array(0) : top(history), truth };
}
