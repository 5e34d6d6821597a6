import { setImmediate } from 'node:timers/promises';
import {
  blend,
  createItemCf,
  leaveOutHistory,
  mean,
  ownHistory,
  popularity,
  tfIdf,
  withFallback,
} from '@facet/evaluation';
import type { BlendWeights, InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import { featureAttributes } from '@facet/bundles';
import { cacheDays, contentTerms, cutEnd, popularityFeatureCount, popularityFeatureNames } from '@facet/features';
import type { Cut } from '@facet/features';
import { dayMs } from '@facet/platform';
import { hashJson } from '../stage.ts';
import type { ModelData } from '../dataset/dataset.ts';
import { choiceScore, evaluateAndDispose, forTasks, sampleUsers, taskTitles } from './tasks.ts';
import type { HeldOut, HeldOutParts, HeldOutSequenceUser, Ranker, Task, TaskRankers } from './tasks.ts';
import type { SequenceUser } from './user-queries.ts';

/** A method without a tower. Its settings are chosen on validation for each task separately. */
export interface SimpleMethod<Settings> {
  readonly name: string;
  readonly isSeeded: boolean;
  /** Increase it when the method gives other results for the same inputs. Stored rows are then measured again. */
  readonly version?: number;
  /** The settings to compare. */
  readonly grid: readonly Settings[];
  /** Returns further settings to compare, given the best ones of the grid for a task. */
  readonly refine?: (best: Settings, task: Task) => readonly Settings[];
  /** Whether it ranks a user's own items in the task `all` on any data. Otherwise validation decides. */
  readonly keepsOwnItems?: boolean;
  /** Returns a function that fits the method with settings. It may keep what several settings share. */
  fit(data: FitData): Fit<Settings>;
}

type Fit<Settings> = (settings: Settings) => FittedMethod;

interface FittedMethod {
  readonly parameters: number;
  /** Scores all items for a user, or creates a ranker of many users at once. */
  readonly scores: Scorer<SequenceUser> | { readonly rankerOf: (heldOut: HeldOut) => DisposableRanker };
  /** Whether the method can rank items without interactions. */
  readonly ranksCold?: boolean;
}

export interface DisposableRanker {
  readonly ranker: Ranker;
  /** Frees the memory of the ranker. */
  dispose(): void;
}

/** The data before a cut. */
interface FitData {
  readonly columns: InteractionColumns;
  readonly catalogSize: number;
  /** Returns [N + 1] the terms of each item; position 0 is a placeholder. */
  readonly terms: () => string[][];
  /** Popularity in the 30 days before the query of the user. In data without times, popularity in all training data. */
  readonly recent: Scorer<SequenceUser>;
  /** ln(1 + `recent`) */
  readonly recentLogarithm: Scorer<SequenceUser>;
  readonly seed: number;
}

/** A method without settings, with one parameter per item. */
function methodWithoutSettings(
  name: string,
  scoresOf: (data: FitData) => Scorer<SequenceUser>,
  version?: number,
): SimpleMethod<object> {
  const fit: SimpleMethod<object>['fit'] = (data) => () => ({ scores: scoresOf(data), parameters: data.catalogSize });
  return { name, isSeeded: false, ...(version === undefined ? {} : { version }), grid: [{}], fit };
}

export const popularityMethod = methodWithoutSettings('popularity', ({ columns, catalogSize }) =>
  popularity(columns, { catalogSize }),
);
export const recentPopularity = methodWithoutSettings('popularity-30d', ({ recent }) => recent);
export const ownHistoryMethod = {
  ...methodWithoutSettings('own-history', ({ recent }) => ownHistory(recent), 2),
  keepsOwnItems: true,
};

/** The content-based baseline: words of titles and values of attributes. */
export const tfIdfMethod: SimpleMethod<{ readonly lastBehaviors: number }> = {
  name: 'tf-idf',
  isSeeded: false,
  grid: [{ lastBehaviors: 100 }],
  fit:
    ({ terms }) =>
    (settings) => ({ scores: tfIdf(terms(), settings), parameters: 0, ranksCold: true }),
};

type ItemCfSettings = Omit<ItemCfOptions, 'catalogSize'>;
type CfWeights = Pick<ItemCfSettings, 'weights' | 'b'>;

const allNeighborCounts = [20, 100, 500];
const bm25Weights: readonly CfWeights[] = [0.2, 0.5, 0.75].map((b) => ({ weights: 'bm25', b }));

/** The weights of a user's behaviors. The last two suit the task `all`, in which a user's own items may return. */
const behaviorSettings: readonly Pick<ItemCfSettings, 'lastBehaviors' | 'decay' | 'scoreCounts'>[] = [
  {},
  { lastBehaviors: 50 },
  { lastBehaviors: 10 },
  { lastBehaviors: 5 },
  { lastBehaviors: 20, decay: 0.9, scoreCounts: 'repeated' },
  { scoreCounts: 'repeated' },
];

function itemCfMethod(
  name: string,
  weights: readonly CfWeights[],
  neighborCounts: readonly number[] = allNeighborCounts,
): SimpleMethod<ItemCfSettings> {
  return {
    name,
    isSeeded: false,
    version: 2,
    grid: weights.flatMap((weight) =>
      neighborCounts.flatMap((neighbors) =>
        behaviorSettings.map((behaviors) => ({ ...weight, neighbors, ...behaviors })),
      ),
    ),
    fit({ columns, catalogSize, recent }) {
      const cf = createItemCf(columns, { catalogSize, neighborsMax: Math.max(...neighborCounts) });
      return (settings) => {
        const { score, parameters } = cf(settings);
        return { scores: withFallback(score, recent), parameters };
      };
    },
  };
}

export const cosineCf = itemCfMethod('item-cf-cosine', [{ weights: 'cosine' }]);
export const bm25Cf = itemCfMethod('item-cf-bm25', bm25Weights);
/** With fewer neighbors and less memory, for the evaluation after each training. */
export const smallBm25Cf = itemCfMethod('item-cf-bm25', bm25Weights, [20, 100]);

type BlendSettings = ItemCfSettings & Partial<BlendWeights>;

/**
 * Item-based CF with the two signals that a model with a popularity prior and repeat weights also has. It first chooses the settings of the
 * CF, and then the weights of both signals.
 */
export const blendedCf: SimpleMethod<BlendSettings> = {
  name: 'item-cf-blend',
  isSeeded: false,
  version: 2,
  grid: bm25Cf.grid,
  // The task `new` leaves out own items.
  refine: (best, task) =>
    [0, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6].flatMap((popularity) =>
      (task === 'new' ? [0] : [0, 0.1, 0.3, 1, 3]).map((own) => ({ ...best, popularity, own })),
    ),
  fit({ columns, catalogSize, recent, recentLogarithm }) {
    const cf = createItemCf(columns, { catalogSize, neighborsMax: Math.max(...allNeighborCounts) });
    return ({ popularity, own = 0, ...settings }) => {
      const { score, parameters } = cf(settings);
      const scores =
        popularity === undefined ? withFallback(score, recent) : blend(score, recentLogarithm, { popularity, own });
      return { scores, parameters };
    };
  },
};

const recentDays = 30;

/** The inputs of a fit. */
export interface FitOptions {
  /** The data, and the parts that tune and test all methods. */
  readonly benchmark: { readonly data: ModelData; readonly protocol: HeldOutParts; readonly hasTimes: boolean };
  readonly seed: number;
  /** The number of validation users for the comparison of settings. More users would rarely change the result. Default: 5,000. */
  readonly tuningUsersMax?: number;
  readonly signal?: AbortSignal | undefined;
  /** @param share of the fit that is done, 0 to 1 */
  readonly onProgress?: ((share: number, detail: string) => void) | undefined;
}

/** The rankers of a fitted method for the test users, and what was chosen for them. */
export interface FittedRankers {
  readonly rankers: TaskRankers;
  /** The number of learned parameters. */
  readonly parameters: number;
  /** The settings chosen on validation as JSON, by task if they differ. */
  readonly chosen: unknown;
  /** The selection metric on validation, mean over the tasks. */
  readonly validationScore?: number | undefined;
  /** Creates rankers over other candidates, including cold items; absent for methods that know an item only by its interactions. */
  rankersOver?(candidates: Uint8Array): { readonly rankers: TaskRankers; dispose(): void };
  /** Frees the memory of the rankers. */
  dispose?(): void;
}

/** How a method ranks a user's own items in the task `all`. In data without repeats, they only displace possible labels. */
type OwnItems = 'ranked' | 'left out';

/** Returns the ways to rank own items that validation compares. */
export function ownItemsOf({ keepsOwnItems = false }: Pick<SimpleMethod<object>, 'keepsOwnItems'>): OwnItems[] {
  return keepsOwnItems ? ['ranked'] : ['ranked', 'left out'];
}

/** The choice of settings for one task. */
interface Chosen<Settings> {
  readonly settings: Settings;
  readonly ownItems: OwnItems;
  /** Absent if there was nothing to choose. */
  readonly validationScore?: number;
}

/** The settings of a method for each task. */
interface ChosenSettings<Settings> {
  readonly byTask: Readonly<Record<Task, Chosen<Settings>>>;
  /** The fit on the data before validation, if the test has the same data. */
  readonly sharedFit: Fit<Settings> | undefined;
}

/**
 * Returns the best settings on validation for each task. The task `all` also tries to leave out the user's own items, with the settings
 * that rank new items best.
 *
 * @throws the reason of `signal`.
 */
export async function chooseSettings<Settings extends object>(
  method: SimpleMethod<Settings>,
  context: FitOptions,
): Promise<ChosenSettings<Settings>> {
  const { grid } = method;
  const { data, protocol } = context.benchmark;
  const { validation, choice, tasks } = protocol;
  const beforeValidation = method.fit(fitData(context, validation));
  const byTask = forTasks<Chosen<Settings>>({ settings: grid[0]!, ownItems: 'ranked' });
  const mayLeaveOut = tasks.includes('all') && ownItemsOf(method).includes('left out');
  const sharedFit = protocol.test.cut === validation.cut ? beforeValidation : undefined;
  if (grid.length < 2 && !mayLeaveOut) return { byTask, sharedFit };
  const users = sampleUsers(validation.users, context.tuningUsersMax ?? 5000);
  const options = { cutoffs: [choice.cutoff], catalogSize: data.items.length - 1 };
  const compare = (settings: Settings, ownItems: OwnItems, compared: readonly Task[]): void => {
    const { ranker, dispose } = toRanker(beforeValidation(settings), validation);
    const rankers = forTasks(ownItems === 'ranked' ? ranker : leaveOutHistory(ranker));
    const evaluated = evaluateAndDispose({ tasks: compared }, { rankers, dispose }, users, options);
    for (const task of compared) {
      const validationScore = choiceScore(protocol, evaluated[task]!);
      if (validationScore > (byTask[task].validationScore ?? -1)) {
        byTask[task] = { settings, ownItems, validationScore };
      }
    }
  };
  // Each comparison blocks the thread. Signals are handled in between.
  const begin = async (position: number, detail: string): Promise<void> => {
    context.onProgress?.(position / (grid.length + 1), detail);
    await setImmediate();
    context.signal?.throwIfAborted();
  };
  for (const [position, settings] of grid.entries()) {
    await begin(position, `settings ${position + 1} of ${grid.length}`);
    compare(settings, 'ranked', tasks);
  }
  for (const task of tasks) {
    for (const settings of method.refine?.(byTask[task].settings, task) ?? []) {
      await begin(grid.length, `refined settings, ${taskTitles[task]}`);
      compare(settings, 'ranked', [task]);
    }
  }
  if (mayLeaveOut) {
    await begin(grid.length, 'without own items');
    compare(byTask.new.settings, 'left out', ['all']);
  }
  return { byTask, sharedFit };
}

/** Fits a method with the chosen settings on the data before the test. */
export function fitChosen<Settings extends object>(
  method: SimpleMethod<Settings>,
  { byTask, sharedFit }: ChosenSettings<Settings>,
  context: FitOptions,
): FittedRankers {
  const { tasks, test } = context.benchmark.protocol;
  const beforeTest = sharedFit ?? method.fit(fitData(context, test));
  const fitted = new Map<string, FittedMethod & DisposableRanker>();
  for (const task of tasks) {
    const { settings } = byTask[task];
    const key = hashJson(settings);
    if (fitted.has(key)) continue;
    const result = beforeTest(settings);
    fitted.set(key, { ...result, ...toRanker(result, test) });
  }
  const of = (task: Task) => fitted.get(hashJson(byTask[task].settings))!;
  const [first = 'new'] = tasks;
  const rankers = forTasks(of(first).ranker);
  for (const task of tasks) {
    const { ranker } = of(task);
    rankers[task] = byTask[task].ownItems === 'ranked' ? ranker : leaveOutHistory(ranker);
  }
  const settingsOf = (task: Task) => {
    const { settings, ownItems } = byTask[task];
    return ownItems === 'left out' ? { ...settings, ownItems } : settings;
  };
  const isOneChoice = new Set(tasks.map((task) => hashJson(settingsOf(task)))).size === 1;
  const validationScores = tasks.flatMap((task) => byTask[task].validationScore ?? []);
  return {
    rankers,
    ...(of(first).ranksCold === true ? { rankersOver: rankerOver(of(first), test) } : {}),
    dispose: () => fitted.forEach(({ dispose }) => dispose()),
    parameters: Math.max(...[...fitted.values()].map(({ parameters }) => parameters)),
    chosen: isOneChoice ? settingsOf(first) : Object.fromEntries(tasks.map((task) => [task, settingsOf(task)])),
    validationScore: validationScores.length > 0 ? mean(validationScores) : undefined,
  };
}

function fitData({ benchmark, seed }: FitOptions, heldOut: HeldOut): FitData {
  const { data } = benchmark;
  const catalogSize = data.items.length - 1;
  const columns = interactionsBefore(data, heldOut.cut);
  const isByDay = typeof heldOut.cut !== 'number' && benchmark.hasTimes;
  const recent: Scorer<SequenceUser> = isByDay
    ? popularityBeforeDays(heldOut)
    : popularity(columns, { catalogSize, since: recentFrom(heldOut.cut) });
  const recentLogarithm: Scorer<SequenceUser> = isByDay ? recent : (user) => recent(user).map(Math.log1p);
  const terms = (): string[][] => data.items.map((item) => contentTerms(featureAttributes(item)));
  return { columns, catalogSize, recent, recentLogarithm, seed, terms };
}

const cachedScores = { bytesMax: 2 ** 27, bytesOf: (scores: Float32Array) => scores.byteLength };

/** Scores items by the logarithm of their popularity in the 30 days before the day of the query. */
function popularityBeforeDays({ catalog }: HeldOut): Scorer<SequenceUser> {
  const column = popularityFeatureNames.indexOf('chosen30Days');
  const scoresOn = cacheDays((day) => {
    const features = catalog.timeline().featuresOn(day);
    return Float32Array.from(
      { length: features.length / popularityFeatureCount },
      (_, item) => features[item * popularityFeatureCount + column]!,
    );
  }, cachedScores);
  return ({ queryTime }) => scoresOn(catalog.timeline().dayOf(queryTime));
}

/** Creates the ranker of a fitted method over the candidates of held-out users. */
function toRanker({ scores }: FittedMethod, heldOut: HeldOut): DisposableRanker {
  return typeof scores === 'function'
    ? { ranker: candidatesOnly(scores, heldOut), dispose: () => undefined }
    : scores.rankerOf(heldOut);
}

function rankerOver(method: FittedMethod, heldOut: HeldOut): NonNullable<FittedRankers['rankersOver']> {
  return (candidates) => {
    const { ranker, dispose } = toRanker(method, { ...heldOut, candidates });
    return { rankers: forTasks(ranker), dispose };
  };
}

/** Scores only the candidates that all systems share. */
export function candidatesOnly(
  score: Scorer<HeldOutSequenceUser>,
  { candidates }: Pick<HeldOut, 'candidates'>,
): Scorer<HeldOutSequenceUser> {
  return (user) => {
    const scores = score(user).slice();
    for (let item = 1; item < scores.length; item++) if (candidates[item] !== 1) scores[item] = -Infinity;
    return scores;
  };
}

/** Returns the start of the newest 30 days before a cut; -Infinity if the cut is not a time. */
function recentFrom(cut: Cut): number {
  return typeof cut === 'number' ? cut - recentDays * dayMs : Number.NEGATIVE_INFINITY;
}

/** Returns the interactions with known items before a cut as columns. */
export function interactionsBefore({ sequences }: Pick<ModelData, 'sequences'>, cut: Cut): InteractionColumns {
  const size = sequences.items.length;
  const columns = { users: new Int32Array(size), items: new Int32Array(size), times: new Float64Array(size) };
  let count = 0;
  for (let user = 0; user < sequences.userIds.length; user++) {
    const end = cutEnd(sequences, user, cut);
    for (let position = sequences.offsets[user]!; position < end; position++) {
      if (sequences.items[position] === 0) continue;
      columns.users[count] = user;
      columns.items[count] = sequences.items[position]!;
      columns.times[count] = sequences.times[position]!;
      count++;
    }
  }
  const { users, items, times } = columns;
  return { users: users.subarray(0, count), items: items.subarray(0, count), times: times.subarray(0, count) };
}
