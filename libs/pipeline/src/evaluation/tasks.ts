import { evaluateRanking, rankUsers } from '@facet/evaluation';
import type { BlockScorer, HeldOutUser, RankedUser, RankingEvaluation, RankingTask, Scorer } from '@facet/evaluation';
import { heldOutByTime, heldOutNext, itemsKnownBefore, leaveOneOutCut } from '@facet/features';
import type { Cut, HeldOutSequence } from '@facet/features';
import type { ModelData } from '../dataset/dataset.ts';
import type { SequenceUser } from './model-scorer.ts';

/** What methods are measured on: those who have a history before a cut are asked what they choose after it. */
export interface HeldOut {
  /** What methods may be fitted on. */
  readonly cut: Cut;
  /** [N + 1] 1 for the items known before the cut: the candidates of every method. */
  readonly candidates: Uint8Array;
  readonly users: readonly HeldOutSequenceUser[];
}

/** A window of time: everybody is asked at its beginning. */
export interface HeldOutWindow extends HeldOut {
  /** Epoch milliseconds, half-open. */
  readonly from: number;
  readonly before: number;
}

export type HeldOutSequenceUser = HeldOutUser & SequenceUser;

export function heldOutWindow(
  { sequences, items }: Pick<ModelData, 'sequences' | 'items'>,
  from: number,
  before: number,
): HeldOutWindow {
  const candidates = itemsKnownBefore(sequences, from, items.length - 1);
  const users = heldOutByTime(sequences, { from, before, known: candidates }).map((heldOut) => ({
    ...askedUser(sequences, heldOut),
    askedAt: from,
  }));
  return { cut: from, from, before, candidates, users };
}

/** Leave-one-out: everybody is asked for the last (`test`) or the last but one item, at the moment of choosing it. */
export function heldOutLast(
  { sequences, items }: Pick<ModelData, 'sequences' | 'items'>,
  part: 'validation' | 'test',
): HeldOut {
  const cut = leaveOneOutCut(sequences, part);
  const candidates = itemsKnownBefore(sequences, cut, items.length - 1);
  const users = heldOutNext(sequences, cut, candidates).map((heldOut) => ({
    ...askedUser(sequences, heldOut),
    askedAt: sequences.times[heldOut.end]!,
  }));
  return { cut, candidates, users };
}

/**
 * The users of a test who went on to choose items that nobody had chosen before the cut, asked for those items alone; every item of
 * the catalog is a candidate.
 */
export function heldOutCold({ sequences, items }: Pick<ModelData, 'sequences' | 'items'>, test: HeldOut): HeldOut {
  const users = test.users.flatMap((user) => {
    const chosen = sequences.items.subarray(user.end, sequences.offsets[user.userIndex + 1]);
    const cold = new Set(chosen.filter((item) => item > 0 && test.candidates[item] !== 1));
    return cold.size === 0 ? [] : [{ ...user, truth: { items: Int32Array.from(cold), absent: 0 } }];
  });
  return { cut: test.cut, candidates: new Uint8Array(items.length).fill(1, 1), users };
}

function askedUser(
  sequences: ModelData['sequences'],
  { user, start, end, truth, absent }: HeldOutSequence,
): Omit<HeldOutSequenceUser, 'askedAt'> {
  return {
    userIndex: user,
    start,
    end,
    history: sequences.items.slice(start, end).filter((item) => item > 0),
    truth: { items: truth, absent },
  };
}

/** The two questions that are reported apart: items `new` to the user, and `all`, repeats included. */
export type Task = RankingTask;
export type TaskEvaluations = Readonly<Record<Task, RankingEvaluation>>;

/** The ranker of each task. One ranker for both tasks scores each user once. */
export type TaskRankers = Readonly<Record<Task, Ranker>>;
export type Ranker = Scorer<HeldOutSequenceUser> | BlockScorer<HeldOutSequenceUser>;

export interface TaskOptions {
  readonly cutoffs: readonly number[];
  readonly catalogSize: number;
  readonly tieSeed: number;
}

/** Evaluates both tasks, ranking the full catalogue for each user. */
export function evaluateTasks(
  rankers: TaskRankers,
  users: readonly HeldOutSequenceUser[],
  options: TaskOptions,
): TaskEvaluations {
  const rankings = rankTasks(rankers, users, options);
  return { new: evaluateRanking(rankings.new, options), all: evaluateRanking(rankings.all, options) };
}

/** The rankings that {@link evaluateTasks} evaluates, in the order of the users, as deep as the largest cutoff. */
export function rankTasks(
  rankers: TaskRankers,
  users: readonly HeldOutSequenceUser[],
  options: Pick<TaskOptions, 'cutoffs' | 'tieSeed'>,
  tasks: readonly Task[] = ['new', 'all'],
): Readonly<Record<Task, readonly RankedUser[]>> {
  const rankings: Record<Task, RankedUser[]> = { new: [], all: [] };
  const depth = { n: Math.max(...options.cutoffs), tieSeed: options.tieSeed };
  const together = rankers.new === rankers.all ? [tasks] : tasks.map((task) => [task]);
  for (const asked of together) {
    for (const ranked of rankUsers(rankers[asked[0]!], users, asked, depth)) {
      for (const task of asked) rankings[task].push(ranked[task]!);
    }
  }
  return rankings;
}

/** Returns the same value for both tasks. */
export function forTasks<Value>(value: Value): Record<Task, Value> {
  return { new: value, all: value };
}
