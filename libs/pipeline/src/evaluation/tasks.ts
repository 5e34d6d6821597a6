import { evaluateRanking, rankUsers } from '@facet/evaluation';
import type { HeldOutUser, RankedUser, RankingEvaluation, Scorer } from '@facet/evaluation';
import { heldOutByTime, itemsKnownBefore, mix } from '@facet/features';
import type { Dataset } from '../dataset/dataset.ts';
import type { SequenceUser } from './model-scorer.ts';

/** A window of time that methods are measured on, with the users who have a history before it. */
export interface HeldOutWindow {
  /** Epoch milliseconds, half-open. */
  readonly from: number;
  readonly before: number;
  /** [N + 1] 1 for the items known at `from`: the candidates of every method. */
  readonly candidates: Uint8Array;
  readonly users: readonly HeldOutSequenceUser[];
}

export type HeldOutSequenceUser = HeldOutUser & SequenceUser;

export function heldOutWindow(dataset: Dataset, from: number, before: number): HeldOutWindow {
  const { sequences } = dataset;
  const candidates = itemsKnownBefore(sequences, from, dataset.items.length - 1);
  const users = heldOutByTime(sequences, { from, before, known: candidates }).map(
    ({ user, start, end, truth, absent }) => ({
      userIndex: user,
      start,
      end,
      history: sequences.items.slice(start, end).filter((item) => item > 0),
      truth: { items: truth, absent },
    }),
  );
  return { from, before, candidates, users };
}

/** The two questions that are reported apart: items `new` to the user, and `all`, repeats included. */
export type Task = 'new' | 'all';
export type TaskEvaluations = Readonly<Record<Task, RankingEvaluation>>;

export interface TaskOptions {
  readonly cutoffs: readonly number[];
  readonly catalogSize: number;
  readonly tieSeed: number;
}

/**
 * Evaluates both tasks, ranking the full catalogue for each user. A scorer that answers both is asked once a user.
 */
export function evaluateTasks(
  score: Readonly<Record<Task, Scorer<HeldOutSequenceUser>>>,
  users: readonly HeldOutSequenceUser[],
  options: TaskOptions,
): TaskEvaluations {
  const rankings = rankTasks(score, users, options);
  return { new: evaluateRanking(rankings.new, options), all: evaluateRanking(rankings.all, options) };
}

/** The rankings that {@link evaluateTasks} evaluates, in the order of the users, as deep as the largest cutoff. */
export function rankTasks(
  score: Readonly<Record<Task, Scorer<HeldOutSequenceUser>>>,
  users: readonly HeldOutSequenceUser[],
  options: Pick<TaskOptions, 'cutoffs' | 'tieSeed'>,
): Readonly<Record<Task, readonly RankedUser[]>> {
  const rankings: Record<Task, RankedUser[]> = { new: [], all: [] };
  const n = Math.max(...options.cutoffs);
  users.forEach((user, position) => {
    const tieSeed = mix(options.tieSeed ^ position);
    const scores = score.new(user);
    rankings.new.push(...rankUsers(() => scores, [user], { n, task: 'new', tieSeed }));
    const allScores = score.all === score.new ? scores : score.all(user);
    rankings.all.push(...rankUsers(() => allScores, [user], { n, task: 'all', tieSeed }));
  });
  return rankings;
}
