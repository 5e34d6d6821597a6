import { setImmediate } from 'node:timers/promises';
import { bootstrapInterval, pairedBootstrap } from '@facet/evaluation';
import type { BootstrapInterval, CutoffMetrics, PairedDifference, RankingEvaluation } from '@facet/evaluation';
import type { Dataset } from '../dataset/dataset.ts';
import type { Model } from '../model/model-artifact.ts';
import type { StageWatch } from '../stage.ts';
import { reportInterests, createModelScorer } from './model-scorer.ts';
import type { InterestReport, TensorFlowScoring } from './model-scorer.ts';
import {
  chooseSettings,
  fitChosen,
  ownHistoryMethod,
  popularityMethod,
  recentPopularity,
  smallBm25Cf,
} from './simple-methods.ts';
import type { FitOptions, FittedRankers, SimpleMethod } from './simple-methods.ts';
import { evaluateTasks, forTasks, heldOutWindow } from './tasks.ts';
import type { Task, TaskEvaluations, TaskRankers, HeldOut, HeldOutParts } from './tasks.ts';

/** The metrics of one method on one task. */
interface MethodMetrics {
  readonly users: number;
  readonly cutoffs: readonly CutoffMetrics[];
  /** Recall at the main cutoff with its 95 % bootstrap interval over users. */
  readonly recall: BootstrapInterval;
}

export interface EvaluatedMethod {
  readonly name: string;
  /** Items that are new to the user; the history is masked. */
  readonly new: MethodMetrics;
  /** All items, repeats included. */
  readonly all: MethodMetrics;
}

export interface EvaluationReport {
  readonly modelId: string;
  readonly datasetId: string;
  /** Epoch milliseconds of the test window, half-open. */
  readonly window: { readonly from: number; readonly before: number };
  /** The cutoff of `recall` and `margin`. */
  readonly mainCutoff: number;
  readonly rules: string;
  /** The interest model first, then the baselines. */
  readonly methods: readonly EvaluatedMethod[];
  /** The settings of each baseline that are best on the validation window, by task if they differ. */
  readonly chosen: Readonly<Record<string, unknown>>;
  /** Recall of the model minus recall of the best baseline on the same users. */
  readonly margin: Readonly<Record<Task, PairedDifference & { readonly baseline: string }>>;
  readonly interests: InterestReport;
}

interface EvaluateOptions extends StageWatch {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly cutoffs: readonly number[];
}

const bootstrapSeed = 1;
const preferredCutoff = 50;
const rules =
  'Every method ranks the items with an interaction before the window, and the other items of the catalog, unless they ' +
  'were created later. Other items count as misses. Users have at least one interaction before the window. Equal scores ' +
  'are ordered by a seeded hash that differs from user to user.';

/** Evaluates the model and the baselines on the test window with the same users, candidates, truth and tie rule. */
export async function evaluateWithBaselines(options: EvaluateOptions): Promise<EvaluationReport> {
  const { dataset, model } = options;
  const { testFrom } = dataset.split;
  const window = heldOutWindow(dataset, testFrom, Number.POSITIVE_INFINITY);
  const modelScorer = createModelScorer(dataset, model.info.spec, model.weights, {
    ...window,
    tensorFlow: await loadTensorFlowScoring(),
  });
  const baselines = createBaselines(dataset, window, options);
  const evaluations: (TaskEvaluations & { name: string })[] = [];
  const showProgress = (name: string, share = 0, detail = ''): void =>
    options.onProgress?.({
      share: (evaluations.length + share) / (baselines.length + 1),
      detail: detail === '' ? name : `${name}, ${detail}`,
    });
  const evaluate = (name: string, rankers: TaskRankers): void => {
    const { cutoffs } = options;
    const catalogSize = dataset.items.length - 1;
    evaluations.push({ name, ...evaluateTasks(rankers, window.users, { cutoffs, catalogSize }) });
  };
  const chosen: Record<string, unknown> = {};
  let interests: InterestReport;
  try {
    showProgress('interest model');
    await setImmediate();
    evaluate('interest model', forTasks(modelScorer.ranker));
    interests = reportInterests(modelScorer, window.users, model.info.spec.config.interests);
  } finally {
    modelScorer.dispose();
  }
  for (const { name, fit } of baselines) {
    showProgress(name);
    const fitted = await fit((share, detail) => showProgress(name, share, detail));
    evaluate(name, fitted.rankers);
    chosen[name] = fitted.chosen;
  }
  const mainCutoff = options.cutoffs.includes(preferredCutoff) ? preferredCutoff : options.cutoffs.at(-1)!;
  const main = options.cutoffs.indexOf(mainCutoff);
  return {
    modelId: model.id,
    datasetId: dataset.id,
    window: { from: testFrom, before: dataset.info.window.occurredBefore },
    mainCutoff,
    rules,
    methods: evaluations.map(({ name, new: newToUser, all }) => ({
      name,
      new: summarize(newToUser, main),
      all: summarize(all, main),
    })),
    chosen,
    margin: { new: marginOf(evaluations, 'new', main), all: marginOf(evaluations, 'all', main) },
    interests,
  };
}

/** The interval of a task without users: no test user has an item that is new to the user. */
const noInterval = { mean: 0, low: 0, high: 0 };

function summarize({ users, metrics, perUser }: RankingEvaluation, main: number): MethodMetrics {
  const recall = users === 0 ? noInterval : bootstrapInterval(perUser[main]!.recall, { seed: bootstrapSeed });
  return { users, cutoffs: metrics, recall };
}

function marginOf(
  evaluations: readonly (TaskEvaluations & { name: string })[],
  task: Task,
  main: number,
): PairedDifference & { baseline: string } {
  const [model, ...baselines] = evaluations;
  const recallOf = (evaluated: TaskEvaluations): number => evaluated[task].metrics[main]!.recall;
  const best = baselines.reduce((strongest, candidate) =>
    recallOf(candidate) > recallOf(strongest) ? candidate : strongest,
  );
  if (best[task].users === 0) return { ...noInterval, shareAboveZero: 0, baseline: best.name };
  const difference = pairedBootstrap(model![task].perUser[main]!.recall, best[task].perUser[main]!.recall, {
    seed: bootstrapSeed,
  });
  return { ...difference, baseline: best.name };
}

/** Evaluates a model on the test window of its dataset, with metrics per user for the comparison of models. */
export function rankTestWindow(options: {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly cutoffs: readonly number[];
}): TaskEvaluations {
  const { dataset, model } = options;
  const { testFrom } = dataset.split;
  const window = heldOutWindow(dataset, testFrom, Number.POSITIVE_INFINITY);
  const scorer = createModelScorer(dataset, model.info.spec, model.weights, window);
  return evaluateTasks(forTasks(scorer.score), window.users, { ...options, catalogSize: dataset.items.length - 1 });
}

/** Returns undefined if TensorFlow is not installed. The evaluation then takes longer and differs by rounding only. */
async function loadTensorFlowScoring(): Promise<TensorFlowScoring | undefined> {
  try {
    return await import('@facet/model/training');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** A simple method that an interest model must beat. */
interface Baseline {
  readonly name: string;
  /** Fits the method on the data before the test, with the settings that are best on the validation window of the dataset. */
  fit(onProgress?: FitOptions['onProgress']): Promise<FittedRankers>;
}

/** Returns popularity of all time and of the last 30 days, own history, and item-based CF. */
export function createBaselines(dataset: Dataset, test: HeldOut, { signal }: Pick<FitOptions, 'signal'>): Baseline[] {
  const { validationFrom, testFrom } = dataset.split;
  const protocol: HeldOutParts = {
    tasks: ['new', 'all'],
    validation: heldOutWindow(dataset, validationFrom, testFrom),
    test,
    choice: { metric: 'recall', cutoff: 50 },
  };
  const options: FitOptions = {
    benchmark: { data: dataset, protocol, hasTimes: true },
    seed: 0,
    tuningUsersMax: 1000,
    signal,
  };
  const toBaseline = <Settings extends object>(method: SimpleMethod<Settings>): Baseline => ({
    name: method.name,
    fit: async (onProgress) => fitChosen(method, await chooseSettings(method, { ...options, onProgress }), options),
  });
  return [
    toBaseline(popularityMethod),
    toBaseline(recentPopularity),
    toBaseline(ownHistoryMethod),
    toBaseline(smallBm25Cf),
  ];
}
