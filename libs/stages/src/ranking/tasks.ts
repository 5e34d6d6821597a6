import { createdTime, wasListed, createdDays } from '@facet/bundles';
import { evaluateRanking, rankUsers } from '@facet/evaluation';
import type {
  BlockScorer,
  HeldOutUser,
  MetricOf,
  RankedUser,
  RankingEvaluation,
  RankingTask,
  Scorer,
} from '@facet/evaluation';
import {
  createRandom,
  heldOutByTime,
  heldOutNext,
  heldOutUsers,
  itemsKnownBefore,
  leaveOneOutCut,
  userSplitCut,
  buildPopularityTimeline,
  cacheDays,
  expectedFeaturesOn,
  learnLaunchCurves,
  readLaunches,
} from '@facet/features';
import type { Cut, HeldOutSequence, UserPart, LaunchCurves, PopularityTimeline } from '@facet/features';
import type { ModelData } from '../dataset/dataset.ts';
import { coldItemsOf } from '../model/model-spec.ts';
import type { KnownItems } from '../model/model-spec.ts';
import type { SequenceUser } from './user-queries.ts';

/** Held-out users: each method ranks items for users with a history before a cut, and the interactions after it are the truth. */
export interface HeldOut {
  /** Methods may be fitted on the data before this cut. */
  readonly cut: Cut;
  /** [N + 1] 1 for an item with an interaction before the cut. Models are trained on these items. */
  readonly known: Uint8Array;
  /** [N + 1] 1 for a candidate of every method: see {@link candidatesAt}. */
  readonly candidates: Uint8Array;
  readonly users: readonly HeldOutSequenceUser[];
  readonly catalog: CatalogAtCut;
}

/** The parts of the data that choose settings and test methods. */
export interface HeldOutParts {
  /** The tasks, which are reported separately in this order. */
  readonly tasks: readonly Task[];
  /** For choosing settings and the number of epochs. */
  readonly validation: HeldOut;
  readonly test: HeldOut;
  /**
   * The best settings have the highest value of this metric on validation: the mean over the tasks for models, each task separately for simple
   * methods.
   */
  readonly choice: { readonly metric: MetricOf<'selection'>; readonly cutoff: number };
}

/** A window of time. All users are evaluated at its start. */
interface HeldOutWindow extends HeldOut {
  /** Epoch milliseconds, half-open. */
  readonly from: number;
  readonly before: number;
}

export type HeldOutSequenceUser = HeldOutUser & SequenceUser;

/**
 * Returns [N + 1] 1 for each item with an interaction before the cut, and for each item that the catalog describes, unless its
 * `createdAt` is later than the cut. The catalog of a shop lists an item before anybody can buy it.
 */
function candidatesAt(items: ModelData['items'], known: Uint8Array, cut: Cut): Uint8Array {
  const createdBefore = typeof cut === 'number' ? cut : Number.POSITIVE_INFINITY;
  return known.map((isKnown, item) => {
    const facts = items[item]!;
    const isListed = item > 0 && wasListed(facts) && !((createdTime(facts.attributes) ?? -Infinity) >= createdBefore);
    return isKnown === 1 || isListed ? 1 : 0;
  });
}

/** Holds out the interactions in a window of time. */
export function heldOutWindow(data: CatalogData, from: number, before: number): HeldOutWindow {
  const { sequences, items } = data;
  const known = itemsKnownBefore(sequences, from, items.length - 1);
  const candidates = candidatesAt(items, known, from);
  const users = heldOutByTime(sequences, { from, before, known: candidates }).map((heldOut) => ({
    ...toSequenceUser(sequences, heldOut),
    queryTime: from,
  }));
  return { cut: from, from, before, known, candidates, users, catalog: catalogAtCut(data, from, known) };
}

/** Holds out an item of each user's last moment (`test`) or the last but one (`validation`). Users are evaluated at the time of that moment. */
export function heldOutLast(data: CatalogData, part: 'validation' | 'test'): HeldOut {
  const { sequences, items } = data;
  const cut = leaveOneOutCut(sequences, part);
  const known = itemsKnownBefore(sequences, cut, items.length - 1);
  const candidates = candidatesAt(items, known, cut);
  const users = usersAtNextInteraction(sequences, heldOutNext(sequences, cut, candidates));
  return { cut, known, candidates, users, catalog: catalogAtCut(data, cut, known) };
}

/** Holds out the validation and test users of a partition. Users are evaluated at the time of their first held-out interaction. */
export function heldOutUserParts(
  data: CatalogData,
  partition: number,
): { readonly validation: HeldOut; readonly test: HeldOut } {
  const { sequences, items } = data;
  const cut = userSplitCut(sequences, partition);
  const known = itemsKnownBefore(sequences, cut, items.length - 1);
  const candidates = candidatesAt(items, known, cut);
  const catalog = catalogAtCut(data, cut, known);
  const partOf = (part: UserPart): HeldOut => {
    const users = usersAtNextInteraction(sequences, heldOutUsers(sequences, { part, partition, known: candidates }));
    return { cut, known, candidates, users, catalog };
  };
  return { validation: partOf('validation'), test: partOf('test') };
}

/**
 * Holds out only the cold items of a test: candidates without interactions before the cut.
 *
 * @param among Whether cold items compete with all candidates, or only with each other.
 */
export function heldOutCold({ candidates, users, ...heldOut }: HeldOut, among: 'all' | 'cold'): HeldOut {
  const { known } = heldOut;
  const isCold = candidates.map((isCandidate, item) => (isCandidate === 1 && known[item] === 0 ? 1 : 0));
  return {
    ...heldOut,
    candidates: among === 'cold' ? isCold : candidates,
    users: users.flatMap((user) => {
      const cold = user.truth.items.filter((item) => isCold[item] === 1);
      return cold.length === 0 ? [] : [{ ...user, truth: { items: cold, absent: 0 } }];
    }),
  };
}

/** Returns users who are evaluated at the time of the interaction after their history. */
function usersAtNextInteraction(
  sequences: ModelData['sequences'],
  users: readonly HeldOutSequence[],
): HeldOutSequenceUser[] {
  return users.map((user) => ({ ...toSequenceUser(sequences, user), queryTime: sequences.times[user.end]! }));
}

function toSequenceUser(
  sequences: ModelData['sequences'],
  { user, start, end, truth, absent, absentRepeats }: HeldOutSequence,
): Omit<HeldOutSequenceUser, 'queryTime'> {
  return {
    userIndex: user,
    start,
    end,
    history: sequences.items.slice(start, end).filter((item) => item > 0),
    truth: { items: truth, absent, absentRepeats },
  };
}

/** The two tasks that are reported separately: items `new` to the user, and `all` items, repeats included. */
export type Task = RankingTask;
export const taskTitles: Readonly<Record<Task, string>> = {
  new: 'Items new to the user',
  all: 'All items, repeats included',
};
export type Evaluations = Readonly<Partial<Record<Task, RankingEvaluation>>>;
export type TaskEvaluations = Readonly<Record<Task, RankingEvaluation>>;

/** The ranker of each task. One ranker for both tasks scores each user once. */
export type TaskRankers = Readonly<Record<Task, Ranker>>;
export type Ranker = Scorer<HeldOutSequenceUser> | BlockScorer<HeldOutSequenceUser>;

export interface TaskOptions {
  readonly cutoffs: readonly number[];
  readonly catalogSize: number;
  /** Seed for the order of items with equal scores; 1 by default. */
  readonly tieSeed?: number;
}

/** Evaluates both tasks with a ranking of the full catalog per user. */
export function evaluateTasks(
  rankers: TaskRankers,
  users: readonly HeldOutSequenceUser[],
  options: TaskOptions,
): TaskEvaluations {
  const rankings = rankTasks(rankers, users, options);
  return { new: evaluateRanking(rankings.new, options), all: evaluateRanking(rankings.all, options) };
}

/** Returns the rankings that {@link evaluateTasks} evaluates, in the order of the users, as deep as the largest cutoff. */
export function rankTasks(
  rankers: TaskRankers,
  users: readonly HeldOutSequenceUser[],
  { cutoffs, tieSeed = 1 }: Pick<TaskOptions, 'cutoffs' | 'tieSeed'>,
  tasks: readonly Task[] = ['new', 'all'],
): Readonly<Record<Task, readonly RankedUser[]>> {
  const rankings: Record<Task, RankedUser[]> = { new: [], all: [] };
  const orderBy = ({ queryTime }: HeldOutSequenceUser): number => queryTime;
  const depth = { n: Math.max(...cutoffs), tieSeed, orderBy };
  const groups = rankers.new === rankers.all ? [tasks] : tasks.map((task) => [task]);
  for (const group of groups) {
    for (const ranked of rankUsers(rankers[group[0]!], users, group, depth)) {
      for (const task of group) rankings[task].push(ranked[task]!);
    }
  }
  return rankings;
}

/** Evaluates each task on held-out users. Then disposes the rankers, even after an error. */
export function evaluateAndDispose(
  { tasks }: Pick<HeldOutParts, 'tasks'>,
  { rankers, dispose }: { readonly rankers: TaskRankers; readonly dispose?: (() => void) | undefined },
  users: readonly HeldOutSequenceUser[],
  options: TaskOptions,
): Evaluations {
  try {
    const rankings = rankTasks(rankers, users, options, tasks);
    return Object.fromEntries(tasks.map((task) => [task, evaluateRanking(rankings[task], options)]));
  } finally {
    dispose?.();
  }
}

/** Returns the metric of the selection for one task. */
export function choiceScore({ choice }: Pick<HeldOutParts, 'choice'>, evaluated: RankingEvaluation): number {
  return evaluated.metrics.find(({ cutoff }) => cutoff === choice.cutoff)![choice.metric];
}

/** Returns the same value for both tasks. */
export function forTasks<Value>(value: Value): Record<Task, Value> {
  return { new: value, all: value };
}

/** Returns a seeded sample of at most `usersMax` users. */
export function sampleUsers<User>(users: readonly User[], usersMax: number, seed = 0): readonly User[] {
  if (users.length <= usersMax) return users;
  const sample = [...users];
  createRandom(seed).shuffle(sample);
  return sample.slice(0, usersMax);
}

/**
 * The inputs of scores that depend on the data before a cut but not on weights. All validations of all models share them. Each part is
 * computed at its first use.
 */
export interface CatalogAtCut {
  readonly timeline: () => PopularityTimeline;
  /** Returns the popularity features [N + 1, features] of a day; expected features for items without interactions. Do not change them. */
  readonly popularityOn: (day: number) => Float32Array;
  readonly knownItems: () => KnownItems;
  /** Frees the computed parts. Their next use computes them again. */
  release(): void;
}

/** The data of a catalog and its interactions. */
export type CatalogData = Pick<ModelData, 'sequences' | 'items' | 'itemFeatures' | 'vocabulary'>;

/** Sufficient for all days of a small catalog. For a large catalog, each validation computes most days from the cached curves. */
const cachedFeatures = { bytesMax: 2 ** 27, bytesOf: (features: Float32Array) => features.byteLength };
const cachedCurves = { bytesMax: 2 ** 26, bytesOf: curveBytes };

/** @param known [N + 1] 1 for an item with an interaction before the cut. */
export function catalogAtCut(data: CatalogData, cut: Cut, known: Uint8Array): CatalogAtCut {
  let parts = lazyParts(data, cut, known);
  return {
    timeline: () => parts.timeline(),
    popularityOn: (day) => parts.popularityOn(day),
    knownItems: () => parts.knownItems(),
    release() {
      parts = lazyParts(data, cut, known);
    },
  };
}

function lazyParts(data: CatalogData, cut: Cut, known: Uint8Array): Omit<CatalogAtCut, 'release'> {
  const { sequences, items, itemFeatures } = data;
  const timeline = once(() => buildPopularityTimeline(sequences, items.length - 1, cut));
  const launches = once(() => readLaunches(timeline(), { features: itemFeatures, createdOn: createdDays(items) }));
  const curvesOn = cacheDays((day) => learnLaunchCurves(launches(), day), cachedCurves);
  return {
    timeline,
    popularityOn: cacheDays((day) => expectedFeaturesOn(launches(), day, curvesOn), cachedFeatures),
    knownItems: once(() => ({ known, cold: coldItemsOf(data, known) })),
  };
}

function curveBytes(curves: LaunchCurves | undefined): number {
  const arrays = curves === undefined ? [] : [curves.byAge, ...Object.values(curves.byValue)];
  return arrays.reduce((bytes, { byteLength }) => bytes + byteLength, 0);
}

function once<Value extends object>(compute: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= compute());
}
