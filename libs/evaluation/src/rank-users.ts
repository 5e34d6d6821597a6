import { mix } from '@facet/features';
import type { ScoredUser, Scorer } from './baselines/scorer.ts';
import type { RankedUser } from './evaluate-ranking.ts';
import type { Truth } from './metrics.ts';
import { topN } from './top-n.ts';

/** A user with what was held out for them. */
export interface HeldOutUser extends ScoredUser {
  readonly truth: Truth;
}

/**
 * Ranks the full catalogue for each user, one at a time, for {@link evaluateRanking}. Ties fall differently for each
 * user, so that no item gains from one lucky hash.
 *
 * `task: 'new'` asks for items that the user has not chosen yet: the history is excluded from the ranking and dropped
 * from the truth. `'all'` leaves both alone; it rewards repeats, so it is another task and is reported apart.
 */
export function* rankUsers<User extends HeldOutUser>(
  scorer: Scorer<User>,
  users: Iterable<User>,
  options: { readonly n: number; readonly task: 'new' | 'all'; readonly tieSeed: number },
): Generator<RankedUser> {
  let position = 0;
  for (const user of users) {
    const tieSeed = mix(options.tieSeed ^ position++);
    if (options.task === 'all') {
      yield { ranking: topN(scorer(user), options.n, { tieSeed }), truth: user.truth };
      continue;
    }
    const history = new Set(user.history);
    const items = user.truth.items.filter((item) => !history.has(item));
    const truth = { items, absent: user.truth.absent };
    if (items.length + truth.absent === 0) yield { ranking: new Int32Array(0), truth };
    else yield { ranking: topN(scorer(user), options.n, { exclude: history, tieSeed }), truth };
  }
}
