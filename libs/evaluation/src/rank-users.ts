import { mix } from '@facet/features';
import type { ScoredUser, Scorer } from './baselines/scorer.ts';
import { topNOfBlock } from './block-scorer.ts';
import type { BlockScorer } from './block-scorer.ts';
import type { RankedUser } from './evaluate-ranking.ts';
import type { Truth } from './metrics.ts';
import { topN } from './top-n.ts';

/** A user with what was held out for them. */
export interface HeldOutUser extends ScoredUser {
  readonly truth: Truth;
}

/**
 * `new` asks for items that the user has not chosen yet: the history is excluded from the ranking and dropped from the truth.
 * `all` leaves both alone; it rewards repeats, so it is another task and is reported apart.
 */
export type RankingTask = 'new' | 'all';

/** How deep to rank; ties fall differently for each user, so that no item gains from one lucky hash. */
export interface RankOptions {
  readonly n: number;
  readonly tieSeed: number;
}

/** Ranks the full catalogue for each user, one at a time, for {@link evaluateRanking}. */
export function* rankUsers<User extends HeldOutUser>(
  scorer: Scorer<User> | BlockScorer<User>,
  users: readonly User[],
  options: RankOptions & { readonly task: RankingTask },
): Generator<RankedUser> {
  for (const ranked of rankUsersByTask(scorer, users, [options.task], options)) yield ranked[options.task]!;
}

/** As {@link rankUsers}, each task of a user by the same scores, which are computed once. */
export function* rankUsersByTask<User extends HeldOutUser>(
  scorer: Scorer<User> | BlockScorer<User>,
  users: readonly User[],
  tasks: readonly RankingTask[],
  options: RankOptions,
): Generator<Partial<Record<RankingTask, RankedUser>>> {
  const { n } = options;
  const isBlock = typeof scorer !== 'function';
  const usersMax = isBlock ? scorer.usersMax : 1;
  // What is excluded from a row of a block stays so: what excludes nothing comes first.
  const ordered = [...tasks].sort();
  if (isBlock) scorer.prepare?.(users);
  for (let start = 0; start < users.length; start += usersMax) {
    const asked = users.slice(start, start + usersMax);
    const block = isBlock ? scorer.scoreBlock(asked) : undefined;
    for (const [row, user] of asked.entries()) {
      const tieSeed = mix(options.tieSeed ^ (start + row));
      const scores = isBlock ? undefined : scorer(user);
      const ranked: Partial<Record<RankingTask, RankedUser>> = {};
      for (const task of ordered) {
        ranked[task] = rankFor(user, task, (exclude) =>
          block === undefined
            ? topN(scores!, n, { exclude, tieSeed })
            : topNOfBlock(block, row, n, { exclude, tieSeed }),
        );
      }
      yield ranked;
    }
  }
}

function rankFor(user: HeldOutUser, task: RankingTask, top: (exclude: Iterable<number>) => Int32Array): RankedUser {
  if (task === 'all') return { ranking: top([]), truth: user.truth };
  const history = new Set(user.history);
  const items = user.truth.items.filter((item) => !history.has(item));
  const truth = { items, absent: user.truth.absent };
  return { ranking: items.length + truth.absent === 0 ? new Int32Array(0) : top(history), truth };
}
