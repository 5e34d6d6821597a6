import { setImmediate } from 'node:timers/promises';
import { fitItemNeighbors, ownHistory, popularity, scoreByNeighbors, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer, UserInterests } from '@facet/evaluation';
import { createRandom } from '@facet/features';
import { createCatalogProducts, fitWals } from '@facet/model/training';
import type { WalsOptions } from '@facet/model/training';
import { interactionsBefore } from '../evaluation/baselines.ts';
import { forTasks } from '../evaluation/tasks.ts';
import type { HeldOut, HeldOutSequenceUser, Ranker, Task } from '../evaluation/tasks.ts';
import { createVectorBlocks } from '../evaluation/vector-blocks.ts';
import { hashJson } from '../context/stage-cache.ts';
import { choiceScore, evaluateAndDispose, recentFrom } from './protocol.ts';
import type { ProtocolName } from './protocol.ts';
import type { FitContext, FittedSystem, System } from './system.ts';

/** A method without a tower. Its settings are chosen on validation for each task separately. */
interface ClassicMethod<Settings> {
  readonly name: string;
  readonly isSeeded: boolean;
  /** The settings to compare. */
  readonly grid: readonly Settings[];
  fit(settings: Settings, fitted: FitData): FittedMethod;
}

interface FittedMethod {
  readonly parameters: number;
  readonly scores: Scorer | VectorProducts;
}

/** Scores that are dot products of vectors, so that many users are scored at once. */
interface VectorProducts {
  /** [N + 1, dim] */
  readonly items: Float32Array;
  readonly dim: number;
  /** Returns [U, dim] the vectors of users with these histories. */
  readonly usersOf: (histories: readonly Int32Array[]) => Float32Array;
}

/** The data before a cut. */
interface FitData {
  readonly columns: InteractionColumns;
  readonly catalogSize: number;
  /** The fallback: popularity of the 30 days before the cut, or of all time without times. */
  readonly recent: Scorer;
  readonly seed: number;
}

const recentDays = 30;
/** The number of validation users for the comparison of settings. More users would rarely change the result. */
const tuningUsersMax = 5000;

const popularityMethod: ClassicMethod<object> = {
  name: 'popularity',
  isSeeded: false,
  grid: [{}],
  fit: (_, { columns, catalogSize }) => ({ scores: popularity(columns, { catalogSize }), parameters: catalogSize }),
};

const recentPopularity: ClassicMethod<object> = {
  name: 'popularity-30d',
  isSeeded: false,
  grid: [{}],
  fit: (_, { recent, catalogSize }) => ({ scores: recent, parameters: catalogSize }),
};

const ownHistoryMethod: ClassicMethod<object> = {
  name: 'own-history',
  isSeeded: false,
  grid: [{}],
  fit: (_, { recent, catalogSize }) => ({ scores: ownHistory(recent), parameters: catalogSize }),
};

type ItemCfSettings = Omit<ItemCfOptions, 'catalogSize'>;

const neighborCounts = [20, 100, 500];
const lastBehaviorCounts = [undefined, 50, 10, 5];

function itemCfMethod(name: string, weights: readonly ItemCfSettings[]): ClassicMethod<ItemCfSettings> {
  return {
    name,
    isSeeded: false,
    grid: weights.flatMap((weight) =>
      lastBehaviorCounts.map((lastBehaviors) => (lastBehaviors === undefined ? weight : { ...weight, lastBehaviors })),
    ),
    fit(settings, { columns, catalogSize, recent }) {
      const neighbors = fitItemNeighbors(columns, { ...settings, catalogSize });
      const scores = withFallback(scoreByNeighbors(neighbors, { ...settings, catalogSize }), recent);
      return { scores, parameters: neighbors.values.length };
    },
  };
}

const cosineCf = itemCfMethod(
  'item-cf-cosine',
  neighborCounts.map((neighbors) => ({ weights: 'cosine', neighbors })),
);
const bm25Cf = itemCfMethod(
  'item-cf-bm25',
  neighborCounts.flatMap((neighbors) => [0.2, 0.5, 0.75].map((b) => ({ weights: 'bm25' as const, neighbors, b }))),
);

type WalsSettings = Omit<WalsOptions, 'catalogSize' | 'seed'>;

const walsMethod: ClassicMethod<WalsSettings> = {
  name: 'wals',
  isSeeded: true,
  grid: [1, 10].flatMap((alpha) =>
    [1, 10].map((regularization) => ({ factors: 64, iterations: 15, alpha, regularization })),
  ),
  fit(settings, { columns, catalogSize, seed }) {
    const { factors: dim, itemFactors, foldIn } = fitWals(columns, { ...settings, catalogSize, seed });
    return { parameters: catalogSize * dim, scores: { items: itemFactors, dim, usersOf: foldIn } };
  },
};

/** Returns the simple methods of a protocol, the weakest first. */
export function classicSystems(protocol: ProtocolName): System[] {
  const always = [toSystem(cosineCf), toSystem(bm25Cf), toSystem(walsMethod)];
  // Leave-one-out has neither times for recent popularity nor repeats for own history.
  return protocol === 'time-split'
    ? [toSystem(popularityMethod), toSystem(recentPopularity), toSystem(ownHistoryMethod), ...always]
    : [toSystem(popularityMethod), ...always];
}

function toSystem<Settings extends object>(method: ClassicMethod<Settings>): System {
  return {
    name: method.name,
    kind: 'classic',
    isSeeded: method.isSeeded,
    settings: { grid: method.grid },
    fit: (context) => fitClassic(method, context),
  };
}

async function fitClassic<Settings extends object>(
  method: ClassicMethod<Settings>,
  context: FitContext,
): Promise<FittedSystem> {
  const { protocol } = context.benchmark;
  const startedAt = context.now();
  const chosen = await choose(method, context);
  const chosenAt = context.now();
  const { test } = protocol;
  const data = fitData(context, test);
  const fitted = new Map<string, FittedMethod & RankingMethod>();
  for (const task of protocol.tasks) {
    const key = hashJson(chosen[task].settings);
    if (fitted.has(key)) continue;
    const result = method.fit(chosen[task].settings, data);
    fitted.set(key, { ...result, ...toRanker(result, test) });
  }
  const of = (task: Task) => fitted.get(hashJson(chosen[task].settings))!;
  const [first = 'new'] = protocol.tasks;
  const rankers = forTasks(of(first).ranker);
  for (const task of protocol.tasks) rankers[task] = of(task).ranker;
  const isTuned = method.grid.length > 1;
  return {
    rankers,
    dispose: () => fitted.forEach(({ dispose }) => dispose()),
    parameters: Math.max(...[...fitted.values()].map(({ parameters }) => parameters)),
    chosen:
      fitted.size === 1
        ? chosen[first].settings
        : Object.fromEntries(protocol.tasks.map((task) => [task, chosen[task].settings])),
    validationScore: isTuned ? mean(protocol.tasks.map((task) => chosen[task].validationScore)) : undefined,
    tuningSeconds: isTuned ? (chosenAt - startedAt) / 1000 : 0,
    trainingSeconds: (context.now() - chosenAt) / 1000,
  };
}

interface Chosen<Settings> {
  readonly settings: Settings;
  readonly validationScore: number;
}

/** Returns the best settings on validation for each task. */
async function choose<Settings>(
  method: ClassicMethod<Settings>,
  context: FitContext,
): Promise<Record<Task, Chosen<Settings>>> {
  const best: Record<Task, Chosen<Settings>> = forTasks({ settings: method.grid[0]!, validationScore: -1 });
  if (method.grid.length < 2) return best;
  const { data, protocol } = context.benchmark;
  const { validation, choice, tasks } = protocol;
  const users = sampleUsers(validation.users, tuningUsersMax);
  const before = fitData(context, validation);
  const options = { cutoffs: [choice.cutoff], catalogSize: data.items.length - 1, tieSeed: context.tieSeed };
  for (const [position, settings] of method.grid.entries()) {
    context.onProgress?.(position / (method.grid.length + 1), `settings ${position + 1} of ${method.grid.length}`);
    // Each setting blocks the thread. Signals are handled in between.
    await setImmediate();
    context.signal?.throwIfAborted();
    const { ranker, dispose } = toRanker(method.fit(settings, before), validation);
    const evaluated = evaluateAndDispose(protocol, { rankers: forTasks(ranker), dispose }, users, options);
    for (const task of tasks) {
      const validationScore = choiceScore(protocol, evaluated[task]!);
      if (validationScore > best[task].validationScore) best[task] = { settings, validationScore };
    }
  }
  return best;
}

function fitData({ benchmark, seed }: FitContext, heldOut: HeldOut): FitData {
  const { data } = benchmark;
  const catalogSize = data.items.length - 1;
  const columns = interactionsBefore(data, heldOut.cut);
  const recent = popularity(columns, { catalogSize, since: recentFrom(heldOut.cut, recentDays) });
  return { columns, catalogSize, recent, seed };
}

interface RankingMethod {
  readonly ranker: Ranker;
  dispose(): void;
}

/** Creates the ranker of a fitted method over the candidates of held-out users. */
function toRanker({ scores }: FittedMethod, heldOut: HeldOut): RankingMethod {
  if (typeof scores === 'function') return { ranker: candidatesOnly(scores, heldOut), dispose: () => undefined };
  const { items, dim, usersOf } = scores;
  const products = createCatalogProducts(items, { interests: 1, dim });
  const vectorsOf = new Map<HeldOutSequenceUser, UserInterests>();
  const blocks = createVectorBlocks<HeldOutSequenceUser>(
    {
      vectors: items,
      dim,
      interestsMax: 1,
      interests: (user) => vectorsOf.get(user)!,
      prior: () => undefined,
      bonuses: () => new Map(),
      candidates: heldOut.candidates,
    },
    products,
  );
  const prepare = (users: readonly HeldOutSequenceUser[]): void => {
    const vectors = usersOf(users.map(({ history }) => history));
    users.forEach((user, row) =>
      vectorsOf.set(user, { count: 1, vectors: vectors.subarray(row * dim, (row + 1) * dim) }),
    );
  };
  return { ranker: { ...blocks, prepare }, dispose: () => products.dispose() };
}

/** Scores only the candidates that all systems share. */
function candidatesOnly(score: Scorer, { candidates }: HeldOut): Scorer<HeldOutSequenceUser> {
  return (user) => {
    const scores = score(user).slice();
    for (let item = 1; item < scores.length; item++) if (candidates[item] !== 1) scores[item] = -Infinity;
    return scores;
  };
}

/** Returns a seeded sample of users, which is the same for all systems. */
export function sampleUsers<User>(users: readonly User[], usersMax: number): readonly User[] {
  if (users.length <= usersMax) return users;
  const sample = [...users];
  createRandom(0).shuffle(sample);
  return sample.slice(0, usersMax);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
