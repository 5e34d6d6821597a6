import { setImmediate } from 'node:timers/promises';
import { leaveOutHistory, mean, popularity } from '@facet/evaluation';
import type { Scorer, UserInterests } from '@facet/evaluation';
import { featureAttributes } from '@facet/bundles';
import { cacheDays, contentTerms, popularityFeatureCount, popularityFeatureNames } from '@facet/features';
import { createCatalogScorer } from '@facet/model/training';
import { interactionsBefore } from '../evaluation/baselines.ts';
import type { SequenceUser } from '../evaluation/user-queries.ts';
import { forTasks, sampleUsers } from '../evaluation/tasks.ts';
import type { HeldOut, HeldOutSequenceUser, Ranker, Task } from '../evaluation/tasks.ts';
import { createBlockScorer } from '../evaluation/score-blocks.ts';
import { hashJson } from '../context/stage-cache.ts';
import {
  bm25Cf,
  cosineCf,
  ownHistoryMethod,
  popularityMethod,
  recentPopularity,
  tfIdfMethod,
  walsMethod,
} from './classic-methods.ts';
import type { ClassicMethod, Fit, FitData, FittedMethod } from './classic-methods.ts';
import { choiceScore, evaluateAndDispose, recentFrom } from './protocol.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import type { FitContext, FittedSystem, System } from './system.ts';

const recentDays = 30;
/** The number of validation users for the comparison of settings. More users would rarely change the result. */
const tuningUsersMax = 5000;

/** All simple methods, the weakest first. */
const allSystems: readonly System[] = [
  toSystem(popularityMethod),
  toSystem(recentPopularity),
  toSystem(ownHistoryMethod),
  toSystem(tfIdfMethod),
  toSystem(cosineCf),
  toSystem(bm25Cf),
  toSystem(walsMethod),
];

/** The names of all simple methods. */
export const classicNames = allSystems.map(({ name }) => name);

/** Returns the simple methods of a protocol, the weakest first. */
export function classicSystems({ protocol: { tasks }, data: { items }, hasTimes }: BenchmarkData): System[] {
  const hasContent = items.some((item) => contentTerms(featureAttributes(item)).length > 0);
  const useless = [
    ...(hasTimes ? [] : [recentPopularity.name]),
    // Finds repeats only.
    ...(tasks.includes('all') ? [] : [ownHistoryMethod.name]),
    ...(hasContent ? [] : [tfIdfMethod.name]),
  ];
  return allSystems.filter(({ name }) => !useless.includes(name));
}

function toSystem<Settings extends object>(method: ClassicMethod<Settings>): System {
  return {
    name: method.name,
    kind: 'classic',
    isSeeded: method.isSeeded,
    settings: { grid: method.grid, version: method.version, ownItems: ownItemsOf(method) },
    fit: (context) => fitClassic(method, context),
  };
}

/** How a method ranks a user's own items in the task `all`. In data without repeats, they only displace possible labels. */
type OwnItems = 'ranked' | 'left out';

function ownItemsOf({ keepsOwnItems = false }: Pick<ClassicMethod<object>, 'keepsOwnItems'>): OwnItems[] {
  return keepsOwnItems ? ['ranked'] : ['ranked', 'left out'];
}

async function fitClassic<Settings extends object>(
  method: ClassicMethod<Settings>,
  context: FitContext,
): Promise<FittedSystem> {
  const { protocol } = context.benchmark;
  const startedAt = context.now();
  const { validation, test } = protocol;
  const beforeValidation = method.fit(fitData(context, validation));
  const chosen = await chooseSettings(method, beforeValidation, context);
  const chosenAt = context.now();
  const beforeTest = test.cut === validation.cut ? beforeValidation : method.fit(fitData(context, test));
  const fitted = new Map<string, FittedMethod & RankingMethod>();
  for (const task of protocol.tasks) {
    const key = hashJson(chosen[task].settings);
    if (fitted.has(key)) continue;
    const result = beforeTest(chosen[task].settings);
    fitted.set(key, { ...result, ...toRanker(result, test) });
  }
  const of = (task: Task) => fitted.get(hashJson(chosen[task].settings))!;
  const [first = 'new'] = protocol.tasks;
  const rankers = forTasks(of(first).ranker);
  for (const task of protocol.tasks) {
    const { ranker } = of(task);
    rankers[task] = chosen[task].ownItems === 'ranked' ? ranker : leaveOutHistory(ranker);
  }
  const settingsOf = (task: Task) => {
    const { settings, ownItems } = chosen[task];
    return ownItems === 'left out' ? { ...settings, ownItems } : settings;
  };
  const isOneChoice = new Set(protocol.tasks.map((task) => hashJson(settingsOf(task)))).size === 1;
  const validationScores = protocol.tasks.flatMap((task) => chosen[task].validationScore ?? []);
  const isTuned = validationScores.length > 0;
  return {
    rankers,
    ...(of(first).ranksCold === true ? { rankersOver: rankerOver(of(first), test) } : {}),
    dispose: () => fitted.forEach(({ dispose }) => dispose()),
    parameters: Math.max(...[...fitted.values()].map(({ parameters }) => parameters)),
    chosen: isOneChoice
      ? settingsOf(first)
      : Object.fromEntries(protocol.tasks.map((task) => [task, settingsOf(task)])),
    validationScore: isTuned ? mean(validationScores) : undefined,
    tuningSeconds: isTuned ? (chosenAt - startedAt) / 1000 : 0,
    trainingSeconds: (context.now() - chosenAt) / 1000,
  };
}

interface Chosen<Settings> {
  readonly settings: Settings;
  readonly ownItems: OwnItems;
  /** Absent if there was nothing to choose. */
  readonly validationScore?: number;
}

/**
 * Returns the best settings on validation for each task. The task `all` also tries to leave out the user's own items, with the settings
 * that rank new items best.
 */
async function chooseSettings<Settings extends object>(
  method: ClassicMethod<Settings>,
  fit: Fit<Settings>,
  context: FitContext,
): Promise<Record<Task, Chosen<Settings>>> {
  const { grid } = method;
  const best = forTasks<Chosen<Settings>>({ settings: grid[0]!, ownItems: 'ranked' });
  const { data, protocol } = context.benchmark;
  const { validation, choice, tasks } = protocol;
  const mayLeaveOut = tasks.includes('all') && ownItemsOf(method).includes('left out');
  if (grid.length < 2 && !mayLeaveOut) return best;
  const users = sampleUsers(validation.users, tuningUsersMax);
  const options = { cutoffs: [choice.cutoff], catalogSize: data.items.length - 1, tieSeed: context.tieSeed };
  const compare = (settings: Settings, ownItems: OwnItems, compared: readonly Task[]): void => {
    const { ranker, dispose } = toRanker(fit(settings), validation);
    const rankers = forTasks(ownItems === 'ranked' ? ranker : leaveOutHistory(ranker));
    const evaluated = evaluateAndDispose({ tasks: compared }, { rankers, dispose }, users, options);
    for (const task of compared) {
      const validationScore = choiceScore(protocol, evaluated[task]!);
      if (validationScore > (best[task].validationScore ?? -1)) best[task] = { settings, ownItems, validationScore };
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
  if (mayLeaveOut) {
    await begin(grid.length, 'without own items');
    compare(best.new.settings, 'left out', ['all']);
  }
  return best;
}

function fitData({ benchmark, seed }: FitContext, heldOut: HeldOut): FitData {
  const { data } = benchmark;
  const catalogSize = data.items.length - 1;
  const columns = interactionsBefore(data, heldOut.cut);
  const recent: Scorer<SequenceUser> =
    typeof heldOut.cut !== 'number' && benchmark.hasTimes
      ? popularityBeforeDays(heldOut)
      : popularity(columns, { catalogSize, since: recentFrom(heldOut.cut, recentDays) });
  const terms = (): string[][] => data.items.map((item) => contentTerms(featureAttributes(item)));
  return { columns, catalogSize, recent, seed, terms };
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

interface RankingMethod {
  readonly ranker: Ranker;
  dispose(): void;
}

/** Creates the ranker of a fitted method over the candidates of held-out users. */
function toRanker({ scores }: FittedMethod, heldOut: HeldOut): RankingMethod {
  if (typeof scores === 'function') return { ranker: candidatesOnly(scores, heldOut), dispose: () => undefined };
  const { items, dim, usersOf } = scores;
  const catalogScorer = createCatalogScorer(items, { interests: 1, dim });
  const vectorsOf = new Map<HeldOutSequenceUser, UserInterests>();
  const blocks = createBlockScorer<HeldOutSequenceUser>(
    {
      vectors: items,
      dim,
      interestsMax: 1,
      interests: (user) => vectorsOf.get(user)!,
      prior: () => undefined,
      bonuses: () => new Map(),
      candidates: heldOut.candidates,
    },
    catalogScorer,
  );
  const prepare = (users: readonly HeldOutSequenceUser[]): void => {
    const vectors = usersOf(users.map(({ history }) => history));
    users.forEach((user, row) =>
      vectorsOf.set(user, { count: 1, vectors: vectors.subarray(row * dim, (row + 1) * dim) }),
    );
  };
  return { ranker: { ...blocks, prepare }, dispose: () => catalogScorer.dispose() };
}

function rankerOver(method: FittedMethod, heldOut: HeldOut): NonNullable<FittedSystem['rankersOver']> {
  return (candidates) => {
    const { ranker, dispose } = toRanker(method, { ...heldOut, candidates });
    return { rankers: forTasks(ranker), dispose };
  };
}

/** Scores only the candidates that all systems share. */
function candidatesOnly(score: Scorer<HeldOutSequenceUser>, { candidates }: HeldOut): Scorer<HeldOutSequenceUser> {
  return (user) => {
    const scores = score(user).slice();
    for (let item = 1; item < scores.length; item++) if (candidates[item] !== 1) scores[item] = -Infinity;
    return scores;
  };
}
